"""Turns that may wait: windows and tiers, asked for, taken, refused."""

from __future__ import annotations

import time
from contextlib import aclosing
from dataclasses import replace

import pytest

from shared.llm.base import LlmError, Turn, TurnRequest
from shared.llm.responses import ResponsesLlm
from tests.fakes.responses_events import FakeTurn

PLAIN = TurnRequest(model="m", instructions="", input=[{"role": "user", "content": "Weather?"}])
WAITING = replace(PLAIN, completion_window="8h", service_tier="default")
FLEX = replace(PLAIN, service_tier="flex")
RAIN = FakeTurn(text=("Rain.",))


async def start(llm: ResponsesLlm, request: TurnRequest = WAITING) -> str:
    return await llm.start(request, "key", time.time() + 20)


async def stream(llm: ResponsesLlm, request: TurnRequest) -> Turn:
    async with aclosing(llm.stream(request, time.time() + 20)) as events:
        turn: Turn = [event async for event in events][-1].turn
    return turn


async def test_a_turn_in_a_window_is_started_in_the_background_at_the_standard_tier(fake, llm):
    fake.script(replace(RAIN, service_tier="default"))
    turn = await llm.poll(await start(llm))
    assert fake.bodies[0]["background_options"] == {"completion_window": "8h"}
    assert (fake.bodies[0]["background"], fake.bodies[0]["service_tier"]) == (True, "default")
    assert turn is not None
    assert turn.service_tier == "default"


async def test_a_plain_turn_asks_for_neither(fake, llm):
    await start(llm, PLAIN)
    await stream(llm, PLAIN)
    assert not [body for body in fake.bodies if {"background_options", "service_tier"} & body.keys()]


async def test_a_streamed_turn_asks_for_its_tier_and_for_no_window(fake, llm):
    fake.script(replace(RAIN, service_tier="flex"))
    assert (await stream(llm, replace(FLEX, completion_window="8h"))).service_tier == "flex"
    assert fake.bodies[0]["service_tier"] == "flex"
    assert "background_options" not in fake.bodies[0]


@pytest.mark.parametrize(
    ("code", "param", "message"),
    [
        ("unknown_parameter", "background_options", "Unknown parameter: 'background_options'."),
        (None, None, "Unknown parameter: 'background_options.completion_window'."),
        ("invalid_value", "background_options.completion_window", "Invalid value: '8h'."),
    ],
)
async def test_a_window_that_is_not_to_be_had_is_never_exchanged_for_the_full_price(fake, llm, code, param, message):
    """The caller asked to pay less: nothing is taken instead, and the reason is told."""
    fake.script(FakeTurn(status=400, code=code, param=param, message=message))
    with pytest.raises(LlmError) as caught:
        await start(llm)
    assert caught.value.code == "invalid_prompt"
    assert message in caught.value.message
    assert fake.requests == 1


async def test_an_endpoint_without_tiers_is_asked_without_from_then_on(fake, llm):
    fake.refuses = {"service_tier": "unknown_parameter"}
    fake.default = replace(RAIN, service_tier="")
    assert (await stream(llm, FLEX)).service_tier is None
    await stream(llm, FLEX)
    assert ["service_tier" in body for body in fake.bodies] == [True, False, False]


async def test_a_tier_that_the_model_does_not_have_is_the_callers(fake, llm):
    message = "Invalid value: 'flex'. Supported values are: 'auto' and 'default'."
    fake.script(FakeTurn(status=400, code="invalid_value", param="service_tier", message=message))
    with pytest.raises(LlmError, match="Supported values are: 'auto' and 'default'") as caught:
        await stream(llm, FLEX)
    assert caught.value.code == "invalid_prompt"
