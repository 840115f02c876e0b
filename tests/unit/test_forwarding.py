"""What passes a box on its way to the provider and back: credentials, events, forms, references."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from aiohttp import web

from shared.api.multipart import FormPart
from shared.config import Settings
from shared.errors import InvalidRequest, ProviderError
from shared.forwarding.calls import TRANSCRIPTIONS, Naming
from shared.forwarding.form import OutgoingForm
from shared.forwarding.storage import check
from shared.llm.provider import ProviderCall
from shared.llm.responses.event_errors import Events
from shared.llm.responses.forwarding import EndpointProvider
from shared.llm.responses.several_forwarding import provider_of
from tests.fakes.provider import FakeProvider
from tests.fakes.responses_server import serving

CALL = ProviderCall("/embeddings", "application/json", b'{"model": "m", "input": "x"}')


def provider(**values) -> EndpointProvider:
    none = {"openai_base_url": "", "openai_api_key": "", "azure_openai_endpoint": "", "azure_openai_api_key": ""}
    made = provider_of(Settings(_env_file=None, **none | values))
    assert isinstance(made, EndpointProvider)
    return made


@dataclass
class Identity:
    """Stands in for the Azure library's credential."""

    managed_identity_client_id: str
    refuses = False

    async def get_token(self, *_, **__):
        from azure.core.credentials import AccessToken
        from azure.core.exceptions import ClientAuthenticationError

        if self.refuses:
            raise ClientAuthenticationError("no identity at 10.0.0.5")
        return AccessToken("token-1", int(time.time()) + 3600)

    async def close(self):
        pass


@pytest.fixture
def identity(monkeypatch):
    import azure.identity.aio

    monkeypatch.setattr(azure.identity.aio, "DefaultAzureCredential", Identity)
    return Identity


async def test_azure_is_asked_with_the_boxs_identity(identity):
    async with serving(fake := FakeProvider()) as base_url:
        azure = provider(azure_openai_endpoint=base_url.removesuffix("/v1"), azure_client_id="id-1")
        for _ in range(2):
            async with azure.call(CALL) as answer:
                assert answer.status == 200
                assert json.loads(b"".join([piece async for piece in answer.pieces]))["model"] == "m"
        await azure.close()
    assert [(call.path, call.headers["authorization"]) for call in fake.calls] == [
        ("/openai/v1/embeddings", "Bearer token-1")
    ] * 2


async def test_an_identity_that_is_none_is_told_without_its_story(identity, monkeypatch):
    monkeypatch.setattr(identity, "refuses", True)
    azure = provider(azure_openai_endpoint="https://me.openai.azure.com")
    with pytest.raises(ProviderError, match="wants an Azure identity") as caught:
        async with azure.call(CALL):
            pass
    assert (caught.value.status, caught.value.headers["x-should-retry"]) == (502, "false")
    assert "10.0.0.5" not in caught.value.message
    await azure.close()


@pytest.mark.parametrize("address", ["http://", "no address", "http://localhost:99999/v1"])
async def test_an_address_that_is_none_is_told(address):
    nowhere = provider(openai_base_url=address)
    with pytest.raises(ProviderError) as caught:
        async with nowhere.call(CALL):
            pass
    assert caught.value.status == 502
    await nowhere.close()


async def test_an_answer_that_was_packed_comes_unpacked():
    async def packed(_):
        headers = {"Content-Encoding": "gzip", "Content-Type": "application/json", "Set-Cookie": "a=b"}
        return web.Response(body=gzip.compress(b"{}" * 100), headers=headers)

    fake = FakeProvider()
    fake._judge = packed  # type: ignore[method-assign]
    async with serving(fake) as base_url:
        local = provider(openai_base_url=base_url)
        async with local.call(ProviderCall("/moderations", "application/json", b"{}")) as answer:
            assert dict(answer.headers) == {"content-type": "application/json"}
            assert b"".join([piece async for piece in answer.pieces]) == b"{}" * 100
        await local.close()


SECRET = b'data: {"error": {"message": "at 10.0.0.5", "code": null}}'
HIDDEN = b'data: {"error":{"message":"at ***","code":null}}'
FAILED = b'event: response.failed\ndata: {"type": "response.failed", "response": {"error": {"message": "10.0.0.5"}}}'


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n"])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_events_are_cleaned_wherever_they_are_cut(end, size):
    sent = end.join([b'data: {"a": "10.0.0.5"}', SECRET, b": ping", b'data: {"error": null, "b": 1}', FAILED, b""])
    events = Events("me.example")
    come = b"".join(events.feed(sent[start : start + size]) for start in range(0, len(sent), size)) + events.rest()
    told = come.split(end)
    assert told[0] == b'data: {"a": "10.0.0.5"}'
    assert told[1].rstrip(b"\r") == HIDDEN
    assert told[2:4] == [b": ping", b'data: {"error": null, "b": 1}']
    assert b"10.0.0.5" not in told[4]
    assert b'"response":{"error":{"message":"***"}}' in told[4]


def test_only_whole_events_are_handed_on_and_large_ones_at_once():
    events = Events("me.example")
    assert events.feed(b'data: {"a"') == b""
    assert events.feed(b": 1}\n\ndata: x") == b'data: {"a": 1}\n\n'
    assert events.between_events
    assert len(events.feed(b"y" * 100_000)) == 100_007
    assert not events.between_events
    assert events.feed(b"\n\n") == b"\n\n"
    assert events.between_events
    assert events.feed(b"data: [DONE]") == b""
    assert events.rest() == b"data: [DONE]"


async def pieces(*given: bytes) -> AsyncIterator[bytes]:
    for each in given:
        yield each


async def test_a_forms_names_cannot_write_headers():
    async def parts() -> AsyncIterator[FormPart]:
        yield FormPart('a"\r\nX: y', 'f"\r\n.mp3', pieces(b"1", b"2"), "audio/mpeg")

    form = OutgoingForm(TRANSCRIPTIONS, Naming({}), "b")
    assert b"".join([piece async for piece in form.pieces(parts())]) == (
        b'--b\r\nContent-Disposition: form-data; name="a%22%0D%0AX: y"; filename="f%22%0D%0A.mp3"\r\n'
        b"Content-Type: audio/mpeg\r\n\r\n12\r\n--b--\r\n"
    )


def test_references_deep_inside_are_found_and_long_bodies_are_no_trouble():
    deep: dict[str, object] = {"file_id": "file-1"}
    for _ in range(150):
        deep = {"content": [deep]}
    with pytest.raises(InvalidRequest, match="is not passed on"):
        check({"input": [deep]}, in_responses=True)
    started = time.perf_counter()
    check({"input": [[7] * 8000] * 37}, in_responses=False)
    assert time.perf_counter() - started < 2
