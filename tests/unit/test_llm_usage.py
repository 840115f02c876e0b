"""What a turn has used, as the endpoint reports it: over attempts that failed, in the background, or not at all."""

from __future__ import annotations

import time
from contextlib import aclosing
from dataclasses import replace

import pytest

from shared.llm.base import UNREPORTED, LlmError, TurnUsage
from shared.llm.responses import ResponsesLlm
from tests.fakes.responses_events import FakeTurn
from tests.fakes.weather import QUESTION

RAIN = FakeTurn(text=("Rain.",), tokens=(100, 60, 30, 7, 5))
USED = TurnUsage(100, 7, cached_tokens=60, reasoning_tokens=5, cache_write_tokens=30)


async def used(llm: ResponsesLlm, within: float = 20) -> TurnUsage:
    async with aclosing(llm.stream(QUESTION, time.time() + within)) as events:
        return [event async for event in events][-1].turn.usage


async def test_a_turn_tells_what_was_read_from_the_cache_and_written_to_it(fake, llm):
    fake.script(RAIN)
    assert await used(llm) == USED


async def test_attempts_that_failed_and_reported_are_counted(fake, llm):
    failed = FakeTurn(failed="server_error", tokens=(100, 0, 90, 2, 2))
    fake.script(failed, FakeTurn(status=503), RAIN)
    assert await used(llm) == TurnUsage(200, 9, cached_tokens=60, reasoning_tokens=7, cache_write_tokens=120)


async def test_attempts_that_were_throttled_and_used_nothing_leave_no_mark(fake, llm):
    fake.script(FakeTurn(failed="rate_limit_exceeded", without_usage=True), FakeTurn(status=429), RAIN)
    assert await used(llm) == USED


@pytest.mark.parametrize("events", [0, 1, 3])
async def test_of_a_stream_that_was_cut_nothing_is_invented(fake, llm, events):
    fake.script(FakeTurn(text=("Rain.",), cut_after=events), RAIN)
    assert await used(llm) == USED.plus(UNREPORTED)


async def test_of_an_answer_that_never_came_nothing_is_invented(fake, llm):
    fake.script(FakeTurn(delay=60))
    with pytest.raises(LlmError) as caught:
        await used(llm, within=0.3)
    assert caught.value.usage == TurnUsage(is_complete=False)


async def test_a_response_without_usage_says_so(fake, llm):
    fake.script(replace(RAIN, without_usage=True))
    assert await used(llm) == TurnUsage(is_complete=False)


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (FakeTurn(failed="invalid_prompt", tokens=(50, 0, 0, 1, 0)), TurnUsage(150, 3, reasoning_tokens=2)),
        (FakeTurn(status=400, message="No."), TurnUsage(100, 2, reasoning_tokens=2)),
        (
            FakeTurn(text=("Ra", "in."), error_event="server_error", cut_after=6),
            TurnUsage(100, 2, reasoning_tokens=2, is_complete=False),
        ),
    ],
    ids=["failed", "refused", "broke off"],
)
async def test_a_turn_that_fails_tells_what_all_its_attempts_used(fake, llm, last, expected):
    fake.script(FakeTurn(failed="server_error", tokens=(100, 0, 0, 2, 2)), last)
    with pytest.raises(LlmError) as caught:
        await used(llm)
    assert caught.value.usage == expected


async def test_a_background_turn_that_failed_is_counted(fake, llm):
    fake.script(FakeTurn(failed="invalid_prompt", tokens=(50, 0, 0, 1, 0)))
    response_id = await llm.start(QUESTION, "key", time.time() + 20)
    with pytest.raises(LlmError) as caught:
        await llm.poll(response_id)
    assert caught.value.usage == TurnUsage(50, 1)


async def test_a_background_turn_that_is_cancelled_tells_what_it_used_if_the_endpoint_knows(fake, llm):
    fake.script(RAIN, RAIN)
    over = await llm.start(QUESTION, "one", time.time() + 20)
    assert await llm.poll(over) is not None
    assert await llm.cancel(over) == USED

    fake.polls_before_done = 5
    under_way = await llm.start(QUESTION, "two", time.time() + 20)
    assert await llm.cancel(under_way) == TurnUsage(is_complete=False)
    assert await llm.cancel("resp_unknown") == TurnUsage(is_complete=False)
