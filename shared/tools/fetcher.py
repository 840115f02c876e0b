"""Fetches pages from the public internet on behalf of a model, which may have been told to look inside instead.

Every hop is checked, see `reach.py`. Size, time and content types are limited.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from shared.tls import tls
from shared.tools import reach
from shared.tools.base import ToolFailure
from shared.tools.hop import Hop
from shared.tools.reach import Resolve

#: Characters of an address, redirects that are followed, and bytes of a page.
_LONGEST_URL = 2_000
_MOST_HOPS = 5
_MOST_BYTES = 2_000_000
#: Seconds for all of it, and until a connection stands.
_VISIT_SECONDS = 20
_CONNECT_SECONDS = 5


@dataclass(frozen=True, slots=True)
class WebPage:
    """What was found, and where in the end."""

    url: str
    media_type: str
    #: The character set the server names, if it does.
    charset: str | None
    body: bytes


class Fetcher:
    """Fetches public pages; `transport` is httpx2's, which connects to the address in the URL it is given."""

    def __init__(
        self,
        resolve: Resolve = reach.resolve,
        transport: Any = None,
        allowed_domains: Collection[str] = frozenset(),
        *,
        seconds: float = _VISIT_SECONDS,
        trusting: ssl.SSLContext | None = None,
    ):
        """`allowed_domains` are the only ones that pages may come from, on every hop; none: all of them.

        A page must be there within `seconds`; `trusting` says which certificates are believed, else the usual ones.
        """
        self._resolve = resolve
        self._transport = transport
        self._allowed_domains = allowed_domains
        self._seconds, self._trusting = seconds, trusting

    async def fetch(self, url: str, media_types: Collection[str]) -> WebPage:
        """The page at the URL, after at most five redirects. Raises ToolFailure."""
        import httpx2

        try:
            async with (
                asyncio.timeout(self._seconds),
                httpx2.AsyncClient(
                    transport=self._transport,
                    verify=tls() if self._trusting is None else self._trusting,
                    # A proxy would resolve names again, by itself.
                    trust_env=False,
                    timeout=httpx2.Timeout(self._seconds, connect=_CONNECT_SECONDS),
                    # A connection kept for an address would be used for another name without checking its certificate.
                    limits=httpx2.Limits(max_keepalive_connections=0),
                    headers={
                        "User-Agent": "Mozilla/5.0 (compatible; api-in-a-box)",
                        "Accept": ", ".join(media_types),
                        "Accept-Encoding": "gzip, deflate",
                    },
                ) as client,
            ):
                return await self._follow(client, url, media_types)
        except httpx2.InvalidURL as error:
            raise ToolFailure("this is not a valid URL") from error
        except TimeoutError as error:
            raise ToolFailure(f"the page did not arrive within {self._seconds} seconds") from error
        except httpx2.HTTPError as error:
            raise ToolFailure(f"the page could not be fetched: {type(error).__name__}") from error

    async def _follow(self, client: Any, url: str, media_types: Collection[str]) -> WebPage:
        import httpx2

        target = httpx2.URL(url[: _LONGEST_URL + 1].strip())
        for _ in range(_MOST_HOPS + 1):
            response = await self._send(client, await self._check(target))
            try:
                if not response.has_redirect_location:
                    return await _read(response, target, media_types)
                target = target.join(response.headers["location"])
            finally:
                await response.aclose()
        raise ToolFailure(f"the page redirects more than {_MOST_HOPS} times")

    async def _check(self, url: Any) -> Hop:
        if len(str(url)) > _LONGEST_URL:
            raise ToolFailure(f"a URL may have {_LONGEST_URL} characters at most")
        # Before the name is looked up: what is asked of a name server leaves the box, too.
        host = reach.host_of(url)
        if self._allowed_domains and host not in self._allowed_domains:
            allowed = ", ".join(sorted(self._allowed_domains))
            raise ToolFailure(f"{host} may not be fetched from; allowed domains: {allowed}")
        return await reach.hop(url, self._resolve)

    async def _send(self, client: Any, hop: Hop) -> Any:
        import httpx2

        # Cookies of one host are no business of the next.
        client.cookies.clear()
        failure: Exception = httpx2.ConnectError("no address")
        for request in hop.requests(client, "GET"):
            try:
                return await client.send(request, stream=True)
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
                failure = error
        raise failure


async def _read(response: Any, url: Any, media_types: Collection[str]) -> WebPage:
    if response.status_code != 200:
        raise ToolFailure(f"{url.host} answered with status {response.status_code}")
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in media_types:
        raise ToolFailure(f"the page is {media_type or 'of no known type'}; only {', '.join(media_types)} can be read")
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > _MOST_BYTES:
            raise ToolFailure(f"the page is larger than {_MOST_BYTES // 1_000_000} MB")
    return WebPage(str(url), media_type, response.charset_encoding, bytes(body))
