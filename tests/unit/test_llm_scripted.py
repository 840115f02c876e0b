"""The scripted model plays what it was told, so that tests of runs can rely on it."""

from __future__ import annotations

import asyncio
import json

import pytest

from shared.llm.base import ArgumentsDelta, CallStarted, LlmError, TextDelta, TurnDone, TurnRequest, TurnUsage
from shared.llm.scripted import (
    ScriptedLlm,
    call,
    fail,
    incomplete,
    pause,
    raw_call,
    reasoning,
    refusal,
    text,
    usage,
)
from tests.fakes.weather import QUESTION


async def played(llm: ScriptedLlm, request: TurnRequest = QUESTION):
    return [event async for event in llm.stream(request, deadline=0)]


async def test_a_script_is_played_turn_by_turn():
    llm = ScriptedLlm()
    llm.script([call("get_weather", city="Oslo")], [text("Ra", "in.")])

    first, second = await played(llm), await played(llm)

    assert first[0] == CallStarted(0, first[0].call_id, "get_weather")
    assert first[0].call_id.startswith("call_")
    assert json.loads("".join(e.text for e in first if isinstance(e, ArgumentsDelta))) == {"city": "Oslo"}
    assert second[:2] == [TextDelta(0, "Ra"), TextDelta(0, "in.")]
    assert second[2].turn.items[0]["content"][0]["text"] == "Rain."
    assert second[2].turn.usage == TurnUsage(10, 5)
    assert llm.requests == [QUESTION, QUESTION]
    assert llm.turns_left == 0
    assert llm.abandoned == 0


async def test_items_of_one_turn_are_numbered():
    llm = ScriptedLlm()
    llm.script([reasoning(), text("Wait."), raw_call("f", "{bad", call_id="call_1"), usage(1, 2, 3, 4), refusal("No.")])
    *events, done = await played(llm)
    assert [event.item for event in events] == [1, 2, 2, 2, 3]
    assert events[-1] == TextDelta(3, "No.", refusal=True)
    assert [item["type"] for item in done.turn.items] == ["reasoning", "message", "function_call", "message"]
    assert done.turn.items[2]["arguments"] == "{bad"
    assert done.turn.usage == TurnUsage(1, 2, 3, 4)


async def test_a_turn_may_be_cut_short_or_fail():
    llm = ScriptedLlm()
    llm.script([text("Ra"), incomplete("max_output_tokens")], [text("Ra"), fail("rate_limit_exceeded", "Later.")])
    assert (await played(llm))[-1].turn.incomplete == "max_output_tokens"

    heard = []
    with pytest.raises(LlmError, match=r"Later\.") as caught:
        async for event in llm.stream(QUESTION, deadline=0):
            heard.append(event)
    assert heard == [TextDelta(0, "Ra")]
    assert caught.value.code == "rate_limit_exceeded"


async def test_a_pause_holds_the_stream_until_the_test_goes_on():
    llm, event = ScriptedLlm(), asyncio.Event()
    llm.script([text("Ra", pause(event), "in.")])
    stream = llm.stream(QUESTION, deadline=0)
    assert await anext(stream) == TextDelta(0, "Ra")
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    assert not waiting.done()
    event.set()
    assert await waiting == TextDelta(0, "in.")
    await stream.aclose()
    assert llm.abandoned == 1


async def test_an_unscripted_turn_is_an_error_unless_there_is_a_default():
    llm = ScriptedLlm()
    with pytest.raises(LlmError, match="The script is over"):
        await played(llm)
    llm.default = lambda request: [text(request.input[0]["content"])]
    assert await anext(llm.stream(QUESTION, deadline=0)) == TextDelta(0, "Weather?")


async def test_background_turns_are_polled():
    llm = ScriptedLlm(polls_before_done=2)
    llm.script([text("Rain.")], [fail("invalid_prompt", "No.")])
    rain = await llm.start(QUESTION, "run_1/1", deadline=0)
    assert await llm.start(QUESTION, "run_1/1", deadline=0) == rain
    assert [await llm.poll(rain), await llm.poll(rain)] == [None, None]
    turn = await llm.poll(rain)
    assert turn is not None
    assert turn.items[0]["content"][0]["text"] == "Rain."

    llm.polls_before_done = 0
    failing = await llm.start(QUESTION, "run_1/2", deadline=0)
    with pytest.raises(LlmError, match=r"No\."):
        await llm.poll(failing)
    assert llm.started == {"run_1/1": rain, "run_1/2": failing}


async def test_a_cancelled_background_turn_is_lost():
    llm, event = ScriptedLlm(), asyncio.Event()
    llm.script([pause(event), text("Rain.")])
    response_id = await llm.start(QUESTION, "key", deadline=0)
    assert await llm.poll(response_id) is None
    await llm.cancel(response_id)
    with pytest.raises(LlmError):
        await llm.poll(response_id)
    assert llm.cancelled == [response_id]
    await llm.close()


async def test_the_last_event_is_the_turn():
    llm = ScriptedLlm()
    llm.script([])
    assert isinstance((await played(llm))[-1], TurnDone)
