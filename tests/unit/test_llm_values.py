"""A refused parameter is the model's, a refused value is the caller's: the one is remembered, the other is told."""

from __future__ import annotations

import time
from contextlib import aclosing
from dataclasses import replace

import pytest

from shared.llm.base import LlmError, TurnRequest
from shared.llm.responses import ResponsesLlm
from tests.fakes.responses_events import FakeTurn
from tests.fakes.responses_server import FakeResponses

RAIN = FakeTurn(text=("Rain.",))
PROPERTIES = ("temperature", "top_p", "text", "reasoning", "include", "tool_choice", "parallel_tool_calls")
DEMANDING = TurnRequest(
    model="m",
    instructions="",
    input=[{"role": "user", "content": "Weather?"}],
    tools=[{"type": "function", "name": "f", "parameters": {}}],
    tool_choice="required",
    parallel_tool_calls=False,
    temperature=0.2,
    top_p=0.5,
    reasoning_effort="low",
    text_format={"type": "json_schema", "name": "n", "schema": {}},
)


@pytest.fixture
async def fake() -> FakeResponses:
    return FakeResponses(default=RAIN)


async def ask(llm: ResponsesLlm, request: TurnRequest = DEMANDING) -> str:
    async with aclosing(llm.stream(request, time.time() + 20)) as events:
        turn = [event async for event in events][-1].turn
    return turn.items[-1]["content"][0]["text"]


def no(message: str, code: str | None = None, param: str | None = None, status: int = 400) -> FakeTurn:
    return FakeTurn(status=status, message=message, code=code, param=param)


# -- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        pytest.param(
            no(
                "Invalid schema for response_format 'x': In context=(), 'oneOf' is not permitted.",
                "invalid_json_schema",
                "text.format.schema",
            ),
            "'oneOf' is not permitted",
            id="schema of the answer",
        ),
        *(
            pytest.param(
                no(
                    f"Invalid schema for function 'w': In context=('properties', '{name}'), 'not' is not permitted.",
                    "invalid_function_parameters",
                    "tools[0].parameters",
                ),
                f"'{name}'\\), 'not' is not permitted",
                id=f"property {name}",
            )
            for name in PROPERTIES
        ),
        pytest.param(
            no("Invalid schema for function 'w': unknown parameter: 'temperature'"), "function 'w'", id="without a code"
        ),
        pytest.param(
            no("Unknown parameter: 'temperature'.", "unknown_parameter", "tools[0].temperature"),
            "Unknown parameter",
            id="of a tool",
        ),
        pytest.param(
            no("Invalid parameter: 'text.format' of type 'json_schema' is not supported with this model."),
            "'json_schema' is not supported",
            id="kind of format",
        ),
        pytest.param(
            no("Unsupported value: 'tool_choice' does not support 'required' with this model.", "unsupported_value"),
            "does not support 'required'",
            id="tool choice",
        ),
        pytest.param(
            no("Tool choice 'f' not found in 'tools' parameter.", None, "tool_choice"),
            "not found in",
            id="no such tool",
        ),
        pytest.param(
            no("temperature must be at most 1", "invalid_value", "temperature"), "at most 1", id="out of bounds"
        ),
    ],
)
async def test_a_refused_value_ends_its_run_and_teaches_nothing(fake, llm, refusal, told):
    fake.script(refusal)
    with pytest.raises(LlmError, match=told) as caught:
        await ask(llm)
    assert caught.value.code == "invalid_prompt"
    await ask(llm)
    refused, later = fake.bodies
    assert refused == later


@pytest.mark.parametrize(
    "message",
    [
        "Unsupported parameter: 'temperature' is not supported with this model.",
        "Unknown parameter: 'temperature'.",
        "Unrecognized request argument supplied: temperature",
        "litellm.BadRequestError: OpenAIException - Unsupported parameter: 'temperature'",
        "litellm.UnsupportedParamsError: vllm does not support parameters: ['temperature'], for model=m",
        "[{'type': 'extra_forbidden', 'loc': ('body', 'temperature'), 'msg': 'Extra inputs are not permitted'}]",
        "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is.",
    ],
)
async def test_a_parameter_is_dropped_when_the_words_name_it(fake, llm, message):
    fake.script(no(message))
    await ask(llm)
    await ask(llm)
    assert ["temperature" in body for body in fake.bodies] == [True, False, False]
    assert all("top_p" in body for body in fake.bodies)


# -- efforts ----------------------------------------------------------------------------------------------------------


async def test_what_high_effort_refuses_another_effort_keeps(fake, llm):
    high, none = replace(DEMANDING, reasoning_effort="high"), replace(DEMANDING, reasoning_effort="none")
    fake.script(no("Unsupported parameter: 'temperature'", "unsupported_parameter", "temperature"))
    await ask(llm, high)
    await ask(llm, none)
    await ask(llm, high)
    assert ["temperature" in body for body in fake.bodies] == [True, False, True, False]


@pytest.mark.parametrize(
    ("asked", "supported", "taken"),
    [
        ("none", "'low', 'medium', 'high', and 'xhigh'", "low"),
        ("minimal", "'low', 'medium', and 'high'", "low"),
        ("low", "'high'", "high"),
        ("max", "'low', 'medium', and 'high'", "high"),
    ],
)
@pytest.mark.parametrize("param", ["reasoning.effort", "reasoning_effort", None])
async def test_a_refused_effort_takes_the_nearest_that_the_model_has(fake, llm, asked, supported, taken, param):
    message = f"Unsupported value: '{asked}' is not supported with the 'm' model. Supported values are: {supported}."
    fake.script(no(message, "unsupported_value", param))
    request = replace(DEMANDING, reasoning_effort=asked)
    await ask(llm, request)
    await ask(llm, request)
    await ask(llm, replace(request, model="other"))
    assert [body["reasoning"]["effort"] for body in fake.bodies] == [asked, taken, taken, asked]


async def test_without_a_list_efforts_are_tried_one_by_one(fake, llm):
    refused = no("Unsupported value", "unsupported_value", "reasoning.effort")
    fake.script(refused, refused)
    request = replace(DEMANDING, reasoning_effort="none")
    await ask(llm, request)
    await ask(llm, request)
    assert [body["reasoning"]["effort"] for body in fake.bodies] == ["none", "minimal", "low", "low"]


async def test_a_model_that_takes_no_effort_at_all_says_so_in_the_end(fake, llm):
    fake.default = no("Unsupported value", "unsupported_value", "reasoning.effort")
    with pytest.raises(LlmError, match="Unsupported value"):
        await ask(llm)
    assert fake.requests == 7


#: How servers other than OpenAI's say that a model has no efforts, and which it has.
XAI = "Model grok-build does not support parameter reasoningEffort."
PYDANTIC = (
    "1 validation error: {'type': 'literal_error', 'loc': ('body', 'reasoning', 'effort'), 'msg': \"Input should be"
    " 'low', 'medium' or 'high'\", 'input': 'minimal', 'ctx': {'expected': \"'low', 'medium' or 'high'\"}}"
)


@pytest.mark.parametrize(
    "refusal",
    [
        replace(no(XAI, "invalid-argument"), bare=True),
        no("`reasoning_effort` is not supported with this model"),
        no("`reasoning_effort` must be one of `none` or `default`"),
        no('"llama3.2" does not support thinking'),
        no("registry.ollama.ai/library/gemma3:4b does not support thinking"),
        no('think value "minimal" is not supported for this model'),
        no(f"litellm.BadRequestError: XaiException - {XAI}"),
    ],
    ids=lambda refusal: refusal.message[:40],
)
async def test_a_model_without_efforts_is_asked_for_none_whoever_says_so(fake, llm, refusal):
    fake.script(refusal)
    request = replace(DEMANDING, reasoning_effort="minimal")
    await ask(llm, request)
    await ask(llm, request)
    assert ["reasoning" in body for body in fake.bodies] == [True, False, False]


@pytest.mark.parametrize(
    "refusal",
    [
        no('invalid reasoning value: "minimal" (must be "high", "medium", "low", "max", or "none")'),
        no("'reasoning_effort' : value is not one of the allowed values ['none', 'default', 'low', 'medium', 'high']"),
        no(PYDANTIC),
        no(PYDANTIC, status=422),
    ],
    ids=lambda refusal: refusal.message[:40],
)
async def test_the_nearest_effort_is_found_whoever_lists_them(fake, llm, refusal):
    fake.script(refusal)
    await ask(llm, replace(DEMANDING, reasoning_effort="minimal"))
    efforts = [body["reasoning"]["effort"] for body in fake.bodies]
    assert efforts == ["minimal", "none" if "none" in refusal.message else "low"]


async def test_an_error_that_is_but_words_is_read(fake, llm):
    fake.default = replace(no("The model grok-9 does not exist.", "invalid-argument"), bare=True)
    for asked in (ask(llm), llm.start(DEMANDING, "k", time.time() + 20)):
        with pytest.raises(LlmError, match="The model cannot be used: The model grok-9 does not exist"):
            await asked


# -- models, accounts, policies ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "refusal",
    [
        no("The model `gpt-9` does not exist or you do not have access to it.", "model_not_found", status=404),
        no("The API deployment for this resource does not exist.", "DeploymentNotFound", status=404),
        no("The model gpt-4 has been deprecated, learn more.", "model_not_found", status=404),
        no("The model `m` was retired.", status=410),
        no("model 'm' not found, try pulling it first", status=404),
    ],
)
async def test_a_model_that_is_not_there_is_told_as_such(fake, llm, refusal):
    fake.default = refusal
    with pytest.raises(LlmError) as caught:
        await ask(llm)
    assert caught.value.code == "invalid_prompt"
    assert caught.value.message == f"The model cannot be used: {refusal.message}"
    assert fake.requests == 1


async def test_an_address_that_is_no_endpoint_is_nothing_the_caller_can_mend(fake, llm):
    fake.default = no("Not Found", status=404)
    with pytest.raises(LlmError, match="Sorry"):
        await ask(llm)


@pytest.mark.parametrize("status", [400, 403])
async def test_a_policy_against_attacks_refuses_the_prompt(fake, llm, status):
    fake.default = no("This request was flagged.", "cyber_policy", status=status)
    with pytest.raises(LlmError, match="content filter") as caught:
        await ask(llm)
    assert (caught.value.code, fake.requests) == ("invalid_prompt", 1)


@pytest.mark.parametrize(
    "code",
    [
        "credit_balance_exhausted",
        "project_spend_limit_exceeded",
        "organization_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
    ],
)
async def test_an_account_without_money_is_asked_once(fake, llm, code):
    fake.default = FakeTurn(
        status=429, code=code, message="Please retry after 2 seconds", headers=(("retry-after", "0"),)
    )
    with pytest.raises(LlmError, match="billing") as caught:
        await ask(llm)
    assert (caught.value.code, fake.requests) == ("rate_limit_exceeded", 1)


@pytest.mark.parametrize("code", ["server_is_overloaded", "slow_down", "too_many_requests", "rate_limit_exceeded"])
@pytest.mark.parametrize("how", ["failed", "error_event"])
async def test_overload_in_the_stream_is_waited_for(fake, llm, code, how):
    fake.script(FakeTurn(failed=code) if how == "failed" else FakeTurn(error_event=code, cut_after=1))
    assert await ask(llm) == "Rain."
    assert fake.requests == 2
