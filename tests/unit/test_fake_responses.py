"""The fake endpoint is held to the real SDK: its answers parse strictly, and it refuses what the service refuses."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator

import aiohttp
import openai
import pytest
from openai import AsyncOpenAI

from tests.fakes.responses_events import FakeTurn
from tests.fakes.responses_server import FakeResponses, serving

SCRIPT = 'call get_weather {"city": "Oslo"}\ncall get_time\nthen\nsay It rains in Oslo.'


@pytest.fixture
def fake() -> FakeResponses:
    return FakeResponses()


@pytest.fixture
async def base_url(fake: FakeResponses) -> AsyncIterator[str]:
    async with serving(fake) as url:
        yield url


@pytest.fixture
async def client(base_url: str) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=base_url, api_key="k", max_retries=0, _strict_response_validation=True) as client:
        yield client


async def streamed(client: AsyncOpenAI, text: str = "Hi"):
    return [event async for event in await client.responses.create(model="m", input=text, stream=True)]


async def test_a_text_is_streamed_as_the_service_does(client):
    events = await streamed(client)
    assert [event.type.removeprefix("response.") for event in events] == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        *["output_text.delta"] * 6,
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[-1].response.output_text == "Hello from the fake model."
    assert events[-1].response.usage.total_tokens == 26


async def test_calls_are_streamed_as_the_service_does(client):
    events = await streamed(client, SCRIPT)
    done = [event for event in events if event.type == "response.function_call_arguments.done"]
    deltas = [event for event in events if event.type == "response.function_call_arguments.delta"]
    assert [event.arguments for event in done] == ['{"city": "Oslo"}', "{}"]
    assert "".join(event.delta for event in deltas if event.output_index == 0) == '{"city": "Oslo"}'
    assert [item.name for item in events[-1].response.output] == ["get_weather", "get_time"]


@pytest.mark.parametrize(
    ("turn", "last"),
    [
        (FakeTurn(reasoning=True, refusal="No."), "response.completed"),
        (FakeTurn(text=("Ra",), incomplete="max_output_tokens"), "response.incomplete"),
        (FakeTurn(failed="server_error"), "response.failed"),
        (FakeTurn(error_event="server_error", cut_after=2), "error"),
    ],
)
async def test_every_end_of_a_stream_parses(fake, client, turn, last):
    fake.script(turn)
    assert (await streamed(client))[-1].type == last


async def test_ids_are_new_each_time(client):
    first, second = await streamed(client, SCRIPT), await streamed(client, SCRIPT)
    assert first[-1].response.id != second[-1].response.id
    ids = [item.call_id for events in (first, second) for item in events[-1].response.output]
    assert len(set(ids)) == 4


async def test_the_users_message_tells_the_turns_in_any_order(client):
    response = await client.responses.create(model="m", input=SCRIPT)
    calls = [item.to_dict() for item in response.output]
    outputs = [{"type": "function_call_output", "call_id": call["call_id"], "output": "-"} for call in calls]
    question = {"role": "user", "content": [{"type": "input_text", "text": SCRIPT}]}
    response = await client.responses.create(model="m", input=[question, *calls, *outputs])
    assert response.output_text == "It rains in Oslo."


async def test_a_background_response_passes_through_its_states(fake, client):
    fake.polls_before_done = 1
    response = await client.responses.create(model="m", input="say Rain.", background=True)
    states = [response.status]
    for _ in range(3):
        response = await client.responses.retrieve(response.id)
        states.append(response.status)
    assert states == ["queued", "in_progress", "completed", "completed"]
    assert response.output_text == "Rain."
    assert fake.polls == 3


async def test_a_background_response_can_be_cancelled(fake, client):
    fake.polls_before_done = 9
    response = await client.responses.create(model="m", input="Hi", background=True)
    assert (await client.responses.cancel(response.id)).status == "cancelled"
    assert (await client.responses.retrieve(response.id)).status == "cancelled"
    assert fake.cancelled == [response.id]
    with pytest.raises(openai.NotFoundError):
        await client.responses.retrieve("resp_0")


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"temperature": 0.1}, "Unsupported parameter: 'temperature'"),
        ({"background": True, "store": False}, "Background mode requires"),
        ({"extra_body": {"hurry": True}}, "Unknown parameter: 'hurry'"),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": ""}]}, "No tool call found"),
        (
            {"input": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}]},
            "No tool output found for function call c",
        ),
    ],
)
async def test_what_the_service_refuses_is_refused(fake, client, wish, words):
    fake.refuses = {"temperature": "unsupported_parameter"}
    with pytest.raises(openai.BadRequestError, match=words):
        await client.responses.create(**{"model": "m", "input": "Hi"} | wish)


async def test_an_item_of_a_response_that_was_not_stored_is_not_found(client):
    thought = {"type": "reasoning", "id": "rs_1", "summary": []}
    with pytest.raises(openai.NotFoundError, match="Items are not persisted"):
        await client.responses.create(model="m", input=[thought], store=False)


async def test_errors_are_those_of_the_script(fake, client):
    fake.script(FakeTurn(status=429, code="rate_limit_exceeded", headers=(("retry-after-ms", "5"),)))
    with pytest.raises(openai.RateLimitError) as caught:
        await client.responses.create(model="m", input="Hi")
    assert caught.value.response.headers["retry-after-ms"] == "5"
    assert fake.created.total() == 0


async def test_faults_come_at_their_rate(fake, client):
    fake.fault_rate = 0.5
    outcomes = [await outcome(client) for _ in range(60)]
    assert 5 < outcomes.count("ok") < 55
    assert {"InternalServerError", "APIConnectionError"} <= set(outcomes)


async def outcome(client: AsyncOpenAI) -> str:
    try:
        await client.responses.create(model="m", input="Hi")
    except openai.APIError as error:
        return type(error).__name__
    return "ok"


async def test_it_serves_as_a_process_that_others_script_over_http():
    command = ["-m", "tests.fakes.responses_server", "--port", "0", "--delay", "0.01"]
    process = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        url = (await process.stdout.readline()).decode().strip()
        root = url.removesuffix("/v1")
        async with aiohttp.ClientSession(raise_for_status=True) as http:
            await http.post(f"{root}/fake/script", json=[{"text": "Rain.", "calls": [["f", "{}"]]}])
            await http.post(f"{root}/fake/settings", json={"keep_bodies": True})
            key = {"Idempotency-Key": "run_1"}
            answer = await http.post(f"{url}/responses", json={"model": "m", "input": "Hi"}, headers=key)
            assert [item["type"] for item in (await answer.json())["output"]] == ["message", "function_call"]
            state = await (await http.get(f"{root}/fake/state")).json()
        assert (state["requests"], state["created"]) == (1, {"run_1": 1})
        assert state["bodies"] == [{"model": "m", "input": "Hi"}]
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]
