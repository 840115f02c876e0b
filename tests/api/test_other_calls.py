"""The rest of the client's calls through the box: the SDK's chat, embeddings, responses, images, audio, moderations."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import socket
import time
from collections.abc import Iterator

import httpx2 as httpx
import openai
import pytest

from shared.llm.scripted import text
from tests.api.conftest import KEY, SDK, TLS
from tests.fakes.provider import PICTURE, SOUND, VECTOR, WORDS, FakeProvider
from tests.fakes.responses_server import serving_in_thread
from tests.waiting import until

PROVIDER_KEY = "sk-provider-secret-0123456789"
SAID = "".join(WORDS)
ASKED = [{"role": "user", "content": "Hello?"}]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(2000)
ALIASES = {"*": "gpt-5.6-luna", "gpt-4o": "gpt-5.6-terra", "ada": "text-embedding-3-small"}


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    fake = FakeProvider()
    with serving_in_thread(fake) as fake.url:
        yield fake


@pytest.fixture
def more() -> dict[str, object]:
    """Settings of a test's own."""
    return {}


@pytest.fixture
def settings(provider, more):
    return {"box_model_base_url": provider.url, "box_model_api_key": PROVIDER_KEY, "model_aliases": ALIASES} | more


@pytest.fixture(params=["OpenAI", "AzureOpenAI", "AzureOpenAI with a deployment"])
def any_client(request, box):
    """The classes of the SDK, as programs make them."""
    if request.param == "OpenAI":
        made = openai.OpenAI(base_url=f"{box.url}/v1", **SDK)
    else:
        named = "gpt-4o" if "with" in request.param else None
        made = openai.AzureOpenAI(azure_endpoint=box.url, azure_deployment=named, api_version="2024-10-21", **SDK)
    with made:
        yield made


@pytest.fixture(params=["AsyncOpenAI", "AsyncAzureOpenAI"])
async def any_async_client(request, box):
    where = (
        {"base_url": f"{box.url}/v1"}
        if request.param == "AsyncOpenAI"
        else {"azure_endpoint": box.url, "api_version": "2024-10-21"}
    )
    async with getattr(openai, request.param)(**where, **SDK) as made:
        yield made


def test_chat_is_completed_and_streamed(any_client, provider):
    chat = any_client.chat.completions
    assert chat.create(model="gpt-4o", messages=ASKED).choices[0].message.content == SAID
    assert (provider.last.body["model"], provider.last.body["messages"]) == ("gpt-5.6-terra", ASKED)

    with chat.stream(model="gpt-4o", messages=ASKED) as stream:
        said = [event.delta for event in stream if event.type == "content.delta"]
    assert tuple(said) == WORDS
    assert provider.last.body["stream"] is True


def test_texts_are_completed_embedded_and_judged(any_client, provider):
    assert any_client.completions.create(model="gpt-4o", prompt="Hello?").choices[0].text == SAID
    assert any_client.embeddings.create(model="ada", input=["a", "b"]).data[1].embedding == VECTOR
    assert not any_client.moderations.create(input="Hello?").results[0].flagged
    assert provider.last.body["input"] == "Hello?"


def test_responses_are_made_and_streamed(any_client, provider):
    response = any_client.responses.create(model="gpt-4o", input="Hello?")
    assert response.output_text == SAID
    assert provider.last.body == {"model": "gpt-5.6-terra", "input": "Hello?", "store": False}

    with any_client.responses.stream(model="gpt-4o", input="Hello?") as stream:
        assert "".join(event.delta for event in stream if event.type == "response.output_text.delta") == SAID
        assert stream.get_final_response().output_text == SAID


def test_pictures_are_made_changed_and_varied(any_client, provider):
    images = any_client.images
    assert images.generate(model="gpt-image-1", prompt="a cat").data[0].b64_json == PICTURE
    events = images.generate(model="gpt-image-1", prompt="a cat", stream=True)
    assert [event.type for event in events] == ["image_generation.completed"]

    images.edit(model="gpt-image-1", prompt="an owl", image=[("kätzchen.png", PNG, "image/png")], size="1024x1024")
    [sent] = provider.last.body.pop("image[]")
    assert sent == {
        "filename": "kätzchen.png",
        "type": "image/png",
        "bytes": len(PNG),
        "sha256": hashlib.sha256(PNG).hexdigest(),
    }
    assert {"prompt": "an owl", "size": "1024x1024"}.items() <= provider.last.body.items()
    assert images.create_variation(image=("cat.png", PNG)).data[0].b64_json == PICTURE


def test_sound_is_spoken_and_written_down(any_client, provider):
    audio = any_client.audio
    assert audio.speech.create(model="gpt-4o-mini-tts", voice="alloy", input="Hello.").content == SOUND
    with audio.speech.with_streaming_response.create(model="tts-1", voice="alloy", input="Hello.") as response:
        assert b"".join(response.iter_bytes()) == SOUND
        assert response.headers["content-type"] == "audio/mpeg"

    file = ("speech.mp3", SOUND, "audio/mpeg")
    assert audio.transcriptions.create(model="whisper-1", file=file, language="en").text == SAID
    assert provider.last.body["file"][0]["sha256"] == hashlib.sha256(SOUND).hexdigest()
    assert provider.last.body["language"] == "en"
    events = [*audio.transcriptions.create(model="gpt-4o-transcribe", file=file, stream=True)]
    assert events[-1].text == SAID
    assert audio.translations.create(model="whisper-1", file=file).text == SAID


async def test_the_async_classes_do_the_same(any_async_client):
    client = any_async_client
    assert (await client.chat.completions.create(model="gpt-4o", messages=ASKED)).choices[0].message.content == SAID
    chunks = await client.chat.completions.create(model="gpt-4o", messages=ASKED, stream=True)
    assert "".join([chunk.choices[0].delta.content or "" async for chunk in chunks]) == SAID
    async with client.responses.stream(model="gpt-4o", input="Hello?") as stream:
        assert (await stream.get_final_response()).output_text == SAID
    assert (await client.embeddings.create(model="ada", input="a")).data[0].embedding == VECTOR
    assert (await client.images.edit(model="gpt-image-1", prompt="owl", image=io.BytesIO(PNG))).data
    async with client.audio.speech.with_streaming_response.create(model="t", voice="alloy", input="Hi.") as response:
        assert b"".join([piece async for piece in response.iter_bytes()]) == SOUND
    assert (await client.audio.transcriptions.create(model="whisper-1", file=("a.mp3", SOUND))).text == SAID
    assert (await client.moderations.create(input="Hello?")).id == "modr-1"


def test_the_boxs_credentials_go_out_and_nothing_of_the_callers(box, provider):
    headers = {
        "Authorization": f"Bearer {KEY}",
        "api-key": KEY,
        "OpenAI-Organization": "org-mine",
        "Cookie": "a=b",
        "Idempotency-Key": "same",
        "X-Forwarded-For": "10.1.2.3",
        "User-Agent": "curl",
        "Accept": "application/json",
    }
    url = f"{box.url}/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"
    answer = httpx.post(url, headers=headers, json={"messages": ASKED}, verify=TLS)

    assert answer.status_code == 200
    assert provider.last.path == "/v1/chat/completions"
    sent = provider.last.headers
    assert f"http://{sent.pop('host')}/v1" == provider.url
    assert int(sent.pop("content-length")) > 0
    assert sent == {
        "authorization": f"Bearer {PROVIDER_KEY}",
        "accept": "application/json",
        "accept-encoding": "identity",
        "connection": "keep-alive",
        "content-type": "application/json",
        "user-agent": "api-in-a-box",
    }


def test_headers_that_tell_of_the_account_stay_here(http):
    with http.stream("POST", "chat/completions", json={"model": "m", "messages": ASKED, "stream": True}) as answer:
        answer.read()
    assert "openai-organization" not in answer.headers
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["x-request-id"].startswith("req_")
    assert answer.headers["cache-control"] == "no-store"
    assert "server" not in answer.headers or "aiohttp" not in answer.headers["server"].lower()


@pytest.mark.parametrize(
    ("path", "named", "asked"),
    [
        ("/v1/chat/completions", "gpt-4o", "gpt-5.6-terra"),
        ("/v1/chat/completions", "gpt-9", "gpt-5.6-luna"),
        ("/openai/chat/completions", "gpt-4o", "gpt-5.6-terra"),
        ("/openai/v1/chat/completions", "gpt-4o", "gpt-5.6-terra"),
        ("/openai/deployments/gpt-4o/chat/completions", "another", "gpt-5.6-terra"),
        ("/openai/deployments/gpt-4o/chat/completions", None, "gpt-5.6-terra"),
        ("/openai/deployments/mine/embeddings", "ada", "mine"),
        ("/openai/deployments/org%2Fmodel/embeddings", "ada", "org/model"),
        ("/openai//deployments/ada//embeddings/", None, "text-embedding-3-small"),
        ("/v1/embeddings", "ada", "text-embedding-3-small"),
        ("/v1/embeddings", "gpt-9", "gpt-9"),
        ("/v1/moderations", None, None),
        ("/v1/images/generations", "gpt-image-1", "gpt-image-1"),
    ],
)
def test_a_model_is_asked_for_by_its_deployment_or_by_its_name(raw, provider, path, named, asked):
    body = {"messages": ASKED, "input": "x", "prompt": "x"} | ({} if named is None else {"model": named})
    assert raw.post(path, headers={"api-key": KEY}, json=body).status_code in (200, 500)
    assert provider.last.body.get("model") == asked


@pytest.mark.parametrize("first", ["model", "file"])
@pytest.mark.parametrize(
    ("path", "asked"),
    [("/v1/audio/transcriptions", "text-embedding-3-small"), ("/openai/deployments/d/audio/transcriptions", "d")],
)
def test_a_form_names_its_model_wherever_it_likes(raw, provider, path, asked, first):
    parts = [("model", (None, "ada")), ("file", ('a"b.mp3', SOUND, "audio/mpeg")), ("prompt", (None, "ünter"))]
    parts.sort(key=lambda part: part[0] != first)
    assert raw.post(path, headers={"api-key": KEY}, files=parts).json() == {"text": SAID}
    assert provider.last.body["model"] == asked
    assert provider.last.body["prompt"] == "ünter"
    assert provider.last.body["file"][0]["bytes"] == len(SOUND)


def test_nothing_is_stored_whatever_the_caller_says(client, provider):
    client.responses.create(model="gpt-4o", input="x", store=True)
    assert provider.last.body["store"] is False
    client.chat.completions.create(model="gpt-4o", messages=ASKED, store=True)
    assert provider.last.body["store"] is False
    client.embeddings.create(model="ada", input="x")
    assert "store" not in provider.last.body


ITEM = [{"type": "item_reference", "id": "msg_1"}]
FILE = [{"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}]
CHAT_FILE = [{"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]}]
SPOKEN = [{"role": "assistant", "audio": {"id": "audio_1"}}]


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("responses", {"previous_response_id": "resp_1"}, "previous_response_id"),
        ("responses", {"conversation": "conv_1"}, "conversation"),
        ("responses", {"conversation": {"id": "conv_1"}}, "conversation"),
        ("responses", {"background": True}, "background"),
        ("responses", {"prompt": {"id": "pmpt_1"}}, "prompt"),
        ("responses", {"input": ITEM}, "input[0]"),
        ("responses", {"input": [{"id": "msg_1"}]}, "input[0]"),
        ("responses", {"input": [{"type": "reasoning", "id": "rs_1", "summary": []}]}, "input[0]"),
        ("responses", {"input": [{"type": "image_generation_call", "id": "ig_1"}]}, "input[0]"),
        ("responses", {"input": FILE}, "input[0].content[0].file_id"),
        ("responses", {"tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}]}, "tools[0].vector_store_ids"),
        ("responses", {"tools": [{"type": "code_interpreter", "container": "cntr_1"}]}, "tools[0].container"),
        (
            "responses",
            {"tools": [{"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["file-1"]}}]},
            "tools[0].container.file_ids",
        ),
        ("responses", {"input": [{"type": "code_interpreter_call", "container_id": "c"}]}, "input[0].container_id"),
        ("responses", {"tools": [{"type": "mcp", "project_connection_id": "c"}]}, "tools[0].project_connection_id"),
        ("chat/completions", {"messages": CHAT_FILE}, "messages[0].content[0].file.file_id"),
        ("chat/completions", {"messages": SPOKEN}, "messages[0].audio"),
        ("chat/completions", {"data_sources": [{"type": "azure_search"}]}, "data_sources"),
        ("responses", {"tools": [{"type": "memory_search", "memory_store_name": "m"}]}, "tools[0]"),
        ("responses", {"tools": [{"type": "openapi", "openapi": {"auth": {"type": "managed_identity"}}}]}, "tools[0]"),
        ("responses", {"tools": [{"type": "azure_function", "azure_function": {}}]}, "tools[0]"),
        ("images/edits", {"images": [{"file_id": "file-1"}]}, "images[0].file_id"),
    ],
)
def test_what_the_provider_stores_is_not_reached(http, provider, path, body, param):
    answer = http.post(path, json={"model": "gpt-4o"} | body)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["param"], error["code"], error["type"]) == (param, "not_passed_on", "invalid_request_error")
    assert error["message"].startswith(f"'{param}' is not passed on: it ")
    assert provider.calls == []


def test_an_accept_header_that_cannot_be_sent_on_is_not(http, provider):
    answer = http.post(
        "embeddings", json={"model": "ada", "input": "a"}, headers={"Accept": "text/\xe9".encode("latin-1")}
    )
    assert answer.status_code == 200
    assert provider.last.headers["accept"] == "*/*"


def test_a_form_does_not_reach_it_either(http, provider):
    answer = http.post("images/edits", files={"image[][file_id]": (None, "file-1"), "image": ("a.png", PNG)})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "not_passed_on")


@pytest.mark.parametrize(
    "body",
    [
        {"previous_response_id": None, "conversation": None, "prompt": None, "background": False},
        {"metadata": {"file_id": "mine"}},
        {"tools": [{"type": "function", "name": "f", "parameters": {"properties": {"file_id": {"enum": ["a"]}}}}]},
        {"tools": [{"type": "function", "name": "f", "parameters": {"default": {"file_id": "a"}}}]},
        {
            "input": [
                {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "call_1", "output": "x"},
                {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"},
                {"type": "message", "id": "msg_1", "role": "assistant", "content": [
                    {"type": "output_text", "text": "x", "annotations": [{"type": "file_path", "file_id": "f"}]}]},
                {"role": "user", "content": "x"},
            ]
        },
    ],
)  # fmt: skip
def test_what_only_looks_like_it_is_passed_on(http, provider, body):
    http.post("responses", json={"model": "gpt-4o", "input": "x"} | body)
    assert provider.last.body.items() >= body.items()


@pytest.mark.parametrize(
    "path",
    ["responses", "responses/resp_1", "chat/completions", "chat/completions/chatcmpl_1", "conversations/conv_1"],
)
def test_nothing_is_read_at_the_provider(http, provider, path):
    assert http.get(path).json()["error"]["message"].startswith("Invalid URL (GET ")
    assert provider.calls == []


@pytest.mark.parametrize(
    "path", ["responses/resp_1/cancel", "conversations", "audio/voices", "images/secret", "batches", "containers"]
)
def test_calls_that_store_or_that_nobody_knows_are_not_passed_on(http, provider, path):
    assert http.post(path, json={}).json()["error"]["message"].startswith("Invalid URL (POST ")
    assert provider.calls == []


@pytest.mark.parametrize("path", ["/v1/batches", "/openai/v1/fine_tuning/jobs/ftjob_1", "/openai/conversations"])
def test_who_wants_what_only_the_provider_has_is_told_where_it_is(raw, path):
    answer = raw.post(path, json={}, headers={"api-key": KEY})
    assert answer.json()["error"]["message"] == (
        f"Invalid URL (POST {path}): the box has no such calls, use a client of the model's provider"
    )


@pytest.mark.parametrize("more", [{"forward_other_calls": False}])
def test_a_setting_switches_it_off(http, client, provider):
    with pytest.raises(openai.NotFoundError, match="FORWARD_OTHER_CALLS") as caught:
        client.chat.completions.create(model="gpt-4o", messages=ASKED)
    assert caught.value.body["message"].startswith("Invalid URL (POST /v1/chat/completions): ")
    assert provider.calls == []


@pytest.mark.parametrize("more", [{"box_model_base_url": "", "box_model_api_key": ""}])
def test_without_an_endpoint_a_404_says_why(client):
    with pytest.raises(openai.NotFoundError, match="this box has none"):
        client.embeddings.create(model="ada", input="x")


def test_no_key_no_call(raw, provider):
    assert raw.post("/v1/chat/completions", json={"messages": ASKED}).status_code == 401
    assert provider.calls == []


def error_of(**fields) -> bytes:
    return json.dumps({"error": {"message": "No.", "type": None, "param": None, "code": None} | fields}).encode()


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (
            (400, error_of(message="Bad 'temperature'.", type="invalid_request_error", param="temperature"), {}),
            400,
            {"message": "Bad 'temperature'.", "type": "invalid_request_error", "param": "temperature", "code": None},
        ),
        (
            (429, error_of(message="Slow down.", type="requests", code="rate_limit_exceeded"), {"retry-after": "7"}),
            429,
            {"message": "Slow down.", "type": "requests", "param": None, "code": "rate_limit_exceeded"},
        ),
        (
            (401, error_of(message=f"Incorrect API key provided: {PROVIDER_KEY}."), {}),
            502,
            {"type": "server_error", "code": None},
        ),
        ((404, b'{"detail": "Not Found"}', {}), 404, {"message": "Not Found", "type": "invalid_request_error"}),
        ((500, b"<html>nginx at 10.0.0.5</html>", {}), 500, {"message": "The model's provider answered 500."}),
        ((503, b'{"error": "overloaded"}', {}), 503, {"message": "overloaded", "type": "server_error"}),
        ((400, 50_000 * b"[", {}), 400, {"type": "invalid_request_error"}),
        ((302, b"", {"location": "https://elsewhere.example"}), 502, {"type": "server_error"}),
    ],
)
def test_the_providers_errors_come_back_in_the_envelope(http, provider, error, status, told):
    provider.errors.append(error)
    answer = http.post("chat/completions", json={"model": "m", "messages": ASKED})
    assert answer.status_code == status
    [(name, said)] = answer.json().items()
    assert name == "error"
    assert said.keys() == {"message", "type", "param", "code"}
    assert told.items() <= said.items()
    assert answer.headers.get("retry-after") == error[2].get("retry-after")
    assert PROVIDER_KEY not in answer.text
    assert len(provider.calls) == 1


def test_an_error_does_not_tell_where_the_provider_is(http, provider):
    host = provider.url.split("/")[2]
    words = f"Connection to {host} failed with key {PROVIDER_KEY} at https://internal.example/x"
    provider.errors.append((500, error_of(message=words), {"x-upstream": host}))
    answer = http.post("embeddings", json={"model": "ada", "input": "x"})
    provider.breaks = f"data: {json.dumps({'error': {'message': words, 'type': 'x', 'code': 5}})}\n\n".encode()
    streamed = http.post("chat/completions", json={"model": "m", "messages": ASKED, "stream": True})
    for each in (answer, streamed):
        assert "Connection to *** failed" in each.text
        assert not any(secret in each.text + str(each.headers) for secret in (host, PROVIDER_KEY, "internal.example"))


@pytest.mark.parametrize("more", [{"box_model_base_url": "http://127.0.0.1:9/v1"}])
def test_a_provider_that_is_not_there_is_told_as_such(client):
    with pytest.raises(openai.InternalServerError, match="its server refused the connection") as caught:
        client.chat.completions.create(model="m", messages=ASKED)
    assert caught.value.status_code == 502
    assert "127.0.0.1" not in str(caught.value)


def test_a_stream_arrives_word_by_word(client, provider):
    provider.pace = 0.2
    arrived = []
    for chunk in client.chat.completions.create(model="m", messages=ASKED, stream=True):
        if chunk.choices[0].delta.content:
            arrived.append((chunk.choices[0].delta.content, time.monotonic()))
    assert tuple(word for word, _ in arrived) == WORDS
    # The provider takes 0.6 s from the first word to the last.
    assert arrived[-1][1] - arrived[0][1] > 0.4


def test_sound_arrives_as_it_is_made(client, provider):
    provider.pace = 0.2
    with client.audio.speech.with_streaming_response.create(model="t", voice="alloy", input="Hi.") as response:
        times = [time.monotonic() for _ in response.iter_bytes()]
    assert times[-1] - times[0] > 0.4


@pytest.mark.parametrize("rest", [b"", b'data: {"choi'])
def test_a_stream_that_breaks_says_so(http, client, provider, rest):
    provider.breaks = rest
    with pytest.raises(openai.APIError, match="broke the answer off"):
        list(client.chat.completions.create(model="m", messages=ASKED, stream=True))
    said = http.post("chat/completions", json={"model": "m", "messages": ASKED, "stream": True}).text
    assert said.endswith('"type":"server_error","param":null,"code":null}}\n\n')
    assert '{"choi\n' not in said


@pytest.mark.parametrize("more", [{"AzureFunctionsJobHost__functionTimeout": "00:00:03"}])
def test_a_provider_that_is_too_slow_is_left_in_time(http, provider):
    provider.thinking = 30
    answer = http.post("responses", json={"model": "m", "input": "x"})
    assert (answer.status_code, answer.headers["x-should-retry"]) == (504, "false")
    assert answer.json()["error"]["message"] == "The model did not answer in time."
    until(provider.left.is_set)

    provider.thinking, provider.pace = 0, 1.5
    said = http.post("chat/completions", json={"model": "m", "messages": ASKED, "stream": True}).text
    assert "Hello" in said
    assert "The model did not answer in time." in said


def test_a_caller_who_leaves_before_the_answer_ends_the_call(box, provider):
    provider.thinking = 30
    body = {"model": "m", "messages": ASKED}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{box.url}/v1/chat/completions", headers={"api-key": KEY}, json=body, timeout=0.7, verify=TLS)
    until(provider.left.is_set)


def test_a_caller_who_leaves_a_stream_ends_it(client, provider):
    provider.pace = 0.3
    with client.chat.completions.create(model="m", messages=ASKED, stream=True) as stream:
        next(iter(stream))
    until(provider.left.is_set)


def test_a_caller_who_leaves_an_upload_ends_it(box, provider):
    def half():
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(20):
            yield bytes(65_536)
        until(provider.asked.is_set)
        raise KeyboardInterrupt

    headers = {"api-key": KEY, "Content-Type": "multipart/form-data; boundary=b"}
    with pytest.raises(KeyboardInterrupt):
        httpx.post(f"{box.url}/v1/audio/transcriptions", headers=headers, content=half(), verify=TLS)
    until(provider.left.is_set)


def test_an_upload_goes_on_as_it_comes(box, provider):
    asked_before_the_end = []

    def slowly():
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(20):
            yield bytes(65_536)
        until(provider.asked.is_set)
        asked_before_the_end.append(True)
        yield b"\r\n--b--\r\n"

    headers = {"api-key": KEY, "Content-Type": "multipart/form-data; boundary=b"}
    url = f"{box.url}/v1/audio/transcriptions"
    assert httpx.post(url, headers=headers, content=slowly(), timeout=20, verify=TLS).json() == {"text": SAID}
    assert asked_before_the_end
    assert provider.last.body["file"][0]["bytes"] == 20 * 65_536


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nabc', "it ends early"),
        (b"--b\r\nContent-Type: text/plain\r\n\r\nabc\r\n--b--\r\n", "a part has no name"),
        (b"".join(b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n\r\n' for _ in range(50)), "too many parts"),
    ],
)
def test_a_form_that_cannot_be_read_is_the_callers_mistake(http, content, why):
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = http.post("audio/transcriptions", content=content, headers=headers)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert why in answer.json()["error"]["message"]


def test_bodies_have_the_bounds_of_our_own(http, provider):
    tokens = {"model": "ada", "input": [[7] * 8000] * 37}
    assert http.post("embeddings", json=tokens).status_code == 200
    assert http.post("responses", json=tokens).json()["error"]["code"] == "body_above_max_values"
    assert http.post("chat/completions", content=b"[]").json()["error"]["code"] == "invalid_type"
    assert http.post("chat/completions", content=b"{").status_code == 400
    large = {"model": "ada", "input": "x" * (33 * 2**20)}
    assert http.post("embeddings", json=large).status_code == 413
    assert len(provider.calls) == 1


def test_a_form_that_announces_too_much_is_refused_unread(box, provider):
    host, port = box.socket.getsockname()
    with socket.create_connection((host, port), timeout=10) as connection:
        head = f"POST /v1/images/edits HTTP/1.1\r\nHost: box\r\napi-key: {KEY}\r\nContent-Length: {600 * 2**20}\r\n"
        connection.sendall(f"{head}Content-Type: multipart/form-data; boundary=b\r\n\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")
    assert provider.calls == []


@pytest.mark.parametrize("more", [{"cors_origins": "https://app.example"}])
def test_a_page_that_is_named_may_call_them_too(raw):
    headers = {"Origin": "https://app.example", "api-key": KEY}
    answer = raw.post("/v1/embeddings", headers=headers, json={"model": "ada", "input": "x"})
    assert answer.headers["access-control-allow-origin"] == "https://app.example"


def test_many_calls_at_once_are_answered_each(box, provider):
    provider.thinking = 0.2

    async def ask() -> list[str]:
        async with openai.AsyncOpenAI(base_url=f"{box.url}/v1", **SDK) as client:
            calls = (client.chat.completions.create(model="m", messages=ASKED) for _ in range(50))
            return [str(answer.choices[0].message.content) for answer in await asyncio.gather(*calls)]

    assert asyncio.run(ask()) == [SAID] * 50


def test_the_description_lists_them(raw):
    paths = raw.get("/v1/openapi.json").json()["paths"]
    assert {*paths["/v1/images/edits"]["post"]["requestBody"]["content"]} == {"application/json", "multipart/form-data"}
    assert "text/event-stream" in paths["/v1/chat/completions"]["post"]["responses"]["200"]["content"]


def test_a_run_and_a_chat_are_asked_of_one_client(client, llm, assistant, thread):
    llm.script([text("Rain.")])
    run = client.beta.threads.runs.create_and_poll(assistant_id=assistant.id, thread_id=thread.id, poll_interval_ms=20)
    assert run.status == "completed"
    assert client.chat.completions.create(model="gpt-4o", messages=ASKED).choices[0].message.content == SAID
