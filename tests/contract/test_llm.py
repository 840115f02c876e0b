"""What every model adapter does, whoever answers: the scripted double, an endpoint behind the Responses adapter, or
(where the answer does not matter) the offline demo.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import pytest

from shared.demo.offline import OfflineLlm
from shared.json_types import Json
from shared.llm import scripted
from shared.llm.base import ArgumentsDelta, CallStarted, LlmError, TextDelta, Turn, TurnDone, TurnRequest
from shared.llm.responses import ResponsesLlm
from shared.llm.responses.attempts import BACKOFF
from shared.llm.responses.endpoint import Endpoint
from shared.llm.scripted import ScriptedLlm
from tests.fakes.responses_events import FakeTurn
from tests.fakes.responses_server import FakeResponses, serving


class Scripted:
    """The double, told in the words of this suite."""

    def __init__(self):
        self.llm = ScriptedLlm(polls_before_done=1)

    def will_say(self, *deltas: str) -> None:
        self.llm.script([scripted.text(*deltas)])

    def will_call(self, name: str, arguments: str) -> None:
        self.llm.script([scripted.reasoning(), scripted.raw_call(name, arguments)])

    def will_be_cut_short(self, reason) -> None:
        self.llm.script([scripted.text("Ra"), scripted.incomplete(reason)])

    def will_refuse(self, text: str) -> None:
        self.llm.script([scripted.refusal(text)])

    def will_filter_the_prompt(self) -> None:
        self.llm.script([scripted.fail("invalid_prompt", "No.")])

    def will_break_off(self) -> None:
        self.llm.script([scripted.text("Ra"), scripted.fail()])

    def will_be_slow(self) -> None:
        self.llm.script([scripted.text("Ra", scripted.pause(60), "in.")])

    async def until_abandoned(self) -> None:
        assert self.llm.abandoned == 1


class Offline:
    """The demo model: nobody can tell it what to say."""

    def __init__(self):
        self.llm = OfflineLlm(seconds_per_word=0)


class OverHttp:
    """The Responses adapter with the fake endpoint behind it."""

    def __init__(self, fake: FakeResponses, base_url: str):
        self.fake = fake
        self.llm = ResponsesLlm(Endpoint(base_url, "fake", "key"), backoff=replace(BACKOFF, first=0.001))
        fake.polls_before_done = 1

    def will_say(self, *deltas: str) -> None:
        self.fake.script(FakeTurn(text=deltas))

    def will_call(self, name: str, arguments: str) -> None:
        self.fake.script(FakeTurn(reasoning=True, calls=((name, arguments),)))

    def will_be_cut_short(self, reason) -> None:
        self.fake.script(FakeTurn(text=("Ra",), incomplete=reason))

    def will_refuse(self, text: str) -> None:
        self.fake.script(FakeTurn(refusal=text))

    def will_filter_the_prompt(self) -> None:
        self.fake.script(FakeTurn(status=400, code="content_filter", param="prompt"))

    def will_break_off(self) -> None:
        self.fake.script(FakeTurn(text=("Ra", "in."), cut_after=5))

    def will_be_slow(self) -> None:
        self.fake.event_delay = 0.05
        self.fake.script(FakeTurn(text=("drip",) * 1000))

    async def until_abandoned(self) -> None:
        async with asyncio.timeout(5):
            await self.fake.abandoned.wait()


@asynccontextmanager
async def over_http() -> AsyncIterator[OverHttp]:
    async with serving(fake := FakeResponses()) as base_url:
        yield OverHttp(fake, base_url)


whoever_answers = pytest.mark.parametrize("model", ["scripted", "responses", "offline"], indirect=True)


@pytest.fixture(params=["scripted", "responses"])
async def model(request) -> AsyncIterator[Scripted | OverHttp | Offline]:
    if request.param in ("scripted", "offline"):
        yield (local := Scripted() if request.param == "scripted" else Offline())
        await local.llm.close()
        return
    async with over_http() as over:
        yield over
        await over.llm.close()


def asking(text: str = "Weather?", **more) -> TurnRequest:
    return TurnRequest(model="m", instructions="Be brief.", input=[{"role": "user", "content": text}], **more)


def soon() -> float:
    return time.time() + 20


async def heard(model, request: TurnRequest | None = None) -> list:
    async with aclosing(model.llm.stream(request or asking(), soon())) as events:
        return [event async for event in events]


async def in_background(model, key: str = "key") -> Turn:
    response_id = await model.llm.start(asking(), key, soon())
    async with asyncio.timeout(10):
        while True:
            turn = await model.llm.poll(response_id)
            if turn is not None:
                return turn
            await asyncio.sleep(0.001)


def said(turn: Turn) -> str:
    return turn.items[-1]["content"][0]["text"]


async def test_text_arrives_in_deltas_and_whole_at_the_end(model):
    model.will_say("Ra", "in", ".")
    *deltas, done = await heard(model)
    assert deltas == [TextDelta(0, "Ra"), TextDelta(0, "in"), TextDelta(0, ".")]
    assert isinstance(done, TurnDone)
    assert said(done.turn) == "Rain."
    assert done.turn.items[0]["role"] == "assistant"
    assert done.turn.incomplete is None
    assert done.turn.usage.input_tokens > 0
    assert done.turn.usage.output_tokens > 0


@whoever_answers
async def test_what_is_streamed_is_what_the_turn_holds(model):
    if isinstance(model, Scripted | OverHttp):
        model.will_say("x = ", "1")
    *deltas, done = await heard(model, asking("Solve 3x + 11 = 14"))
    assert len(deltas) > 1
    assert "".join(delta.text for delta in deltas) == said(done.turn)
    assert said(done.turn).rstrip(".").endswith("x = 1")


async def test_a_call_is_announced_then_its_arguments_come(model):
    model.will_call("get_weather", '{"city": "Oslo"}')
    started, *arguments, done = await heard(model)
    assert isinstance(started, CallStarted)
    assert started.name == "get_weather"
    assert all(isinstance(each, ArgumentsDelta) and each.item == started.item for each in arguments)
    assert "".join(each.text for each in arguments) == '{"city": "Oslo"}'
    item = done.turn.items[started.item]
    assert item["type"] == "function_call"
    assert (item["call_id"], item["name"]) == (started.call_id, "get_weather")
    assert item["arguments"] == '{"city": "Oslo"}'


async def test_the_items_of_a_turn_can_be_sent_back(model):
    model.will_call("get_weather", "{}")
    done = (await heard(model))[-1]
    model.will_say("Rain.")
    call = done.turn.items[-1]
    output: Json = {"type": "function_call_output", "call_id": call["call_id"], "output": "rain"}
    question = asking()
    answer = TurnRequest(model="m", instructions="", input=[*question.input, *done.turn.items, output])
    assert said((await heard(model, answer))[-1].turn) == "Rain."


async def test_a_refusal_is_told_apart_from_an_answer(model):
    model.will_refuse("I cannot.")
    delta, done = await heard(model)
    assert delta == TextDelta(0, "I cannot.", refusal=True)
    assert done.turn.items[0]["content"][0] == {"type": "refusal", "refusal": "I cannot."}


@pytest.mark.parametrize("reason", ["max_output_tokens", "content_filter"])
async def test_a_turn_that_was_cut_short_says_why(model, reason):
    model.will_be_cut_short(reason)
    done = (await heard(model))[-1]
    assert done.turn.incomplete == reason
    assert said(done.turn) == "Ra"


async def test_a_refused_prompt_is_no_server_error(model):
    model.will_filter_the_prompt()
    with pytest.raises(LlmError) as caught:
        await heard(model)
    assert caught.value.code == "invalid_prompt"


async def test_a_stream_that_breaks_after_its_first_word_is_not_begun_again(model):
    model.will_break_off()
    events = []
    with pytest.raises(LlmError) as caught:
        async for event in model.llm.stream(asking(), soon()):
            events.append(event)
    assert events == [TextDelta(0, "Ra")]
    assert (caught.value.code, caught.value.message) == ("server_error", "Sorry, something went wrong.")


async def test_closing_the_stream_abandons_the_turn(model):
    model.will_be_slow()
    async with aclosing(model.llm.stream(asking(), soon())) as events:
        assert isinstance(await anext(events), TextDelta)
    await model.until_abandoned()


async def test_cancelling_the_listener_abandons_the_turn(model):
    model.will_be_slow()
    first = asyncio.Event()

    async def listen():
        async with aclosing(model.llm.stream(asking(), soon())) as events:
            async for _ in events:
                first.set()

    listener = asyncio.create_task(listen())
    await first.wait()
    listener.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listener
    await model.until_abandoned()


async def test_a_background_turn_is_not_over_at_the_first_poll(model):
    model.will_say("Ra", "in.")
    response_id = await model.llm.start(asking(), "key", soon())
    assert await model.llm.poll(response_id) is None
    assert model.llm.can_run_in_background


async def test_a_background_turn_ends_like_a_streamed_one(model):
    model.will_say("Ra", "in.")
    turn = await in_background(model)
    assert said(turn) == "Rain."
    assert turn.response_id is not None


async def test_a_cancelled_background_turn_gives_no_answer(model):
    model.will_be_slow()
    response_id = await model.llm.start(asking(), "key", soon())
    await model.llm.cancel(response_id)
    await model.llm.cancel(response_id)
    with pytest.raises(LlmError):
        await model.llm.poll(response_id)


@whoever_answers
async def test_an_unknown_background_turn_is_lost(model):
    with pytest.raises(LlmError) as caught:
        await model.llm.poll("resp_unknown")
    assert caught.value.code == "server_error"
    await model.llm.cancel("resp_unknown")


@whoever_answers
async def test_it_names_its_models_and_itself(model):
    assert len(await model.llm.models()) > 0
    assert model.llm.description != ""
