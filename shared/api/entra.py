"""Entra ID: a token of the tenant instead of a key, as clients with `azure_ad_token` send it (docs/contract.md).

A token counts if the tenant signed it for our audience and its object id is one of those the settings name.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from shared.errors import TryLater
from shared.tls import tls

if TYPE_CHECKING:  # heavy: loaded on first use
    from jwt import PyJWK

logger = logging.getLogger(__name__)

#: Seconds after which the tenant's keys are read again; Microsoft changes them every few weeks.
KEYS_LAST: Final = 24 * 3600
#: Seconds between two readings at least, whatever key a token claims to be signed with.
KEYS_MIN_INTERVAL: Final = 60
#: Seconds before a reading that failed is tried again: meanwhile nobody waits for it, whatever key a token names.
RETRY: Final = 10
#: Seconds that a reading of the keys may take.
TIMEOUT: Final = 10
#: Seconds by which clocks may differ.
LEEWAY: Final = 60


class Entra:
    """The tenant, and who of it may call.

    Only tokens of unknown keys wait for a reading, and one token when the known keys are old: a tenant that is slow or
    silent holds up nobody else.
    """

    def __init__(
        self, tenant: str, owners: Mapping[str, str], audience: str, authority: str, clock: Callable[[], float]
    ):
        """`owners` maps object ids to names; `authority` is such as https://login.microsoftonline.com.

        `audience` may be several, separated by commas.
        """
        self._owners = {object_id.lower(): owner for object_id, owner in owners.items()}
        named = [each.strip().rstrip("/") for each in audience.split(",") if each.strip()]
        self._audiences = [*named, *(f"{each}/" for each in named)]
        base = f"{authority.rstrip('/')}/{tenant}"
        self._issuers = [f"https://sts.windows.net/{tenant}/", f"{base}/v2.0"]
        self._url = f"{base}/discovery/v2.0/keys"
        self._keys: dict[str, PyJWK] = {}
        self._read_at = self._failed_at = -float("inf")
        self._clock = clock
        self._lock = asyncio.Lock()

    async def owner(self, token: bytes) -> str | None:
        """Whose token this is, or None. Raises TryLater while the tenant's keys cannot be read."""
        import jwt

        try:
            key = await self._key(jwt.get_unverified_header(token).get("kid"))
            if key is None:
                return None
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                audience=self._audiences,
                issuer=self._issuers,
                leeway=LEEWAY,
                options={"require": ["exp", "aud", "iss", "oid"]},
            )
        except jwt.InvalidTokenError as error:
            logger.info("token refused", extra={"action": "token_refused", "reason": type(error).__name__})
            return None
        return self._owners.get(str(claims["oid"]).lower())

    async def _key(self, name: str | None) -> PyJWK | None:
        known = self._keys.get(name or "")
        if known is not None and (self._age() <= KEYS_LAST or self._lock.locked()):
            return known
        async with self._lock:
            if self._age() > (KEYS_LAST if name in self._keys else KEYS_MIN_INTERVAL):
                await self._renew(name)
        return self._keys.get(name or "")

    def _age(self) -> float:
        """Seconds since the keys were read."""
        return self._clock() - self._read_at

    async def _renew(self, name: str | None) -> None:
        """Read the keys. While that fails, a known key counts for another day; else it raises TryLater."""
        if self._clock() - self._failed_at > RETRY:
            try:
                self._keys = await self._read_keys()
                self._read_at = self._clock()
                return
            except TryLater:
                self._failed_at = self._clock()
        if name not in self._keys or self._age() > 2 * KEYS_LAST:
            raise _away()

    async def _read_keys(self) -> dict[str, PyJWK]:
        import httpx2
        from jwt import PyJWKSet, PyJWKSetError

        from shared.whole_answers import WholeAnswers

        try:
            async with WholeAnswers(verify=tls(), timeout=TIMEOUT) as client:
                response = (await client.get(self._url)).raise_for_status()
            return {key.key_id: key for key in PyJWKSet.from_dict(response.json()).keys if key.key_id}
        except (httpx2.HTTPError, ValueError, PyJWKSetError) as error:
            logger.exception("tenant keys not read", extra={"action": "tenant_keys_not_read"})
            raise _away() from error


def _away() -> TryLater:
    words = "The keys that tokens are signed with cannot be had at the moment. Please try again later."
    return TryLater(words, code="token_keys_unavailable")
