"""How the adapter reads streams of events, whatever pieces they come in, and where it sends its requests."""

from __future__ import annotations

import json
import time
from contextlib import aclosing, suppress

import pytest
from aiohttp import web

from shared.llm.base import LlmError, TurnRequest
from shared.llm.responses import ResponsesLlm
from shared.llm.responses.endpoint import Endpoint
from shared.llm.responses.events import UNREAD
from shared.llm.responses.wire import EventLines
from tests.fakes.responses_events import FakeTurn, stream_bytes

SAID = [{"type": "a", "delta": "Rä\u2028in"}, {"type": "b", "n": [1, {"c": None}]}, {"type": "c", "delta": "\n\r"}]


def spelt(events, end: str) -> bytes:
    lines = [": a comment", ""]
    for event in events:
        lines += [f"event: {event['type']}", f"data: {json.dumps(event, ensure_ascii=False)}", "id: 7", ""]
    lines += ["data: [DONE]", "", ""]
    return end.join(lines).encode()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 10_000])
def test_events_are_the_same_however_they_are_cut(end, size):
    text, lines = spelt(SAID, end), EventLines()
    heard = []
    for start in range(0, len(text), size):
        heard += lines.feed(text[start : start + size])
    assert heard == SAID


def test_an_event_over_several_lines_is_one_text():
    assert EventLines().feed(b'data: {"type":\ndata:"a"}\n\n') == [{"type": "a"}]


def test_of_events_that_nobody_reads_there_is_the_name():
    text = b"".join(b"event: %b\ndata: not even JSON\n\n" % name for name in sorted(UNREAD))
    assert EventLines(UNREAD).feed(text) == [{"type": name.decode()} for name in sorted(UNREAD)]


@pytest.mark.parametrize("data", [b"[1]", b"hello", b"{"])
def test_what_is_no_object_is_a_value_error(data):
    with pytest.raises(ValueError, match=r"\w"):
        EventLines().feed(b"data: " + data + b"\n\n")


@pytest.fixture
async def proxy():
    asked = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.raw_path)
        return web.Response(body=stream_bytes(FakeTurn(text=("Rain.",)), "m"), content_type="text/event-stream")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    await runner.cleanup()


@pytest.fixture
def options() -> dict[str, object]:
    return {"obfuscation": False}


async def rain(llm: ResponsesLlm) -> str:
    request = TurnRequest(model="m", instructions="", input=[{"role": "user", "content": "Hi"}])
    async with aclosing(llm.stream(request, time.time() + 20)) as events:
        turn = [event async for event in events][-1].turn
    return turn.items[0]["content"][0]["text"]


@pytest.mark.parametrize("options", [{}, {"obfuscation": False}], ids=["as usual", "trusted"])
async def test_streams_are_padded_unless_the_operator_trusts_the_link(fake, llm, options):
    fake.pads, fake.default = True, FakeTurn(text=("Ra", 'i"n', "."))
    assert await rain(llm) == 'Rai"n.'
    asked = [body.get("stream_options") for body in fake.bodies]
    assert (fake.padded, asked) == ((1, [None]) if not options else (0, [{"include_obfuscation": False}]))


async def test_turns_in_the_background_are_no_streams_to_be_padded(fake, llm):
    request = TurnRequest(model="m", instructions="", input=[{"role": "user", "content": "Hi"}])
    await llm.start(request, "run_1-0", time.time() + 20)
    assert "stream_options" not in fake.bodies[0]


@pytest.mark.parametrize("named", ["stream_options", "stream_options.include_obfuscation"])
async def test_a_server_that_does_not_know_the_parameter_is_told_of_it_once(fake, llm, named):
    fake.default = FakeTurn(text=("Rain.",))
    fake.script(FakeTurn(status=400, code="unknown_parameter", param=named, message=f"Unknown parameter: '{named}'."))
    assert [await rain(llm), await rain(llm)] == ["Rain.", "Rain."]
    assert ["stream_options" in body for body in fake.bodies] == [True, False, False]


async def test_the_proxy_of_the_environment_is_asked(monkeypatch, proxy):
    base_url, asked = proxy
    monkeypatch.setenv("HTTP_PROXY", base_url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    llm = ResponsesLlm(Endpoint("http://model.invalid/v1", "fake", "key"))
    assert await rain(llm) == "Rain."
    await llm.close()
    assert asked == ["http://model.invalid/v1/responses"]


def test_an_event_without_end_is_given_up():
    lines, piece = EventLines(), 8 * 1024 * 1024 * b"x"
    with pytest.raises(ValueError, match="without end"):
        for _ in range(9):
            assert lines.feed(piece) == []


def test_a_turn_without_end_is_given_up():
    lines, event = EventLines(), b'data: {"delta": "%b"}\n\n' % (8 * 1024 * 1024 * b"x")
    with pytest.raises(ValueError, match="without end"):
        for _ in range(17):
            assert len(lines.feed(event)) == 1


@pytest.fixture
async def endless():
    """Answers that go on until somebody leaves: a refusal of spaces, a turn of large pieces."""
    sent: list[int] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        status, piece = int(request.match_info["status"]), b" " * 65_536
        response = web.StreamResponse(status=status)
        await response.prepare(request)
        if status == 200:
            piece = b'data: {"type": "response.reasoning_text.delta", "delta": "%b"}\n\n' % (b"x" * 2**20)
        with suppress(ConnectionError):
            for _ in range(600):
                await response.write(piece)
                sent.append(len(piece))
        return response

    app = web.Application()
    app.router.add_post("/{status}/responses", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", sent
    await runner.cleanup()


@pytest.mark.parametrize(("status", "most_megabytes"), [(400, 8), (200, 160)], ids=["refusal", "turn"])
async def test_of_an_answer_without_end_the_beginning_is_read(endless, status, most_megabytes):
    base_url, sent = endless
    llm = ResponsesLlm(Endpoint(f"{base_url}/{status}", "fake", "key"))
    with pytest.raises(LlmError, match=r"^Sorry, something went wrong\.$") as caught:
        await rain(llm)
    await llm.close()
    assert (caught.value.code, caught.value.broke_off) == ("server_error", False)
    assert sum(sent) < most_megabytes * 1_000_000
