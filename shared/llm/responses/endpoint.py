"""Where the model is and how we identify ourselves; owns the OpenAI client and what carries its requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from shared.config import Settings
from shared.settings.model_endpoints import ModelEndpoint

if TYPE_CHECKING:
    from httpx2 import AsyncClient
    from openai import AsyncOpenAI

_SCOPE = "https://cognitiveservices.azure.com/.default"
_OPENAI = "https://api.openai.com/v1"
#: How the hosts of Azure's resources end: their address may be given without its path.
_AZURE_HOSTS = (".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com")
#: Seconds until there is a connection.
CONNECT_SECONDS: Final = 10.0
#: Local servers want no key, but the SDK does.
_NO_KEY = "none"


class CredentialRefused(Exception):
    """There is no Azure identity here, or it may not use the model."""


@dataclass(slots=True)
class Endpoint:
    """A Responses API endpoint."""

    base_url: str
    #: What the log and `make run` call it.
    name: str
    #: None: Azure identity.
    api_key: str | None
    #: Client id of the managed identity to use; empty: whatever DefaultAzureCredential finds.
    identity: str = ""
    #: Models are asked for by the names of deployments, which the endpoint does not list.
    has_deployments: bool = False
    _client: AsyncOpenAI | None = field(default=None, init=False)
    _transport: AsyncClient | None = field(default=None, init=False)
    _key: str | Callable[[], Awaitable[str]] | None = field(default=None, init=False)
    _credential: Any = field(default=None, init=False)

    def client(self) -> AsyncOpenAI:
        """The client; the first call makes it."""
        if self._client is None:
            from openai import AsyncOpenAI

            transport, key = self.transport(), self._own_key()
            self._client = AsyncOpenAI(base_url=self.base_url, api_key=key, max_retries=0, http_client=transport)
        return self._client

    def transport(self) -> AsyncClient:
        """What carries requests to the endpoint; the first call makes it."""
        if self._transport is None:
            from shared.llm.responses.transport import Transport

            self._transport = Transport()
        return self._transport

    async def authorization(self) -> str:
        """The header by which the endpoint knows us. Raises CredentialRefused."""
        key = self._own_key()
        return f"Bearer {key if isinstance(key, str) else await key()}"

    async def close(self) -> None:
        """Close connections."""
        self._client = self._key = None
        transport, self._transport = self._transport, None
        credential, self._credential = self._credential, None
        if transport is not None:
            await transport.aclose()
        if credential is not None:
            await credential.close()

    def _own_key(self) -> str | Callable[[], Awaitable[str]]:
        if self._key is None:
            self._key = self._azure_token_provider() if self.api_key is None else self.api_key
        return self._key

    def _azure_token_provider(self) -> Callable[[], Awaitable[str]]:
        from azure.core.exceptions import ClientAuthenticationError
        from azure.identity.aio import DefaultAzureCredential, get_bearer_token_provider

        self._credential = DefaultAzureCredential(managed_identity_client_id=self.identity or None)
        provider = get_bearer_token_provider(self._credential, _SCOPE)

        async def token() -> str:
            try:
                return await provider()
            except ClientAuthenticationError as error:
                raise CredentialRefused(str(error)) from error

        return token


def endpoint_of(settings: Settings) -> Endpoint | None:
    """The endpoint the settings name beside MODEL_ENDPOINTS, or None."""
    if settings.names_own_model:
        return _responses_api(settings.box_model_base_url, settings.box_model_api_key.get_secret_value())
    if settings.azure_openai_endpoint != "":
        key = settings.azure_openai_api_key.get_secret_value() or None
        return _azure(settings.azure_openai_endpoint, key, settings.azure_client_id)
    key = settings.openai_api_key.get_secret_value()
    if settings.openai_base_url == "" and key == "":
        return None
    return _responses_api(settings.openai_base_url, key)


def further_endpoint(entry: ModelEndpoint, settings: Settings) -> Endpoint:
    """The endpoint of an entry of MODEL_ENDPOINTS that has an address."""
    key = entry.api_key.get_secret_value()
    if (urlsplit(entry.base_url).hostname or "").endswith(_AZURE_HOSTS):
        return _azure(entry.base_url, None if entry.identity else key or _NO_KEY, settings.azure_client_id)
    if entry.identity:
        name = f"Responses API at {entry.base_url} (identity)"
        return Endpoint(entry.base_url, name, None, settings.azure_client_id, has_deployments=True)
    return _responses_api(entry.base_url, key)


def _azure(address: str, key: str | None, identity: str) -> Endpoint:
    url = address.rstrip("/").removesuffix("/openai/v1").removesuffix("/openai")
    name = f"Azure OpenAI at {url} ({'identity' if key is None else 'key'})"
    return Endpoint(f"{url}/openai/v1/", name, key, identity, has_deployments=True)


def _responses_api(base_url: str, key: str) -> Endpoint:
    url = base_url or _OPENAI
    return Endpoint(url, f"Responses API at {url}", key or _NO_KEY)
