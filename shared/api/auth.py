"""Who calls: the owner whose API key is presented, or whose identity a token of Entra ID proves; or an administrator.

Keys of the settings are tried first, then those that were made at run time, which are in the store.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final

from pydantic import SecretStr

from shared import client_tokens
from shared.api.entra import Entra
from shared.client_tokens import Grant
from shared.config import Settings
from shared.errors import Forbidden, InvalidRequest, Unauthorized
from shared.stored_keys import MADE, StoredKeys, owner_name

logger = logging.getLogger(__name__)

HASHED: Final = "sha256:"
#: How a token begins: `{"` in base 64.
TOKEN: Final = b"eyJ"
#: The headers with which callers say who they are.
CREDENTIALS: Final = frozenset({b"authorization", b"api-key"})
CLIENT_TOKEN: Final = client_tokens.PREFIX.encode()

NO_KEY: Final = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
    "(i.e. Authorization: Bearer YOUR_KEY), or in an api-key header."
)
WRONG_KEY_AZURE: Final = (
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an "
    "active subscription and use a correct regional API endpoint for your resource."
)
NOBODY: Final = (
    "Nobody may call this box: it has neither API keys (BOX_API_KEYS, `box owners add`) nor callers by Entra ID "
    "(ENTRA_OWNERS). On Azure, `azd provision` makes a key and sets it."
)
WHERE_KEYS_ARE: Final = (
    "This box has its keys in the setting BOX_API_KEYS and, as `box owners list` shows them, in its store; one that it "
    "made itself is kept in .box/api_key."
)
WHERE_ADMINS_ARE: Final = "Routes below /v1/admin take a key of the setting BOX_ADMIN_KEYS."
NO_OWNERS_KEY: Final = (
    "This key is an administrator's (BOX_ADMIN_KEYS): it opens the routes below /v1/admin and no owner's objects. Use "
    "an owner's key here."
)
NO_ADMINS_KEY: Final = (
    "This key is an owner's: the routes below /v1/admin take an administrator's key, of the setting BOX_ADMIN_KEYS."
)
TWO_OWNERS: Final = (
    "The request has two valid credentials of different owners. Send one of them: either the Authorization header or "
    "the api-key header."
)

Header = tuple[bytes, bytes]


class Callers:
    """Those whom the settings let in, and the keys in the store."""

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], float],
        stored: StoredKeys,
        grant: Callable[[str], Awaitable[Grant]],
        check_grant: Callable[[Grant], Awaitable[None]],
    ):
        """`grant` knows client tokens, `check_grant` which of them were revoked since.

        Raises ValueError for keys and names that cannot be used.
        """
        self._grant, self._check_grant = grant, check_grant
        self._keys = ApiKeys("BOX_API_KEYS", settings.box_api_keys)
        self._admins = ApiKeys("BOX_ADMIN_KEYS", settings.box_admin_keys)
        if self._keys.shares_one_with(self._admins):
            raise ValueError("BOX_ADMIN_KEYS has a key of BOX_API_KEYS: one key opens one kind of routes")
        self._entra = entra_of(settings, clock) if settings.entra_owners else None
        self._stored = stored
        self._may_be_nobody = not settings.box_api_keys and self._entra is None
        self._told = False
        #: Whether there are administrators, and so routes for them.
        self.has_admins = bool(settings.box_admin_keys)

    async def caller(self, headers: Iterable[Header], *, azure: bool) -> tuple[str, Grant | None]:
        """Whose the valid credentials of the request are, and what they open if they are a client token, not a key.

        Raises ApiError, and Unavailable if the store is needed.
        """
        presented = [*dict.fromkeys(_presented(headers))]
        if len(presented) == 1 and (owner := self._keys.owner(presented[0])) is not None:
            return owner, None
        token = next((each for each in presented if each.startswith(CLIENT_TOKEN)), None)
        if len(presented) > 1 and token is not None:
            raise InvalidRequest(TWO_OWNERS, code="ambiguous_credentials")
        if token is not None:
            given = await self._grant(token.decode("latin-1"))
            return given.owner, given
        return await self._owner(presented, azure=azure), None

    async def check_again(self, headers: Iterable[Header], grant: Grant | None) -> None:
        """See that a caller who was let in has not been shut out since: a token revoked, or a key removed.

        A token whose time is over has not: it was for the beginning. Raises Unauthorized, and Unavailable if the store
        is needed.
        """
        if grant is not None:
            await self._check_grant(grant)
            return
        presented = [*_presented(headers)]
        is_stored = any(each.startswith(MADE.encode()) for each in presented)
        if is_stored and not await self._owners_of(presented):
            raise _unknown(presented, WHERE_KEYS_ARE, azure=False)

    async def _owner(self, presented: list[bytes], *, azure: bool) -> str:
        owners = await self._owners_of(presented)
        if len(owners) > 1:
            raise InvalidRequest(TWO_OWNERS, code="ambiguous_credentials")
        if owners:
            return owners.pop()
        if any(self._admins.owner(credential) is not None for credential in presented):
            raise Forbidden(NO_OWNERS_KEY, code="insufficient_permissions")
        await self._tell_if_nobody(azure=azure)
        raise _unknown(presented, WHERE_KEYS_ARE, azure=azure)

    async def admin(self, headers: Iterable[Header], *, azure: bool) -> str:
        """The administrator whose key was presented. Raises ApiError, and Unavailable if the store is needed."""
        presented = [*dict.fromkeys(_presented(headers))]
        for credential in presented:
            name = self._admins.owner(credential)
            if name is not None:
                return name
        if await self._owners_of(presented):
            raise Forbidden(NO_ADMINS_KEY, code="insufficient_permissions")
        raise _unknown(presented, WHERE_ADMINS_ARE, azure=azure)

    async def _owners_of(self, presented: Iterable[bytes]) -> set[str]:
        return {owner for credential in presented if (owner := await self._owner_of(credential)) is not None}

    async def _owner_of(self, credential: bytes) -> str | None:
        owner = self._keys.owner(credential)
        if owner is None and self._entra is not None and credential.startswith(TOKEN):
            return await self._entra.owner(credential)
        if owner is None and self._admins.owner(credential) is None:
            return await self._stored.owner(credential)
        return owner

    async def _tell_if_nobody(self, *, azure: bool) -> None:
        """Refuse a box's every caller in words that say why. Raises Unauthorized."""
        if self._may_be_nobody and await self._stored.are_none():
            if not self._told:
                logger.error(NOBODY, extra={"action": "nobody_may_call"})
            self._told = True
            raise Unauthorized(NOBODY, code="401" if azure else "invalid_api_key")


class ApiKeys:
    """The keys of a setting, kept as digests."""

    def __init__(self, setting: str, keys: Mapping[str, SecretStr]):
        """Raises ValueError for keys and names that cannot be used."""
        self._owners = [(owner_name(name), _digest_of(setting, key.get_secret_value())) for name, key in keys.items()]

    def owner(self, key: bytes) -> str | None:
        """Whose key it is, or None. Compares with every key, so that the time taken tells nothing."""
        digest = hashlib.sha256(key).digest()
        found = None
        for owner, expected in self._owners:
            if hmac.compare_digest(digest, expected) and found is None:
                found = owner
        return found

    def shares_one_with(self, other: ApiKeys) -> bool:
        """Whether some key is in both."""
        return not {digest for _, digest in self._owners}.isdisjoint(digest for _, digest in other._owners)


def _unknown(presented: list[bytes], where: str, *, azure: bool) -> Unauthorized:
    """The 401 for credentials that are nobody's."""
    if not presented:
        return Unauthorized(NO_KEY)
    if azure:
        return Unauthorized(WRONG_KEY_AZURE, code="401")
    return Unauthorized(f"Incorrect API key provided: {_masked(presented[0])}. {where}", code="invalid_api_key")


def _presented(headers: Iterable[Header]) -> Iterable[bytes]:
    for name, value in [header for header in headers if header[0] in CREDENTIALS]:
        if name == b"authorization":
            scheme, _, key = value.partition(b" ")
            if scheme.lower() == b"bearer" and key.strip():
                yield key.strip()
        elif value.strip():
            yield value.strip()


def _digest_of(setting: str, key: str) -> bytes:
    if not key.startswith(HASHED):
        if not key:
            raise ValueError(f"{setting} has an empty key")
        return hashlib.sha256(key.encode()).digest()
    digits = key.removeprefix(HASHED)
    if re.fullmatch("[0-9A-Fa-f]{64}", digits) is None:
        raise ValueError(f"{setting}: after sha256: come 64 hex digits")
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


def _masked(key: bytes) -> str:
    """Enough to recognise one's own key, too little to use it."""
    return "sk-***" if key.startswith(b"sk-") else "***"
