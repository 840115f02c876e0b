"""Each step of the smoke test is red when the thing breaks that it is for, and says so."""

from __future__ import annotations

import json
import re
import socket

import pytest

from shared.smoke.report import Look
from shared.smoke.story import ANSWERS, CLEANED, HELD, STEPS
from tests.smoke.faulty import Fault, proxied

pytestmark = pytest.mark.long

ERROR = json.dumps({"error": {"message": "The server had an error while processing your request."}})
AWAY = json.dumps({"error": {"message": "The storage of this box cannot be reached at the moment."}})
RUN = r"/v1/threads/\w+/runs/\w+"


def said(old: str, new: str):
    """Writes something else in place of what was said."""
    return lambda body: re.sub(old.encode(), new.encode(), body)


FAULTS = {
    "the second prefix is not routed": ("both prefixes", Fault("GET /openai/.*", 404), "404 without", Look.FUNCTIONS),
    "the stream ends early": (
        "a streamed run",
        Fault(r"POST /v1/threads/\w+/runs", cut=b"thread.run.completed"),
        "ended early",
        Look.STREAMS,
    ),
    "words of the stream are lost": (
        "a streamed run",
        Fault(r"POST /v1/threads/\w+/runs", tells=said('"value": ?"not ?"', '"value":""')),
        "characters were streamed",
        Look.STREAMS,
    ),
    "the first event is lost": (
        "a streamed run",
        Fault(r"POST /v1/threads/\w+/runs", tells=said(r"event: thread.run.created\n.*\n\n", ": lost\n\n")),
        "begins with",
        Look.STREAMS,
    ),
    "the queue starts nothing": (
        "a polled run",
        Fault(f"GET {RUN}", tells=said(r'"status": ?"\w+"', '"status":"queued"')),
        "still queued after 2 s",
        Look.QUEUE,
    ),
    "no answer is kept": (
        "a polled run",
        Fault(r"GET /v1/threads/\w+/messages", tells=said(r'"data": ?\[.*\],', '"data":[],')),
        "left no answer",
        Look.MODEL,
    ),
    "outputs are not taken": (
        "a function of the client",
        Fault(f"POST {RUN}/submit_tool_outputs", 500, ERROR),
        "500: The server had an error",
        Look.STORAGE,
    ),
    "outputs are changed": (
        "a function of the client",
        Fault(f"POST {RUN}/submit_tool_outputs", asks=said("sunny", "rainy")),
        "does not hold the output",
        Look.STORAGE,
    ),
    "the client's function is not offered": (
        "a function of the client",
        Fault("POST /v1/assistants", asks=said("get_weather", "get_whether")),
        "not found in 'tools'",
        Look.FUNCTIONS,
    ),
    "the tool of the box is not offered": (
        "a tool of the box",
        Fault("POST /v1/assistants", asks=said("server_tools", "tools_of_server")),
        "was not offered get_current_time",
        Look.TOOLS,
    ),
    "the chart arrives in half": (
        "code with a chart",
        Fault(r"GET /v1/files/[\w-]+/content", tells=lambda body: body[:100]),
        "no whole PNG",
        Look.CODE,
    ),
    "no code runs": (
        "code with a chart",
        Fault(r"GET /v1/threads/\w+/runs/\w+/steps", tells=said("code_interpreter", "something_else")),
        "no picture",
        Look.CODE,
    ),
    "documents are not read": (
        "a file searched and cited",
        Fault(r"(POST|GET) /v1/vector_stores/\w+/files.*", tells=said(r'"status": ?"\w+"', '"status":"in_progress"')),
        "still unread after 2 s",
        Look.QUEUE,
    ),
    "the citation is lost": (
        "a file searched and cited",
        Fault(r"GET /v1/threads/\w+/messages", tells=said(r'"annotations": ?\[[^\]]*\]', '"annotations":[]')),
        "cites no document",
        Look.SEARCH,
    ),
    "the citation is misplaced": (
        "a file searched and cited",
        Fault(r"GET /v1/threads/\w+/messages", tells=said('"start_index": ?', '"start_index":1')),
        "not where it says",
        Look.SEARCH,
    ),
    "the host takes no large body": (
        "a large file",
        Fault("POST /v1/files", 500, above=1_000_000),
        "500 without a word",
        Look.UPLOADS,
    ),
    "a large file is changed": (
        "a large file",
        Fault(r"GET /v1/files/[\w-]+/content", tells=lambda body: body[:-1]),
        "others came back",
        Look.UPLOADS,
    ),
    "a part is refused": ("a file in parts", Fault(r"POST /v1/uploads/\w+/parts", 413), "413", Look.UPLOADS),
    "the parts are no file": (
        "a file in parts",
        Fault(r"POST /v1/uploads/\w+/complete", tells=said(r'"file": ?\{.*\}', '"file":null}')),
        "is no file",
        Look.UPLOADS,
    ),
    "the run ends with its listener": (
        "a listener who leaves",
        Fault(r"GET /v1/threads/\w+/runs(/\w+)?", tells=said(r'"status": ?"\w+"', '"status":"cancelled"')),
        "ended as cancelled",
        Look.MODEL,
    ),
    "nothing is cancelled": ("a cancelled run", Fault(f"POST {RUN}/cancel", 404), "404 without", Look.FUNCTIONS),
    "a cancelled run completes": (
        "a cancelled run",
        Fault(f"POST {RUN}/cancel", tells=said(r'"status": ?"\w+"', '"status":"completed"')),
        "the cancelled run is completed",
        Look.QUEUE,
    ),
    "a stream is cut": (
        HELD,
        Fault(r"POST /v1/threads/\w+/runs", cut=b"thread.run.step.completed"),
        "was cut after",
        Look.STREAMS,
    ),
    "a stream is held back": (
        HELD,
        Fault(r"POST /v1/threads/\w+/runs", held=3),
        "something on the way holds the stream back",
        Look.STREAMS,
    ),
    "the program is not what was asked for": (
        HELD,
        Fault(r"POST /v1/threads", asks=said("time.sleep", "print")),
        "did not sleep",
        Look.CODE,
    ),
    "files stay": (CLEANED, Fault(r"DELETE /v1/files/[\w-]+", 500, ERROR), "not deleted: file file-", Look.REST),
    "what was deleted is still there": (
        CLEANED,
        Fault(r"DELETE /v1/files/[\w-]+", 200, '{"id": "x", "object": "file", "deleted": true}'),
        "still listed",
        Look.REST,
    ),
}


def test_each_step_has_a_fault():
    assert {step for step, *_ in FAULTS.values()} == {*STEPS, CLEANED}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_turns_its_step_red(box, tell, name):
    step, fault, words, look = FAULTS[name]
    alone = step if step in STEPS else "a file in parts"
    options = {"hold": 6} if "sleep" in words else {}
    impatient = {"patience": 2.0} if "after 2 s" in words else {}
    with proxied(box.url, fault) as proxy:
        outcomes = tell(proxy.url, alone, silence=2.0, **options, **impatient)

    assert proxy.hits
    found = outcomes[step]
    assert not found.ok
    assert words in found.wrong
    assert found.look == look
    if step in STEPS:
        assert outcomes[CLEANED].ok, outcomes[CLEANED].wrong
    else:
        assert outcomes[alone].ok


ANSWER_FAULTS = {
    "deployed with no functions": (Fault(".*", 404), "404 without a word", Look.FUNCTIONS),
    "the app does not start": (Fault(".*", 503, "<h1>Service Unavailable</h1>"), "503", Look.INSTANCE),
    "another key": (Fault("GET /v1/assistants", 401, '{"error": {"message": "Incorrect"}}'), "401", Look.KEY),
    "addresses are restricted": (Fault(".*", 403, "<h1>Ip Forbidden</h1>"), "403", Look.KEY),
    "a fault of the box": (Fault("GET /v1/assistants", 500, ERROR), "most often the storage", Look.STORAGE),
    "no right to the storage": (Fault("GET /v1/assistants", 503, AWAY), "503: The storage", Look.STORAGE),
    "another site": (Fault(".*", 200, "<h1>Welcome</h1>"), "it is no box", Look.ADDRESS),
}


@pytest.mark.parametrize("name", ANSWER_FAULTS)
def test_why_a_box_does_not_answer_is_told_apart(box, tell, name):
    fault, words, look = ANSWER_FAULTS[name]
    with proxied(box.url, fault) as proxy:
        outcomes = tell(proxy.url)

    assert list(outcomes) == [ANSWERS]
    assert not outcomes[ANSWERS].ok
    assert words in outcomes[ANSWERS].wrong
    assert outcomes[ANSWERS].look == look


def test_an_address_without_a_box_is_told(tell):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        outcomes = tell(f"http://127.0.0.1:{nobody.getsockname()[1]}")
    assert "nothing answers at http://127.0.0.1" in outcomes[ANSWERS].wrong
    assert outcomes[ANSWERS].look == Look.ADDRESS
