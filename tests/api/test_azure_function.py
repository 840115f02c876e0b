"""Azure functions behind queues: a storage account (Azurite), and a function that tests let answer, late, or never."""

from __future__ import annotations

import base64
import json
import threading
import time
from typing import Any

import pytest
from azure.core.exceptions import ResourceExistsError
from azure.storage.queue import QueueServiceClient

from shared.llm.scripted import call, text
from shared.tools import function_queue
from shared.tools.base import ToolFailure
from tests.contract.conftest import azurite, azurite_installed  # noqa: F401  fixtures


class Queues:
    """The two queues of one test."""

    def __init__(self, account: str, name: str) -> None:
        self.service = QueueServiceClient.from_connection_string(account)
        self.endpoint = self.service.url.rstrip("/")
        self.host = self.endpoint.partition("//")[2].partition("/")[0]
        self.input, self.output = (self.service.get_queue_client(f"{name}-{each}") for each in ("in", "out"))
        for queue in (self.input, self.output):
            try:
                queue.create_queue()
            except ResourceExistsError:
                queue.clear_messages()

    def request(self) -> dict[str, Any]:
        """The next request, taken out of the queue as the function's host does it."""
        end = time.monotonic() + 10
        while time.monotonic() < end:
            message = self.input.receive_message(visibility_timeout=60)
            if message is not None:
                self.input.delete_message(message)
                return json.loads(base64.b64decode(message.content))
            time.sleep(0.05)
        raise AssertionError("no request came")

    def say(self, body: dict[str, Any], *, plain: bool = False) -> None:
        content = json.dumps(body)
        self.output.send_message(content if plain else base64.b64encode(content.encode()).decode())

    def left(self) -> list[Any]:
        return [each.content for each in self.output.peek_messages(32)]

    def definition(self, **function: Any) -> dict[str, Any]:
        parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
        described = {"name": "weather", "description": "The weather.", "parameters": parameters} | function
        bindings = {
            f"{direction}_binding": {
                "type": "storage_queue",
                "storage_queue": {"queue_service_endpoint": self.endpoint, "queue_name": queue.queue_name},
            }
            for direction, queue in (("input", self.input), ("output", self.output))
        }
        return {"type": "azure_function", "azure_function": {"function": described, **bindings}}


@pytest.fixture
def queues(azurite, request):  # noqa: F811
    queues = Queues(azurite, f"f{abs(hash(request.node.name)) % 10**9}")
    yield queues
    queues.service.close()


@pytest.fixture
def settings(azurite, queues, tmp_path, request) -> dict[str, Any]:  # noqa: F811
    timeout = {"AzureFunctionsJobHost__functionTimeout": getattr(request, "param", "")}
    hosts = {"azure_function_queue_hosts": queues.host}
    return {"box_home": tmp_path / "home", "AzureWebJobsStorage": azurite, **hosts, **timeout}


@pytest.fixture
def begin(http, queues):
    """Begin a run with the function; how it is asked for."""

    def begin(**function: Any) -> str:
        made = http.post("assistants", json={"model": "gpt-x", "tools": [queues.definition(**function)]})
        assert made.status_code == 200, made.text
        thread = {"messages": [{"role": "user", "content": "Weather?"}]}
        run = http.post("threads/runs", json={"assistant_id": made.json()["id"], "thread": thread}).json()
        return f"threads/{run['thread_id']}/runs/{run['id']}"

    return begin


@pytest.fixture
def finish(http):
    """Wait for the run; it, and its calls."""

    def finish(path: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        run = http.get(path).json()
        while run["status"] in ("queued", "in_progress"):
            time.sleep(0.02)
            run = http.get(path).json()
        steps = http.get(f"{path}/steps?order=asc").json()["data"]
        return run, [each for step in steps for each in step["step_details"].get("tool_calls", [])]

    return finish


def test_a_function_is_asked_by_one_queue_and_answers_by_the_other(begin, finish, llm, queues):
    llm.script([call("weather", city="Oslo")], [text("Rain.")])
    path = begin()

    asked = queues.request()
    queues.say({"Value": "rain", "CorrelationId": asked["CorrelationId"]})
    run, [made] = finish(path)

    assert run["status"] == "completed"
    assert asked.keys() == {"city", "CorrelationId", "OutputQueueUri"}
    assert asked["city"] == "Oslo"
    assert asked["OutputQueueUri"] == f"{queues.endpoint}/{queues.output.queue_name}"
    assert made["type"] == "azure_function"
    assert made["azure_function"] == {"name": "weather", "arguments": '{"city": "Oslo"}', "output": "rain"}
    assert llm.requests[0].tools[0]["description"] == "The weather."
    assert queues.left() == [], "an answer that is stored leaves the queue"


def test_everybody_takes_their_own_answers_and_leaves_others(begin, finish, llm, queues):
    llm.script([call("weather", city="Oslo"), call("weather", city="Rome")], [text("Rain, sun.")])
    queues.output.send_message("no answer at all")
    for number in range(40):
        queues.say({"Value": "snow", "CorrelationId": f"somebody {number}"})
    path = begin()

    asked = {each["city"]: each["CorrelationId"] for each in (queues.request(), queues.request())}
    queues.say({"CorrelationId": asked["Oslo"], "note": "no value, no answer"})
    queues.say({"Value": {"sky": "clear"}, "CorrelationId": asked["Rome"]}, plain=True)
    queues.say({"Value": "rain", "CorrelationId": asked["Oslo"]})
    queues.say({"Value": "hail", "CorrelationId": asked["Oslo"]})
    _, calls = finish(path)

    oslo, rome = (each["azure_function"]["output"] for each in calls)
    assert oslo in ("rain", "hail")
    assert json.loads(rome) == {"sky": "clear"}
    end = time.monotonic() + 5
    while queues.output.get_queue_properties().approximate_message_count > 43 and time.monotonic() < end:
        time.sleep(0.05)
    messages = [*queues.output.receive_messages(messages_per_page=32, visibility_timeout=60)]
    assert len([each for each in messages if each.content != "no answer at all"]) >= 41
    assert "no answer at all" in [each.content for each in messages]


@pytest.mark.parametrize("depth", [100, 900, 9000])
def test_an_answer_that_is_nested_too_deeply_is_told_and_ends_nothing(begin, finish, llm, queues, depth):
    llm.script([call("weather", city="Oslo")], [text("Rain.")])
    path = begin()
    asked = queues.request()
    answer = f'{{"CorrelationId": "{asked["CorrelationId"]}", "Value": {"[" * depth}{"]" * depth}}}'
    queues.output.send_message(base64.b64encode(answer.encode()).decode())
    run, [made] = finish(path)

    assert run["status"] == "completed"
    told = "[" * depth + "]" * depth if depth == 100 else "Error: the function's answer is nested too deeply to be read"
    assert made["azure_function"]["output"] == told
    assert queues.left() == []


def test_a_function_that_is_dead_is_told_before_the_run_is_over(begin, finish, llm, queues, box):
    llm.script([call("weather", city="Oslo")], [text("Nobody knows.")])
    path = begin()
    asked = queues.request()
    box.clock.advance(550)
    run, [made] = finish(path)

    assert run["status"] == "completed", "the model can still tell"
    assert "did not answer in time. It is unknown whether it did its work" in made["azure_function"]["output"]
    queues.say({"Value": "late", "CorrelationId": asked["CorrelationId"]})
    assert len(queues.left()) == 1


@pytest.mark.parametrize("settings", ["00:00:04"], indirect=True)
def test_who_takes_a_run_over_waits_for_the_same_answer(begin, finish, llm, queues, caplog):
    llm.script([call("weather", city="Oslo")], [text("Rain.")])
    caplog.set_level("INFO")
    path = begin()
    asked = queues.request()

    end = time.monotonic() + 10
    while "call given up" not in caplog.text and time.monotonic() < end:
        time.sleep(0.05)
    assert queues.input.peek_messages() == []
    queues.say({"Value": "rain", "CorrelationId": asked["CorrelationId"]})
    run, [made] = finish(path)

    assert "run handed on" in caplog.text, "the invocation of the first driver is over"
    assert run["status"] == "completed"
    assert made["azure_function"]["output"] == "rain"
    assert queues.input.peek_messages() == [], "it is asked once"


@pytest.mark.long
def test_an_answer_stays_until_it_is_stored(begin, finish, llm, queues, box):
    """Whoever dies with an answer in hand leaves it to the next driver."""
    llm.script([call("weather", city="Oslo")], [text("Rain.")])
    path = begin()
    asked = queues.request()
    seen = threading.Event()

    async def dies(commit, partition, changes, *after):
        if not seen.is_set() and '"rain"' in json.dumps([getattr(each, "data", None) for each in changes]):
            seen.set()
            raise RuntimeError("the process ends here")
        return await commit(partition, changes, *after)

    box.deps.store.replace(commit=dies)
    queues.say({"Value": "rain", "CorrelationId": asked["CorrelationId"]})
    run, [made] = finish(path)

    assert seen.is_set()
    assert run["status"] == "completed"
    assert made["azure_function"]["output"] == "rain"
    assert queues.left() == []


@pytest.mark.parametrize("settings", [{"azure_function_queue_hosts": "other.queue.core.windows.net"}])
def test_accounts_that_the_operator_does_not_name_are_not_visited(begin, finish, llm, queues, settings):
    llm.script([call("weather", city="Oslo")], [text("No.")])

    _, [made] = finish(begin())

    said = made["azure_function"]["output"]
    assert said == "Error: this box uses no queues at '127.0.0.1' (AZURE_FUNCTION_QUEUE_HOSTS)"
    assert queues.input.peek_messages() == []


@pytest.mark.parametrize(
    ("endpoint", "name", "words"),
    [
        ("http://a.queue.core.windows.net", "in", "must begin with https://"),
        ("https://a.queue.core.windows.net?sig=x", "inn", "no signature"),
        ("https://me@a.queue.core.windows.net", "inn", "no signature"),
        ("https://a.queue.core.windows.net.evil.example", "inn", "AZURE_FUNCTION_QUEUE_HOSTS"),
        ("https://[", "inn", "no URL"),
        ("https://a.queue.core.windows.net", "../b", "cannot have the queue"),
        ("https://a.queue.core.windows.net", "runs", "cannot have the queue"),
        ("https://a.queue.core.windows.net", "ingestion-poison", "cannot have the queue"),
    ],
)
async def test_addresses_are_checked_before_a_token_is_asked_for(endpoint, name, words):
    def nobody() -> Any:
        raise AssertionError("the identity was asked")

    access = function_queue.QueueAccess({"a.queue.core.windows.net"}, nobody)
    with pytest.raises(ToolFailure, match=words):
        async with access.open(endpoint, name):
            pass


def test_a_queue_that_is_not_there_is_named(begin, finish, llm, queues):
    queues.input.delete_queue()
    llm.script([call("weather", city="Oslo")], [text("No.")])

    _, [made] = finish(begin())

    assert made["azure_function"]["output"] == f"Error: there is no queue '{queues.input.queue_name}'"


def test_too_large_arguments_are_told(begin, finish, llm):
    llm.script([call("weather", city="x" * 60_000)], [text("No.")])

    _, [made] = finish(begin())

    assert "the arguments are too large" in made["azure_function"]["output"]


def test_the_operator_may_be_asked_or_say_no(begin, finish, llm, box, queues, http):
    llm.script([call("weather", city="Oslo")], [text("Rain.")], [text("Nothing.")])
    box.settings.server_tools_allowed.update({"*": ["*", "azure_function:ask"]})
    path = begin()
    asked, _ = finish(path)
    assert asked["status"] == "requires_action"
    [wanted] = asked["required_action"]["submit_tool_approval"]["tool_calls"]
    assert wanted["azure_function"] == {"name": "weather", "arguments": '{"city": "Oslo"}'}
    assert queues.input.peek_messages() == []
    said = {"tool_approvals": [{"tool_call_id": wanted["id"], "approve": True}]}
    assert http.post(f"{path}/submit_tool_outputs", json=said).status_code == 200
    queues.say({"Value": "rain", "CorrelationId": queues.request()["CorrelationId"]})
    _, [made] = finish(path)
    assert made["azure_function"]["output"] == "rain"

    box.settings.server_tools_allowed.update({"*": ["*", "azure_function:deny"]})
    finish(begin())
    assert llm.requests[-1].tools == []
