"""How the Responses adapter behaves towards an endpoint that is busy, broken, limited or picky."""

from __future__ import annotations

import time
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest
from openai.types.responses import ResponseInputItemParam
from pydantic import TypeAdapter

from shared.llm.base import ArgumentsDelta, CallStarted, LlmError, TextDelta, TurnRequest
from shared.llm.responses import ResponsesLlm
from shared.llm.responses.attempts import BACKOFF
from shared.llm.responses.body import body_of
from shared.llm.responses.endpoint import Endpoint
from tests.fakes.responses_events import FakeTurn
from tests.fakes.responses_server import serving
from tests.fakes.weather import QUESTION

RAIN = FakeTurn(text=("Rain.",))


@pytest.fixture
def options() -> dict[str, Any]:
    return {"aliases": {"gpt-4o": "new", "*": "m"}}


async def answer(llm: ResponsesLlm, request: TurnRequest = QUESTION, *, within: float = 20) -> str:
    async with aclosing(llm.stream(request, time.time() + within)) as events:
        turn = [event async for event in events][-1].turn
    return turn.items[-1]["content"][0]["text"]


# -- failures that pass -----------------------------------------------------------------------------------------------

PASSING = [
    FakeTurn(status=429, code="rate_limit_exceeded"),
    FakeTurn(status=500),
    FakeTurn(status=503),
    FakeTurn(status=408),
    FakeTurn(status=409),
    FakeTurn(status=425),
    FakeTurn(status=498, code="capacity_exceeded"),
    FakeTurn(text=("Rain.",), cut_after=0),
    FakeTurn(text=("Rain.",), cut_after=3),
    FakeTurn(failed="server_error"),
    FakeTurn(failed="rate_limit_exceeded"),
    FakeTurn(text=("Rain.",), error_event="server_error", cut_after=2),
]


@pytest.mark.parametrize("trouble", PASSING, ids=lambda turn: turn.failed or turn.error_event or str(turn.status))
async def test_what_may_pass_is_tried_again(fake, llm, trouble):
    fake.script(trouble, trouble, RAIN)
    assert await answer(llm) == "Rain."
    assert fake.requests == 3


@pytest.mark.parametrize("status", [402, 412, 423, 424, 499])
async def test_other_statuses_would_be_the_same_the_next_time(fake, llm, status):
    fake.default = FakeTurn(status=status)
    with pytest.raises(LlmError):
        await answer(llm)
    assert fake.requests == 1


@pytest.mark.parametrize(
    "trouble", [FakeTurn(status=429), FakeTurn(status=498), FakeTurn(status=500), FakeTurn(failed="server_error")]
)
async def test_it_gives_up_some_day(fake, llm, trouble):
    fake.default = trouble
    with pytest.raises(LlmError) as caught:
        await answer(llm)
    assert caught.value.code == ("rate_limit_exceeded" if trouble.status in (429, 498) else "server_error")
    assert 3 < fake.requests < 10


async def test_a_server_that_is_not_there_is_a_server_error():
    llm = ResponsesLlm(Endpoint("http://127.0.0.1:9/v1", "nobody", "key"), backoff=replace(BACKOFF, first=0.001))
    with pytest.raises(LlmError, match="refused the connection"):
        await answer(llm)
    assert await llm.poll("resp_1") is None
    await llm.close()


@pytest.mark.parametrize("header", [("retry-after-ms", "200"), ("retry-after", "0.2")])
async def test_it_waits_as_long_as_it_is_told(fake, llm, header):
    fake.script(FakeTurn(status=429, headers=(header,)), RAIN)
    began = time.monotonic()
    assert await answer(llm) == "Rain."
    assert time.monotonic() - began >= 0.2


async def test_what_is_repeated_is_told_with_the_wait_and_the_providers_request_ids(fake, llm):
    refused = FakeTurn(
        status=429, code="rate_limit_exceeded", headers=(("retry-after-ms", "50"), ("x-request-id", "r1"))
    )
    fake.script(refused, FakeTurn(text=("Rain.",), cut_after=0), RAIN)
    async with aclosing(llm.stream(QUESTION, time.time() + 20)) as events:
        first, second, *_, last = [event async for event in events]
    assert (first.status, first.code, first.request_id) == (429, "rate_limit_exceeded", "r1")
    assert 0.05 <= first.seconds < 5
    assert (second.status, second.code, second.request_id) == (None, "ClientPayloadError", None)
    assert last.turn.request_id == "req_fake"
    assert last.turn.model == "m"


@pytest.mark.parametrize("header", [("retry-after", "60"), ("retry-after", "Fri, 31 Dec 2100 23:59:59 GMT")])
async def test_it_does_not_wait_past_the_deadline(fake, llm, header):
    fake.default = FakeTurn(status=429, headers=(header,))
    began = time.monotonic()
    with pytest.raises(LlmError, match="rate limit"):
        await answer(llm, within=10)
    assert time.monotonic() - began < 5
    assert fake.requests == 1


async def test_a_model_that_says_nothing_is_left_at_the_deadline(fake, llm):
    fake.default = FakeTurn(delay=60)
    began = time.monotonic()
    with pytest.raises(LlmError, match=r"^The model did not answer in time\.$"):
        await answer(llm, within=0.3)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("header", ["soon", "nan", "-1", ""])
async def test_nonsense_in_retry_after_is_ignored(fake, llm, header):
    fake.script(FakeTurn(status=429, headers=(("retry-after", header),)), RAIN)
    assert await answer(llm) == "Rain."


async def test_a_background_turn_is_started_again_after_a_failure(fake, llm):
    fake.script(FakeTurn(status=503), FakeTurn(status=429), RAIN)
    response_id = await llm.start(QUESTION, "run_1-0", time.time() + 20)
    turn = await llm.poll(response_id)
    assert turn is not None
    assert turn.items[0]["content"][0]["text"] == "Rain."
    assert fake.created == {"run_1-0": 1}


async def test_a_proxys_page_in_place_of_a_background_turn_is_not_its_end(fake, llm):
    fake.script(RAIN)
    response_id = await llm.start(QUESTION, "run_1-0", time.time() + 20)
    pages = [
        ("<html>Sign in</html>", "text/html"),
        ("<html>", "application/json"),
        ("{}", "application/json"),
        ("[]", "application/json"),
        ('{"status": null}', "application/json"),
    ]
    fake.pages += pages
    assert [await llm.poll(response_id) for _ in pages] == [None] * len(pages)
    assert await llm.poll(response_id) is not None


# -- failures that do not pass ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trouble", "code", "words"),
    [
        (FakeTurn(status=400, code="content_filter"), "invalid_prompt", "content filter"),
        (FakeTurn(status=400, code="context_length_exceeded"), "invalid_prompt", "longer than"),
        (FakeTurn(failed="invalid_prompt"), "invalid_prompt", "content filter"),
        (FakeTurn(status=429, code="insufficient_quota"), "rate_limit_exceeded", "quota"),
        (FakeTurn(status=401, code="invalid_api_key", message="Incorrect API key sk-123"), "server_error", "Sorry"),
        (FakeTurn(status=403, message="Key sk-123 may not use this"), "server_error", "Sorry"),
        (FakeTurn(status=400, message="What we wrote is wrong"), "server_error", "Sorry"),
    ],
)
async def test_what_cannot_pass_is_told_once_and_without_secrets(fake, llm, trouble, code, words):
    fake.default = trouble
    with pytest.raises(LlmError, match=words) as caught:
        await answer(llm)
    assert caught.value.code == code
    assert fake.requests == 1
    assert "sk-123" not in caught.value.message


async def test_a_background_turn_that_failed_is_told_by_the_poll(fake, llm):
    fake.script(FakeTurn(failed="rate_limit_exceeded"))
    response_id = await llm.start(QUESTION, "key", time.time() + 20)
    with pytest.raises(LlmError) as caught:
        await llm.poll(response_id)
    assert caught.value.code == "rate_limit_exceeded"


# -- what models do not support ---------------------------------------------------------------------------------------

DEMANDING = replace(
    QUESTION,
    tools=[{"type": "function", "name": "f", "parameters": {}}],
    parallel_tool_calls=False,
    temperature=0.0,
    top_p=0.5,
    reasoning_effort="low",
    text_format={"type": "json_schema", "name": "n", "schema": {}},
)


@pytest.mark.parametrize("code", ["unsupported_parameter", None, ""])
@pytest.mark.parametrize("name", ["temperature", "top_p", "reasoning.effort", "parallel_tool_calls", "include"])
async def test_a_parameter_the_model_refuses_is_dropped_and_remembered(fake, llm, name, code):
    fake.refuses = {name: code}
    assert await answer(llm, DEMANDING) == "Hello from the fake model."
    assert await answer(llm, DEMANDING) == "Hello from the fake model."
    first, second, third = fake.bodies
    key = name.partition(".")[0]
    assert key in first
    assert first.keys() - second.keys() == {key}
    assert second == third


async def test_several_refused_parameters_are_dropped_one_by_one(fake, llm):
    fake.refuses = dict.fromkeys(["temperature", "top_p", "reasoning.effort", "include"], "unsupported_parameter")
    assert await answer(llm, DEMANDING) == "Hello from the fake model."
    assert fake.requests == 5
    response_id = await llm.start(DEMANDING, "key", time.time() + 20)
    assert response_id.startswith("resp_")
    assert fake.requests == 6


async def test_another_model_is_asked_for_everything(fake, llm):
    fake.script(FakeTurn(status=400, code="unsupported_parameter", param="temperature"), RAIN, RAIN)
    await answer(llm, replace(DEMANDING, model="x"))
    await answer(llm, replace(DEMANDING, model="gpt-4o"))
    assert ["temperature" in body for body in fake.bodies] == [True, False, True]


async def test_reasoning_the_endpoint_cannot_read_is_not_sent_again(fake, llm):
    unreadable = FakeTurn(status=400, code="invalid_encrypted_content", message="The encrypted content could not be …")
    thought = {"type": "reasoning", "summary": [], "encrypted_content": "x"}
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Rain."}]}
    thoughtful = replace(QUESTION, input=[*QUESTION.input, thought, said])
    fake.script(unreadable, RAIN, RAIN)
    await answer(llm, thoughtful)
    await answer(llm, thoughtful)
    assert [len(body["input"]) for body in fake.bodies] == [3, 2, 2]


@pytest.mark.parametrize(
    ("code", "told", "may_pass"),
    [
        ("server_error", "server_error", True),
        ("rate_limit_exceeded", "rate_limit_exceeded", True),
        ("content_filter", "invalid_prompt", False),
    ],
)
async def test_an_answer_that_breaks_off_tells_why(fake, llm, code, told, may_pass):
    fake.script(FakeTurn(text=("Ra", "in."), error_event=code, cut_after=5))
    with pytest.raises(LlmError) as caught:
        await answer(llm)
    assert (caught.value.code, caught.value.broke_off) == (told, may_pass)


# -- what is sent -----------------------------------------------------------------------------------------------------


async def test_a_plain_turn_says_no_more_than_it_must(fake, llm):
    await answer(llm)
    assert fake.bodies == [
        {
            "model": "m",
            "input": QUESTION.input,
            "include": ["reasoning.encrypted_content"],
            "stream": True,
            "store": False,
        }
    ]
    assert fake.headers[0]["Authorization"] == "Bearer key"


async def test_every_wish_is_passed_on(fake, llm):
    await answer(llm, replace(DEMANDING, instructions="Be brief.", tool_choice="required", max_output_tokens=3))
    body = fake.bodies[0]
    assert body["instructions"] == "Be brief."
    assert body["tools"] == DEMANDING.tools
    assert body["tool_choice"] == "required"
    assert body["parallel_tool_calls"] is False
    assert body["temperature"] == 0.0
    assert body["top_p"] == 0.5
    assert body["text"] == {"format": DEMANDING.text_format}
    assert body["reasoning"] == {"effort": "low"}
    assert body["max_output_tokens"] == 16


async def test_a_thread_without_messages_can_be_answered(fake, llm):
    assert await answer(llm, replace(QUESTION, instructions="Greet the user.", input=[])) != ""
    assert fake.bodies[0]["instructions"] == "Greet the user."


@pytest.mark.parametrize("said", ["Weather?", "Weather, as JSON?"])
async def test_json_may_be_asked_for_in_the_instructions_alone(fake, llm, said):
    asked = [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": said}]}]
    wanted = replace(QUESTION, instructions="Give me JSON.", input=asked, text_format={"type": "json_object"})
    assert await answer(llm, wanted) != ""
    assert fake.bodies[0]["input"][:1] == asked
    assert len(fake.bodies[0]["input"]) == (1 if "JSON" in said else 2)


async def test_half_a_character_does_not_keep_a_thread_from_being_answered(fake, llm):
    """JSON can spell half of a surrogate pair, so clients and tools can send one; nothing can encode it."""
    fake.script(RAIN)
    assert await answer(llm, replace(QUESTION, input=[{"role": "user", "content": "Rain \ud83d?"}])) == "Rain."
    assert fake.bodies[-1]["input"] == [{"role": "user", "content": "Rain ??"}]


async def test_a_background_turn_is_stored_and_carries_its_key(fake, llm):
    await llm.start(QUESTION, "run_1-0", time.time() + 20)
    assert (fake.bodies[0]["background"], fake.bodies[0]["store"]) == (True, True)
    assert "stream" not in fake.bodies[0]
    assert fake.headers[0]["Idempotency-Key"] == "run_1-0"


async def test_items_lose_the_marks_of_the_response_they_came_from(fake, llm):
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c", "output": "1"}
    thought = {"type": "reasoning", "summary": [], "encrypted_content": "x"}
    history = [
        {"id": "rs_1", **thought},
        {"id": "rs_2", "type": "reasoning", "summary": [], "encrypted_content": None},
        {"id": "fc_1", "status": "completed", **call},
        output,
    ]
    await answer(llm, replace(QUESTION, input=[*QUESTION.input, *history]))
    assert fake.bodies[0]["input"] == [*QUESTION.input, thought, call, output]


async def test_the_input_has_the_form_that_strict_servers_hold_it_to(fake, llm):
    history = [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Weather?"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Where?"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]},
        {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "1"},
    ]
    body = body_of(replace(QUESTION, input=history), "m")
    TypeAdapter(list[ResponseInputItemParam]).validate_python(body["input"])
    assert [item["content"] for item in body["input"][1:3]] == ["Where?", "No."]


@pytest.mark.parametrize(("asked", "sent"), [("gpt-4o", "new"), ("gpt-3.5-turbo", "m"), ("new", "m")])
async def test_model_names_are_mapped(fake, llm, asked, sent):
    await answer(llm, replace(QUESTION, model=asked))
    assert fake.bodies[0]["model"] == sent


async def test_without_a_default_alias_other_names_stay(fake):
    async with serving(fake) as base_url:
        llm = ResponsesLlm(Endpoint(base_url, "fake", "key"), {"old": "new"})
        await answer(llm, replace(QUESTION, model="mine"))
        assert [model.id for model in await llm.models()] == ["fake-model"]
        await llm.close()
    assert fake.bodies[0]["model"] == "mine"


async def test_models_are_those_of_the_endpoint_and_the_aliases(fake, llm):
    fake.model_names = ["z", "gpt-4o"]
    assert [model.id for model in await llm.models()] == ["gpt-4o", "z"]


def test_the_model_that_answers_is_the_one_of_the_alias(llm):
    assert [llm.answering(name) for name in ("gpt-4o", "gpt-3")] == ["new", "m"]


async def test_arguments_that_come_only_whole_are_heard(fake, llm):
    fake.script(FakeTurn(calls=(("f", '{"a": 1}'),)))
    fake.without = "response.function_call_arguments.delta"
    async with aclosing(llm.stream(QUESTION, time.time() + 20)) as events:
        heard = [event async for event in events]
    assert ArgumentsDelta(0, '{"a": 1}') in heard


@pytest.mark.parametrize("said", [(), ("Let me ", "see.")])
async def test_items_are_told_apart_though_the_server_gives_all_the_same_index(fake, llm, said):
    fake.all_at_index_0 = True
    calls = (("get_weather", '{"city": "Basel"}'), ("get_time", '{"city": "Bern"}'))
    fake.script(FakeTurn(text=said, calls=calls))
    async with aclosing(llm.stream(QUESTION, time.time() + 20)) as events:
        heard = [event async for event in events]

    started = {event.item: event for event in heard if isinstance(event, CallStarted)}
    arguments = dict.fromkeys(started, "")
    for event in heard:
        if isinstance(event, ArgumentsDelta):
            arguments[event.item] += event.text
    assert [(started[item].name, arguments[item]) for item in sorted(started)] == [*calls]
    assert {event.item for event in heard if isinstance(event, TextDelta)}.isdisjoint(started)


async def test_a_stream_that_ends_without_an_end_is_a_lost_connection(fake, llm):
    fake.script(FakeTurn(), RAIN)
    fake.without = "response.completed"
    with pytest.raises(LlmError, match="Sorry"):
        await answer(llm)
    assert fake.requests == 2


async def test_connections_are_used_again(fake, llm):
    fake.event_delay = 0.001
    for _ in range(5):
        await answer(llm)
    assert len(fake.peers) == 1


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        *((each, "max_output_tokens") for each in ("max_output_tokens", "max_tokens", "length")),
        *((each, each) for each in ("content_filter", "max_messages", "steered")),
    ],
)
async def test_why_an_answer_is_incomplete_is_told_as_the_endpoint_said_it(fake, llm, said, reason):
    fake.script(FakeTurn(text=("Ra",), incomplete=said))
    async with aclosing(llm.stream(QUESTION, time.time() + 20)) as events:
        turn = [event async for event in events][-1].turn
    assert turn.incomplete == reason
