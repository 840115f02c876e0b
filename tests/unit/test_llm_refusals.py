"""Refusals and silences of endpoints that are not OpenAI's: told in our words, with the reason in the log."""

from __future__ import annotations

import json
import logging
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from shared.llm.base import LlmError, PromptTooLong
from shared.llm.responses import ResponsesLlm
from shared.llm.responses.attempts import BACKOFF
from shared.llm.responses.endpoint import Endpoint
from tests.fakes.certificate import certificate, server_side
from tests.fakes.responses_events import FakeTurn, stream_bytes
from tests.fakes.weather import QUESTION

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def answering(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server that gives one answer to everything; yields its base URL."""
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    try:
        yield f"{'http' if tls is None else 'https'}://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


async def ask(base_url: str, *, within: float = 20, key: str = "key") -> str:
    llm = ResponsesLlm(Endpoint(base_url, "fake", key), backoff=replace(BACKOFF, first=0.001))
    try:
        async with aclosing(llm.stream(QUESTION, time.time() + within)) as events:
            turn = [event async for event in events][-1].turn
        return turn.items[-1]["content"][0]["text"]
    finally:
        await llm.close()


# Bodies as the servers send them, shortened; the numbers are theirs.
LONG = "invalid_prompt", "longer than the model can take"
FILTERED = "invalid_prompt", "content filter"
SPENT = "rate_limit_exceeded", "quota of the model is used up"
BUSY = "rate_limit_exceeded", "try again later"
SORRY = "server_error", "Sorry, something went wrong"


@pytest.mark.parametrize(
    ("status", "error", "told"),
    [
        pytest.param(
            400,
            {
                "message": "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.",
                "type": "BadRequestError",
                "code": 400,
            },
            LONG,
            id="vLLM",
        ),
        pytest.param(
            400,
            {"message": "The decoder prompt (length 5000) is longer than the maximum model length of 4096."},
            LONG,
            id="vLLM, of its engine",
        ),
        pytest.param(
            400,
            {
                "message": "This model's maximum context length is 131072 tokens. However, you requested 140000 tokens",
                "type": "invalid_request_error",
                "code": "invalid_request_error",
            },
            LONG,
            id="DeepSeek",
        ),
        pytest.param(
            400,
            {"message": "litellm.ContextWindowExceededError: Too much", "type": None, "code": "400"},
            LONG,
            id="LiteLLM",
        ),
        pytest.param(
            400,
            {
                "code": 400,
                "message": "the request exceeds the available context size (4096 tokens), try increasing it",
                "type": "exceed_context_size_error",
            },
            LONG,
            id="llama.cpp",
        ),
        pytest.param(
            400,
            {
                "message": "You passed 5000 input tokens, but the model's context length is only 4096 tokens.",
                "type": "BadRequestError",
                "param": "input_tokens",
                "code": 400,
            },
            LONG,
            id="vLLM of 2026",
        ),
        pytest.param(
            400,
            {
                "message": "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
                "code": 400,
            },
            LONG,
            id="SGLang",
        ),
        pytest.param(
            400,
            {"message": "the input length exceeds the context length", "type": "invalid_request_error", "code": None},
            LONG,
            id="Ollama",
        ),
        pytest.param(500, {"message": "input exceeds context length", "type": "api_error"}, LONG, id="Ollama, as 500"),
        pytest.param(
            400,
            {
                "message": "request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it",
                "type": "exceed_context_size_error",
                "code": 400,
            },
            LONG,
            id="Ollama's llama-server",
        ),
        pytest.param(400, {"message": "Context size has been exceeded."}, LONG, id="LM Studio"),
        pytest.param(
            400,
            {"message": "This model's maximum prompt length is 131072 but the request contains more."},
            LONG,
            id="xAI",
        ),
        pytest.param(
            400,
            {"message": "Your request exceeded model token limit: 8192", "type": "invalid_request_error"},
            LONG,
            id="Kimi",
        ),
        pytest.param(
            429,
            {
                "message": "Request too large for gpt-4o in organization org-a on tokens per min (TPM): Limit 30000, "
                "Requested 36278. The input or output tokens must be reduced in order to run successfully.",
                "type": "tokens",
                "code": "rate_limit_exceeded",
            },
            LONG,
            id="OpenAI, more than a minute's tokens",
        ),
        pytest.param(
            413,
            {
                "message": "Request too large for model `m` on tokens per minute (TPM): Limit 6000, Requested 7000",
                "type": "tokens",
                "code": "rate_limit_exceeded",
            },
            LONG,
            id="Groq, more than a minute's tokens",
        ),
        pytest.param(
            400,
            {"message": "The input token count (1200293) exceeds the maximum number of tokens allowed (1048576)."},
            LONG,
            id="Gemini",
        ),
        pytest.param(
            400,
            {"message": "litellm.ContentPolicyViolationError: no", "type": None, "code": "400"},
            FILTERED,
            id="LiteLLM, filtered",
        ),
        pytest.param(
            400,
            {"message": "Content Exists Risk", "type": "invalid_request_error", "code": "invalid_request_error"},
            FILTERED,
            id="DeepSeek, filtered",
        ),
        pytest.param(
            402,
            {"message": "Insufficient Balance", "type": "unknown_error", "code": "invalid_request_error"},
            SPENT,
            id="DeepSeek, spent",
        ),
        pytest.param(402, {"message": "Please top up"}, SPENT, id="payment required"),
        pytest.param(
            429,
            {
                "message": "litellm.RateLimitError: OpenAIException - You exceeded your current quota, please check it",
                "type": "throttling_error",
                "code": "429",
            },
            SPENT,
            id="LiteLLM, spent",
        ),
        pytest.param(
            400,
            {
                "message": "Budget has been exceeded! Current cost: 1.0, Max budget: 0.5",
                "type": "budget_exceeded",
                "code": "400",
            },
            SPENT,
            id="LiteLLM, its own budget",
        ),
        pytest.param(400, {"message": "The field `messages` is not known", "code": 400}, SORRY, id="anything else"),
    ],
)
async def test_refusals_are_understood_by_their_words(status, error, told):
    asked = 0

    async def answer(_: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        return web.json_response({"error": error}, status=status)

    async with answering(answer) as base_url:
        with pytest.raises(LlmError, match=told[1]) as caught:
            await ask(base_url)
    assert caught.value.code == told[0]
    assert asked == 1


async def test_a_body_that_a_proxy_does_not_take_is_too_long_a_prompt():
    async def answer(_: web.Request) -> web.Response:
        page = "<html><h1>413 Request Entity Too Large</h1><hr>nginx/1.29.3</html>"
        return web.Response(text=page, content_type="text/html", status=413)

    async with answering(answer) as base_url:
        with pytest.raises(PromptTooLong, match=r"shorten messages.*`auto`\.$"):
            await ask(base_url)


@pytest.mark.parametrize(
    ("error", "headers"),
    [
        ({"message": "You exceeded your current quota. Please retry in 22.8s.", "code": 429}, {}),
        ({"message": "You exceeded your current quota", "code": "429"}, {"retry-after": "0"}),
        ({"message": "Quota per minute: you exceeded your current quota", "code": "429"}, {}),
        ({"message": "Rate limit reached", "code": "429"}, {}),
    ],
)
async def test_a_quota_of_the_minute_is_waited_for(error, headers):
    asked = 0

    async def answer(_: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        if asked > 1:
            return web.Response(body=stream_bytes(FakeTurn(text=("Rain.",)), "m"), content_type="text/event-stream")
        return web.json_response({"error": error}, status=429, headers=headers)

    async with answering(answer) as base_url:
        assert await ask(base_url) == "Rain."
    assert asked == 2


async def test_a_refusal_in_the_stream_is_understood_too():
    async def answer(_: web.Request) -> web.Response:
        error = {"message": "This model's maximum context length is 4096 tokens.", "code": 400}
        return web.Response(body=f"data: {json.dumps({'error': error})}\n\n", content_type="text/event-stream")

    async with answering(answer) as base_url:
        with pytest.raises(LlmError, match=LONG[1]):
            await ask(base_url)


@pytest.mark.parametrize(
    "error",
    [
        {"code": "rate_limit_exceeded", "message": "Your requests have exceeded the rate limit."},
        {"code": "too_many_requests", "message": "Too Many Requests"},
        {"message": "Too many requests, slow down"},
        None,
    ],
)
async def test_throttling_within_a_stream_that_began_well_is_waited_for(error):
    waits: list[float] = []

    async def answer(_: web.Request) -> web.Response:
        waits.append(time.monotonic())
        if len(waits) > 1:
            return web.Response(body=stream_bytes(FakeTurn(text=("Rain.",)), "m"), content_type="text/event-stream")
        events = [{"type": "response.failed", "response": {"id": "r", "status": "failed", "error": None}}]
        events += [] if error is None else [{"type": "error", "error": error}]
        body = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
        return web.Response(body=body, content_type="text/event-stream", headers={"Retry-After": "0.3"})

    async with answering(answer) as base_url:
        assert await ask(base_url) == "Rain."
    assert waits[1] - waits[0] >= 0.3, "the stream's own header says when to come back"


async def test_throttling_within_streams_is_told_as_such_in_the_end():
    async def answer(_: web.Request) -> web.Response:
        events = [{"type": "response.failed", "response": {"status": "failed", "error": None}}]
        events += [{"type": "error", "error": {"code": "too_many_requests", "message": "Too Many Requests"}}]
        body = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
        return web.Response(body=body, content_type="text/event-stream")

    async with answering(answer) as base_url:
        with pytest.raises(LlmError) as caught:
            await ask(base_url)
    assert caught.value.code == "rate_limit_exceeded"


# -- endpoints that cannot be reached ----------------------------------------------------------------------------------


def reasons(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(str(getattr(record, "reason", "")) for record in caplog.records)


async def test_nobody_listens_there(caplog):
    caplog.set_level(logging.WARNING)
    with pytest.raises(LlmError, match=r"^The model could not be reached: its server refused the connection\.$"):
        await ask("http://127.0.0.1:9/v1")
    assert "Cannot connect to host 127.0.0.1:9" in reasons(caplog)


async def test_the_host_has_no_such_name(caplog):
    caplog.set_level(logging.WARNING)
    with pytest.raises(LlmError, match=r"^The model could not be reached: its server's name is unknown\.$"):
        await ask("http://nobody.invalid/v1")
    assert "nobody.invalid" in reasons(caplog)


async def test_a_password_in_the_address_stays_out_of_the_log(caplog):
    caplog.set_level(logging.WARNING)
    with pytest.raises(LlmError) as caught:
        await ask("http://user:pass-word@127.0.0.1:9/v1")
    assert "pass-word" not in reasons(caplog) + caught.value.message


async def test_the_certificate_is_nobodys(caplog, tmp_path: Path):
    caplog.set_level(logging.WARNING)

    async def answer(_: web.Request) -> web.Response:
        return web.Response()

    async with answering(answer, server_side(certificate(tmp_path, "localhost"))) as base_url:
        with pytest.raises(LlmError, match=r"certificate is not trusted\.$"):
            await ask(base_url)
    assert "certificate" in reasons(caplog)
    assert len([each for each in caplog.records if hasattr(each, "reason")]) == 1


async def test_a_key_that_no_header_takes_fails_the_run():
    with pytest.raises(LlmError, match=SORRY[1]):
        await ask("http://127.0.0.1:9/v1", key="schl\u00fcssel")


async def test_a_gateway_may_send_long_headers():
    async def answer(_: web.Request) -> web.Response:
        return web.Response(
            body=stream_bytes(FakeTurn(text=("Rain.",)), "m"),
            content_type="text/event-stream",
            headers={"X-Policy": "p" * 20_000},
        )

    async with answering(answer) as base_url:
        assert await ask(base_url) == "Rain."
