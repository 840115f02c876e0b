"""Reasoning at the endpoint: given back, refused, withheld, told of."""

from __future__ import annotations

import time
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from shared.llm.base import Turn, TurnRequest
from shared.llm.responses import ResponsesLlm
from shared.llm.responses.endpoint import Endpoint
from tests.fakes.responses_events import FakeTurn

RAIN = FakeTurn(text=("Rain.",))


def user(text: str) -> dict:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def assistant(text: str, **more: str) -> dict:
    return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}], **more}


def thought(content: str) -> dict:
    return {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": content}


SPOKEN = [user("Weather?"), thought("a"), assistant("Rain.", phase="final_answer"), user("And tomorrow?")]
THREAD = TurnRequest(model="m", instructions="", input=SPOKEN)


@pytest.fixture
def summary() -> str:
    return ""


@pytest.fixture
def options(summary: str) -> dict[str, Any]:
    return {"aliases": {"old": "new"}, "summary": summary}


async def take(llm: ResponsesLlm, request: TurnRequest = THREAD) -> Turn:
    async with aclosing(llm.stream(request, time.time() + 20)) as events:
        turn: Turn = [event async for event in events][-1].turn
    return turn


def kinds(body: dict) -> list[str]:
    return [item.get("encrypted_content") or item.get("phase") or item["role"] for item in body["input"]]


async def test_messages_go_out_with_their_phases_and_the_reasoning_before_them(fake, llm):
    await take(llm)
    assert fake.bodies[0]["input"][1:3] == [
        {"type": "reasoning", "summary": [], "encrypted_content": "a"},
        {"type": "message", "role": "assistant", "content": "Rain.", "phase": "final_answer"},
    ]


@pytest.mark.parametrize(
    "refusal",
    [
        FakeTurn(status=400, code="unknown_parameter", param="input[2].phase", message="Unknown parameter."),
        FakeTurn(status=400, message="Unknown parameter: 'input[2].phase'."),
        FakeTurn(status=422, message="[{'type': 'extra_forbidden', 'loc': ('body', 'input', 2, 'phase')}]"),
    ],
    ids=["param", "words", "pydantic"],
)
async def test_an_endpoint_without_phases_is_asked_without_them_from_then_on(fake, llm, refusal):
    fake.script(refusal, RAIN, RAIN, RAIN)
    await take(llm)
    await take(llm)
    await take(llm, replace(THREAD, model="another"))
    without, whole = ["user", "a", "assistant", "user"], ["user", "a", "final_answer", "user"]
    assert [kinds(body) for body in fake.bodies] == [whole, without, without, whole]


@pytest.mark.parametrize(
    "refusal",
    [
        FakeTurn(
            status=400, code="invalid_encrypted_content", message="The encrypted content gAAA could not be verified."
        ),
        FakeTurn(status=400, param="input", message="Encrypted content a could not be decrypted or parsed."),
    ],
    ids=["code", "words"],
)
async def test_reasoning_that_cannot_be_read_any_more_is_not_sent_again_but_other_is(fake, llm, refusal):
    """It is this thread's, and old: nobody else's reasoning is left out for it."""
    fake.script(refusal, RAIN, RAIN)
    await take(llm)
    await take(llm, replace(THREAD, input=[*SPOKEN, thought("b"), assistant("Sun."), user("Sure?")]))
    assert kinds(fake.bodies[1]) == ["user", "final_answer", "user"]
    assert kinds(fake.bodies[2]) == ["user", "final_answer", "user", "b", "assistant", "user"]


async def test_an_endpoint_that_takes_no_reasoning_is_given_none_from_then_on(fake, llm):
    message = "Invalid value: 'reasoning'. Supported values are: 'message', 'function_call' and 'function_call_output'."
    fake.script(FakeTurn(status=400, code="invalid_value", param="input[1].type", message=message), RAIN, RAIN)
    await take(llm)
    await take(llm, replace(THREAD, input=[*SPOKEN, thought("b"), assistant("Sun."), user("Sure?")]))
    assert [("a" in kinds(body), "b" in kinds(body)) for body in fake.bodies] == [
        (True, False),
        (False,) * 2,
        (False,) * 2,
    ]


@pytest.mark.parametrize(
    ("model", "context", "lasts"),
    [
        ("gpt-5.6-luna", "", True),
        ("gpt-5.6-luna", "current_turn", False),
        ("gpt-5.4-mini", "", False),
        ("gpt-5.4-mini", "all_turns", True),
        ("gpt-5-nano", "", False),
        ("o4-mini", "", False),
        ("gpt-5.10", "", True),
        ("gpt-6-astra", "", True),
        ("grok-9", "", True),
    ],
)
async def test_the_response_says_which_reasoning_lasts_or_else_its_model(fake, llm, model, context, lasts):
    fake.script(replace(RAIN, reasoning=True, context=context))
    assert (await take(llm, replace(THREAD, model=model))).reasoning_lasts is lasts


async def test_reasoning_belongs_to_a_model_at_an_endpoint(llm):
    elsewhere = ResponsesLlm(Endpoint("https://other.example/v1", "other", "key"))
    assert llm.origin("old") == llm.origin("new")
    assert len({llm.origin("new"), llm.origin("other"), elsewhere.origin("new")}) == 3
    await elsewhere.close()


async def test_what_was_withheld_is_told_with_its_reasons(fake, llm):
    fake.script(replace(RAIN, withheld=("model_mismatch", "prefix_mismatch", "model_mismatch")))
    assert (await take(llm)).withheld == ("model_mismatch", "prefix_mismatch")


@pytest.mark.parametrize("effort", ["none", "minimal", "low", "medium", "high", "xhigh", "max"])
async def test_efforts_are_passed_as_they_come(fake, llm, effort):
    await take(llm, replace(THREAD, reasoning_effort=effort))
    assert fake.bodies[0]["reasoning"] == {"effort": effort}


# -- summaries -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("summary", ["detailed"])
async def test_a_summary_is_asked_for_beside_the_effort(fake, llm):
    await take(llm)
    await take(llm, replace(THREAD, reasoning_effort="low"))
    await take(llm, replace(THREAD, reasoning_effort="none"))
    asked = [{"summary": "detailed"}, {"effort": "low", "summary": "detailed"}, {"effort": "none"}]
    assert [body["reasoning"] for body in fake.bodies] == asked


@pytest.mark.parametrize("summary", ["concise"])
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("unsupported_parameter", "Unsupported parameter: 'reasoning.summary' is not supported with this model."),
        ("unsupported_value", "Your organization must be verified to generate reasoning summaries."),
        ("unsupported_value", "Unsupported value: 'concise' is not supported with the 'm' model."),
    ],
)
async def test_a_summary_that_a_model_does_not_give_is_not_asked_for_again(fake, llm, code, message):
    """It is the operator's setting: no run fails for it, and the effort stays."""
    fake.script(FakeTurn(status=400, code=code, param="reasoning.summary", message=message), RAIN, RAIN)
    for _ in range(2):
        await take(llm, replace(THREAD, reasoning_effort="low"))
    asked = [{"effort": "low", "summary": "concise"}, {"effort": "low"}, {"effort": "low"}]
    assert [body["reasoning"] for body in fake.bodies] == asked


@pytest.mark.parametrize("summary", ["auto"])
async def test_a_model_that_does_not_reason_is_asked_for_nothing(fake, llm):
    fake.refuses = {"reasoning.summary": "unsupported_parameter"}
    await take(llm)
    await take(llm)
    assert ["reasoning" in body for body in fake.bodies] == [True, False, False]
