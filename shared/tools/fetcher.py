"""Fetches pages from the public internet on behalf of a model, which may have been told to look inside instead.

Every hop is checked: scheme, port, and each address its name resolves to; the connection then goes to the address that
was checked, so a name that changes its mind gains nothing. Size, time and content types are limited.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any

from shared.tls import tls
from shared.tools.addresses import is_public
from shared.tools.base import ToolFailure

_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9]([a-z0-9._-]{0,252}[a-z0-9])?|[0-9a-f:.]+")
_LONGEST_URL = 2_000
_MOST_HOPS = 5
_MOST_BYTES = 2_000_000
_SECONDS = 20
_CONNECT_SECONDS = 5
_MOST_ADDRESSES = 3

#: Host name and port -> numeric addresses, in order of preference. Raises OSError.
Resolve = Callable[[str, int], Awaitable[list[str]]]


@dataclass(frozen=True, slots=True)
class WebPage:
    """What was found, and where in the end."""

    url: str
    media_type: str
    #: The character set the server names, if it does.
    charset: str | None
    body: bytes


@dataclass(frozen=True, slots=True)
class _Hop:
    """A checked URL and the addresses it may be fetched from."""

    url: Any
    host: str
    addresses: list[str]


async def _resolve(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Fetcher:
    """Fetches public pages; `transport` is httpx2's, which connects to the address in the URL it is given."""

    def __init__(
        self,
        resolve: Resolve = _resolve,
        transport: Any = None,
        allowed_domains: Collection[str] = frozenset(),
        *,
        seconds: float = _SECONDS,
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

    async def _check(self, url: Any) -> _Hop:
        if len(str(url)) > _LONGEST_URL:
            raise ToolFailure(f"a URL may have {_LONGEST_URL} characters at most")
        if url.scheme not in _PORTS:
            raise ToolFailure("only http and https URLs are fetched")
        if url.userinfo:
            raise ToolFailure("URLs with a user name or password are not fetched")
        port = url.port or _PORTS[url.scheme]
        if port not in _PORTS.values():
            raise ToolFailure("only the ports 80 and 443 are fetched from")
        host = url.raw_host.decode("ascii").rstrip(".")
        if _HOST.fullmatch(host) is None:
            raise ToolFailure("this is not a valid URL")
        # Before the name is looked up: what is asked of a name server leaves the box, too.
        if self._allowed_domains and host not in self._allowed_domains:
            allowed = ", ".join(sorted(self._allowed_domains))
            raise ToolFailure(f"{host} may not be fetched from; allowed domains: {allowed}")
        try:
            addresses = await self._resolve(host, port)
        # A label that is too long fails in the codec that asks the resolver.
        except (OSError, UnicodeError) as error:
            raise ToolFailure(f"there is no host {host}") from error
        if not addresses or not all(is_public(address) for address in addresses):
            raise ToolFailure(f"{host} is not on the public internet: it is not fetched")
        return _Hop(url, host, addresses[:_MOST_ADDRESSES])

    async def _send(self, client: Any, hop: _Hop) -> Any:
        import httpx2

        host = f"[{hop.host}]" if ":" in hop.host else hop.host
        headers = {"Host": host if hop.url.port is None else f"{host}:{hop.url.port}"}
        # Cookies of one host are no business of the next.
        client.cookies.clear()
        failure: Exception = httpx2.ConnectError("no address")
        for address in hop.addresses:
            url = hop.url.copy_with(host=address)
            request = client.build_request("GET", url, headers=headers, extensions={"sni_hostname": hop.host})
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
