"""Who calls: the owner whose API key is presented, or whose identity a token of Entra ID proves."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from pydantic import SecretStr

from shared.api.entra import Entra
from shared.config import Settings
from shared.errors import InvalidRequest, Unauthorized

logger = logging.getLogger(__name__)

#: Names become part of the names of partitions and blobs.
OWNER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
HASHED: Final = "sha256:"
#: How a token begins: `{"` in base 64.
TOKEN: Final = b"eyJ"

NO_KEY: Final = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
    "(i.e. Authorization: Bearer YOUR_KEY), or in an api-key header."
)
WRONG_KEY_AZURE: Final = (
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an "
    "active subscription and use a correct regional API endpoint for your resource."
)
NOBODY: Final = (
    "Nobody may call this box: it has neither API keys (BOX_API_KEYS) nor callers by Entra ID (ENTRA_OWNERS). On "
    "Azure, `azd provision` makes a key and sets it."
)
TWO_OWNERS: Final = (
    "The request has two valid credentials of different owners. Send one of them: either the Authorization header or "
    "the api-key header."
)

Header = tuple[bytes, bytes]


class Callers:
    """Those whom the settings let in."""

    def __init__(self, settings: Settings, clock: Callable[[], float]):
        """Raises ValueError for keys and names that cannot be used."""
        self._keys = ApiKeys(settings.box_api_keys)
        self._entra = entra_of(settings, clock) if settings.entra_owners else None
        self._nobody = not settings.box_api_keys and self._entra is None
        if self._nobody:
            logger.error(NOBODY, extra={"action": "nobody_may_call"})

    async def owner(self, headers: Iterable[Header], *, azure: bool) -> str:
        """Whose the valid credentials of the request are. Raises InvalidRequest, Unauthorized and ServerError."""
        if self._nobody:
            raise Unauthorized(NOBODY, code="401" if azure else "invalid_api_key")
        presented = [*dict.fromkeys(_presented(headers))]
        owners = {owner for credential in presented if (owner := await self._owner_of(credential)) is not None}
        if len(owners) > 1:
            raise InvalidRequest(TWO_OWNERS, code="ambiguous_credentials")
        if owners:
            return owners.pop()
        if not presented:
            raise Unauthorized(NO_KEY)
        if azure:
            raise Unauthorized(WRONG_KEY_AZURE, code="401")
        raise Unauthorized(
            f"Incorrect API key provided: {_masked(presented[0])}. This box has its keys in the setting BOX_API_KEYS; "
            "one that it made itself is kept in .box/api_key.",
            code="invalid_api_key",
        )

    async def _owner_of(self, credential: bytes) -> str | None:
        owner = self._keys.owner(credential)
        if owner is None and self._entra is not None and credential.startswith(TOKEN):
            return await self._entra.owner(credential)
        return owner


class ApiKeys:
    """The keys of the settings, kept as digests."""

    def __init__(self, keys: Mapping[str, SecretStr]):
        self._owners = [(owner_name(name), _digest_of(key.get_secret_value())) for name, key in keys.items()]

    def owner(self, key: bytes) -> str | None:
        """Whose key it is, or None. Compares with every key, so that the time taken tells nothing."""
        digest = hashlib.sha256(key).digest()
        found = None
        for owner, expected in self._owners:
            if hmac.compare_digest(digest, expected) and found is None:
                found = owner
        return found


def _presented(headers: Iterable[Header]) -> Iterable[bytes]:
    for name, value in headers:
        if name == b"authorization":
            scheme, _, key = value.partition(b" ")
            if scheme.lower() == b"bearer" and key.strip():
                yield key.strip()
        elif name == b"api-key" and value.strip():
            yield value.strip()


def _digest_of(key: str) -> bytes:
    if not key.startswith(HASHED):
        if not key:
            raise ValueError("BOX_API_KEYS has an empty key")
        return hashlib.sha256(key.encode()).digest()
    digits = key.removeprefix(HASHED)
    if re.fullmatch("[0-9A-Fa-f]{64}", digits) is None:
        raise ValueError("BOX_API_KEYS: after sha256: come 64 hex digits")
    return bytes.fromhex(digits)


def entra_of(settings: Settings, clock: Callable[[], float]) -> Entra:
    """The tenant and those of it who may call. Raises ValueError for what cannot be read."""
    if settings.entra_tenant_id == "":
        raise ValueError("ENTRA_OWNERS needs ENTRA_TENANT_ID")
    owners = {}
    for pair in settings.entra_owners.split(","):
        name, _, object_id = (part.strip() for part in pair.partition("="))
        if not object_id:
            raise ValueError(f"ENTRA_OWNERS: {pair.strip()!r} is not owner=object id")
        owners[object_id] = owner_name(name)
    return Entra(settings.entra_tenant_id, owners, settings.entra_audience, settings.entra_authority, clock)


def owner_name(name: str) -> str:
    """The name, if it may be an owner's. Raises ValueError."""
    if OWNER.fullmatch(name) is None:
        raise ValueError(f"{name!r} is no owner's name: letters, digits, - and _")
    return name


def _masked(key: bytes) -> str:
    """Enough to recognise one's own key, too little to use it."""
    return "sk-***" if key.startswith(b"sk-") else "***"
