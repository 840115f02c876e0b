"""Settings name an endpoint: Azure, OpenAI, a local server, or none."""

from __future__ import annotations

import time

import pytest

from shared.config import Settings
from shared.llm.base import LlmError, TurnRequest
from shared.llm.responses import from_settings
from shared.llm.responses.endpoint import endpoint_of
from tests.fakes.responses_server import FakeResponses, serving


def settings(**values) -> Settings:
    none = {"openai_base_url": "", "openai_api_key": "", "azure_openai_endpoint": "", "azure_openai_api_key": ""}
    return Settings(_env_file=None, **none | values)


def test_nothing_set_is_no_endpoint():
    assert from_settings(settings()) is None


@pytest.mark.parametrize(
    "given",
    [
        "https://me.openai.azure.com",
        "https://me.openai.azure.com/",
        "https://me.openai.azure.com/openai",
        "https://me.openai.azure.com/openai/v1/",
    ],
)
def test_azure_is_asked_at_its_v1_path(given):
    endpoint = endpoint_of(settings(azure_openai_endpoint=given, azure_openai_api_key="k"))
    assert endpoint is not None
    assert endpoint.base_url == "https://me.openai.azure.com/openai/v1/"
    assert endpoint.api_key == "k"


def test_azure_without_a_key_uses_the_identity():
    endpoint = endpoint_of(settings(azure_openai_endpoint="https://me.openai.azure.com", azure_client_id="id"))
    assert endpoint is not None
    assert endpoint.api_key is None
    assert endpoint.identity == "id"
    assert "identity" in endpoint.name


def test_a_key_alone_means_openai_itself():
    endpoint = endpoint_of(settings(openai_api_key="sk-1"))
    assert endpoint is not None
    assert endpoint.base_url == "https://api.openai.com/v1"
    assert "sk-1" not in repr(from_settings(settings(openai_api_key="sk-1")).description)


def test_a_local_server_needs_no_key():
    endpoint = endpoint_of(settings(openai_base_url="http://localhost:11434/v1"))
    assert endpoint is not None
    assert endpoint.api_key not in ("", None)


def test_azure_wins_over_openai():
    both = settings(openai_api_key="sk-1", azure_openai_endpoint="https://me.openai.azure.com")
    assert from_settings(both).description.startswith("Azure OpenAI at https://me.openai.azure.com")


def test_the_description_names_the_default_model():
    llm = from_settings(settings(openai_api_key="sk-1", model_aliases={"*": "gpt-5.6-luna"}))
    assert llm.description.endswith("model gpt-5.6-luna")


async def test_no_azure_identity_is_a_server_error_at_once(monkeypatch):
    import azure.identity.aio as identity
    from azure.core.exceptions import ClientAuthenticationError

    class Nobody:
        def __init__(self, **_):
            pass

        async def get_token(self, *_, **__):
            raise ClientAuthenticationError("no identity here")

        async def close(self):
            pass

    monkeypatch.setattr(identity, "DefaultAzureCredential", Nobody)
    llm = from_settings(settings(azure_openai_endpoint="https://me.openai.azure.com"))
    began = time.monotonic()
    with pytest.raises(LlmError, match="Sorry"):
        await anext(llm.stream(TurnRequest("m", "", []), time.time() + 60))
    assert time.monotonic() - began < 5
    await llm.close()


async def test_azure_is_asked_with_a_token_of_the_identity(monkeypatch):
    import azure.identity.aio as identity
    from azure.core.credentials import AccessToken

    asked: list[str] = []

    class Somebody:
        def __init__(self, managed_identity_client_id):
            asked.append(managed_identity_client_id)

        async def get_token(self, *scopes, **_):
            asked.extend(scopes)
            return AccessToken("token-1", int(time.time()) + 3600)

        async def close(self):
            asked.append("closed")

    monkeypatch.setattr(identity, "DefaultAzureCredential", Somebody)
    async with serving(fake := FakeResponses()) as base_url:
        azure = settings(azure_openai_endpoint=base_url.removesuffix("/v1"), azure_client_id="id-1")
        llm = from_settings(azure)
        await llm.start(TurnRequest("m", "", [{"role": "user", "content": "Hi"}]), "key", time.time() + 60)
        await llm.start(TurnRequest("m", "", [{"role": "user", "content": "Hi"}]), "key", time.time() + 60)
        await llm.close()
    assert [headers["Authorization"] for headers in fake.headers] == ["Bearer token-1"] * 2
    assert asked == ["id-1", "https://cognitiveservices.azure.com/.default", "closed"]
