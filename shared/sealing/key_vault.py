"""A key of Azure Key Vault, which never leaves it: it wraps data keys, which are kept in memory for minutes.

What was sealed names the version of the vault's key that wrapped its data key, so the key can be rotated at any time:
new secrets are sealed with the newest version, and old ones open as long as theirs is enabled.

Requests are REST, version 7.4 of the data plane: `GET /keys/NAME`, `POST /keys/NAME/VERSION/wrapkey` and `/unwrapkey`,
with `{"alg": "RSA-OAEP-256", "value": base64url}`. The identity needs the role *Key Vault Crypto Service Encryption
User*.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from shared.backoff import Backoff
from shared.json_types import Json
from shared.sealing.base import KEY_BYTES, KeyUnavailable, NotOpened, decrypted, encrypted, to_bytes, to_text
from shared.tls import tls
from shared.tools.base import ToolFailure
from shared.tools.identity import Identity, token_of

#: How what it sealed begins.
FORM: Final = "vault"
#: The key's name in the vault.
KEY_NAME: Final = "headers"
SCOPE: Final = "https://vault.azure.net/.default"
API_VERSION: Final = "api-version=7.4"
ALGORITHM: Final = "RSA-OAEP-256"
#: Seconds that a data key is kept in memory, and how many of them.
KEPT_SECONDS: Final = 600
KEPT_KEYS: Final = 256
#: Seconds of a request to the vault.
TIMEOUT: Final = 10.0
#: Between attempts at a request.
BACKOFF: Final = Backoff(first=0.2, factor=3, attempts=3, spread=(0.5, 1.5))
VERSION: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
WORDS: Final = {
    401: "does not accept the identity of this box",
    403: "refuses this box: see the roles of its identity, and the vault's network rules",
    404: f"has no key '{KEY_NAME}', or not this version of it",
}


@dataclass(frozen=True, slots=True)
class DataKey:
    """A data key, and how the vault gives it back."""

    key: bytes
    version: str
    wrapped: str
    #: By the clock of this process.
    until: float


class KeyVault:
    """Seals with data keys that the vault's key has wrapped."""

    def __init__(self, url: str, identity: Identity, clock: Callable[[], float] = time.monotonic):
        """`url` is the vault's address. Raises ValueError for one that is none."""
        parts = urlsplit(url)
        if parts.scheme != "https" and parts.hostname != "127.0.0.1":
            raise ValueError("KEY_VAULT_URL: a vault's address begins with https://")
        self._url, self._identity, self._clock = url.rstrip("/"), identity, clock
        self._newest: DataKey | None = None
        self._known: dict[tuple[str, str], DataKey] = {}
        self._lock = asyncio.Lock()

    @property
    def description(self) -> str:
        """Where the key is."""
        return f"the key '{KEY_NAME}' of {self._url}"

    async def seal(self, secret: str, place: str) -> str:
        """The secret, as `vault.VERSION.WRAPPED.CIPHERTEXT`. Raises KeyUnavailable."""
        async with self._lock:
            if self._newest is None or self._newest.until <= self._clock():
                self._newest = await self._made()
            data_key = self._newest
        return f"{FORM}.{data_key.version}.{data_key.wrapped}.{encrypted(data_key.key, secret, place)}"

    async def open(self, sealed: str, place: str) -> str:
        """The inverse. Raises KeyUnavailable and NotOpened."""
        form, *parts = sealed.split(".")
        if form != FORM or len(parts) != 3 or VERSION.fullmatch(parts[0]) is None:
            raise NotOpened("sealed with a key that is not here")
        version, wrapped, text = parts
        async with self._lock:
            data_key = self._known.get((version, wrapped))
            if data_key is None or data_key.until <= self._clock():
                answer = await self._ask("POST", f"{KEY_NAME}/{version}/unwrapkey", value_of(wrapped))
                data_key = self._keep(to_bytes(str(answer["value"])), version, wrapped)
        return decrypted(data_key.key, text, place)

    async def _made(self) -> DataKey:
        """A new data key, wrapped by the newest version of the vault's. Raises KeyUnavailable."""
        found = await self._ask("GET", KEY_NAME)
        version = str(found["key"]["kid"]).rpartition("/")[2]
        if VERSION.fullmatch(version) is None:
            raise KeyUnavailable("the key vault gives a key without a version")
        key = secrets.token_bytes(KEY_BYTES)
        answer = await self._ask("POST", f"{KEY_NAME}/{version}/wrapkey", value_of(to_text(key)))
        return self._keep(key, version, str(answer["value"]))

    def _keep(self, key: bytes, version: str, wrapped: str) -> DataKey:
        while len(self._known) >= KEPT_KEYS:
            self._known.pop(next(iter(self._known)))
        made = DataKey(key, version, wrapped, self._clock() + KEPT_SECONDS)
        self._known[version, wrapped] = made
        return made

    async def _ask(self, method: str, path: str, body: Json | None = None) -> Json:
        """The vault's answer; every request may be repeated. Raises KeyUnavailable."""
        import httpx2

        from shared.whole_answers import WholeAnswers

        try:
            token = await token_of(self._identity, SCOPE, "the key vault")
            async with WholeAnswers(verify=tls(), timeout=TIMEOUT) as client:
                headers = {"Authorization": f"Bearer {token}"}
                for delay in (*BACKOFF.delays(), None):
                    response = await client.request(
                        method, f"{self._url}/keys/{path}?{API_VERSION}", json=body, headers=headers
                    )
                    if response.is_success:
                        answer: Any = response.json()
                        return dict(answer)
                    if delay is None or (response.status_code != 429 and response.status_code < 500):
                        break
                    await asyncio.sleep(delay)
        except ToolFailure as failure:
            raise KeyUnavailable("this box's identity got no token for the key vault") from failure
        except (httpx2.HTTPError, ValueError, TypeError) as error:
            raise KeyUnavailable(f"the key vault did not answer: {type(error).__name__}") from error
        words = WORDS.get(response.status_code, f"answered with status {response.status_code}")
        raise KeyUnavailable(f"the key vault {words}")


def value_of(text: str) -> Json:
    """The body that asks for a key to be wrapped or unwrapped."""
    return {"alg": ALGORITHM, "value": text}
