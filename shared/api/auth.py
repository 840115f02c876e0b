"""API keys: who presents one is the owner of that name."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from typing import Final

from pydantic import SecretStr

from shared.errors import Unauthorized

#: Names become part of the names of partitions and blobs.
OWNER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
HASHED: Final = "sha256:"

NO_KEY: Final = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
    "(i.e. Authorization: Bearer YOUR_KEY), or in an api-key header."
)
WRONG_KEY_AZURE: Final = (
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an "
    "active subscription and use a correct regional API endpoint for your resource."
)

Header = tuple[bytes, bytes]


class ApiKeys:
    """The keys of the settings, kept as digests."""

    def __init__(self, keys: Mapping[str, SecretStr]):
        self._owners = [(_owner_name(name), _digest_of(key.get_secret_value())) for name, key in keys.items()]

    def owner(self, headers: Iterable[Header], *, azure: bool) -> str:
        """The owner of the first valid key among those presented. Raises Unauthorized."""
        presented = [*_presented(headers)]
        for key in presented:
            owner = self._owner_of(key)
            if owner is not None:
                return owner
        if not presented:
            raise Unauthorized(NO_KEY)
        if azure:
            raise Unauthorized(WRONG_KEY_AZURE, code="401")
        raise Unauthorized(
            f"Incorrect API key provided: {_masked(presented[0])}. This box has its keys in the setting BOX_API_KEYS.",
            code="invalid_api_key",
        )

    def _owner_of(self, key: bytes) -> str | None:
        """Compares with every key, so that the time taken tells nothing."""
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
    digest = bytes.fromhex(key.removeprefix(HASHED))
    if len(digest) != hashlib.sha256().digest_size:
        raise ValueError("BOX_API_KEYS: after sha256: come 64 hex digits")
    return digest


def _owner_name(name: str) -> str:
    if OWNER.fullmatch(name) is None:
        raise ValueError(f"BOX_API_KEYS: {name!r} is no name of letters, digits, - and _")
    return name


def _masked(key: bytes) -> str:
    """Enough to recognise one's own key, too little to use it."""
    return "sk-***" if key.startswith(b"sk-") else "***"
