"""Which servers the box goes to on behalf of a model or an assistant, which may have been told to look inside instead.

Every hop is checked: scheme, port, and each address its name resolves to; the connection then goes to the address that
was checked, so a name that changes its mind gains nothing.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from shared.tls import tls
from shared.tools.addresses import is_public
from shared.tools.base import ToolFailure

PORTS: Final = {"http": 80, "https": 443}
HOST: Final = re.compile(r"[a-z0-9]([a-z0-9._-]{0,252}[a-z0-9])?|[0-9a-f:.]+")
MOST_ADDRESSES: Final = 3
CONNECT_SECONDS: Final = 5.0

#: Host name and port -> numeric addresses, in order of preference. Raises OSError.
Resolve = Callable[[str, int], Awaitable[list[str]]]


@dataclass(frozen=True, slots=True)
class Hop:
    """A checked URL and the addresses it may be fetched from."""

    url: Any
    host: str
    addresses: list[str]

    def requests(self, client: Any, method: str, **more: Any) -> list[Any]:
        """The request, once for each address, in order of preference."""
        return [client.build_request(method, self.at(each), **(more | self.told())) for each in self.addresses]

    def at(self, address: str) -> Any:
        """The URL with an address for its host."""
        return self.url.copy_with(host=address)

    def told(self) -> dict[str, Any]:
        """What a request to an address says of the host, in headers and in the handshake of TLS."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        named = host if self.url.port is None else f"{host}:{self.url.port}"
        return {"headers": {"Host": named}, "extensions": {"sni_hostname": self.host}}


async def resolve(host: str, port: int) -> list[str]:
    """What the machine's resolver says. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def host_of(url: Any, trusted: Collection[str] = frozenset()) -> str:
    """The host that a URL names, if one may go there by what it says. Raises ToolFailure.

    `trusted` are hosts, or `host:port`, whose every address, or that port, is fine.
    """
    if url.scheme not in PORTS:
        raise ToolFailure("only http and https URLs are fetched")
    if url.userinfo:
        raise ToolFailure("URLs with a user name or password are not fetched")
    host = str(url.raw_host.decode("ascii")).rstrip(".")
    if HOST.fullmatch(host) is None:
        raise ToolFailure("this is not a valid URL")
    port = port_of(url)
    if port not in PORTS.values() and not is_trusted(host, port, trusted):
        raise ToolFailure("only the ports 80 and 443 are fetched from")
    return host


def port_of(url: Any) -> int:
    """The port that a URL with http or https leads to; 0 is one, if none that is visited."""
    return PORTS[url.scheme] if url.port is None else int(url.port)


def is_trusted(host: str, port: int, trusted: Collection[str]) -> bool:
    """Whether the operator named the host, or the host with the port; an IPv6 address stands in brackets."""
    names = (host, f"[{host}]", f"[{host}]:{port}") if ":" in host else (host, f"{host}:{port}")
    return any(name in trusted for name in names)


async def hop(url: Any, resolve: Resolve = resolve, trusted: Collection[str] = frozenset()) -> Hop:
    """The URL with its addresses, all of them on the public internet or trusted. Raises ToolFailure."""
    host = host_of(url, trusted)
    port = port_of(url)
    try:
        addresses = await resolve(host, port)
    # A label that is too long fails in the codec that asks the resolver.
    except (OSError, UnicodeError) as error:
        raise ToolFailure(f"there is no host {host}") from error
    allowed = is_trusted(host, port, trusted) or all(is_public(address) for address in addresses)
    if not addresses or not allowed:
        raise ToolFailure(f"{host} is not on the public internet: it is not fetched")
    return Hop(url, host, addresses[:MOST_ADDRESSES])


def client(
    trusted: Collection[str],
    most_bytes: int,
    resolve: Resolve = resolve,
    secret_query: Mapping[str, str] = MappingProxyType({}),
    **more: Any,
) -> Any:
    """An httpx2 client for libraries that call a server by themselves: each of its requests goes to checked addresses.

    `secret_query` is added to each query where it is sent; logs of the client and its errors know addresses without.
    An answer of more than `most_bytes` breaks off. No compressed one is asked for, or taken: a few bytes of it can
    stand for many. What may not be is told as httpx2.ConnectError or ReadError.
    """
    import httpx2

    class Bounded(httpx2.AsyncByteStream):
        """The body of an answer, up to a limit."""

        def __init__(self, stream: Any) -> None:
            self._stream = stream

        async def __aiter__(self) -> AsyncIterator[bytes]:
            seen = 0
            async for piece in self._stream:
                seen += len(piece)
                if seen > most_bytes:
                    raise httpx2.ReadError(f"the answer is larger than {most_bytes // 1_000_000} MB")
                yield piece

        async def aclose(self) -> None:
            await self._stream.aclose()

    class Checked(httpx2.AsyncBaseTransport):
        """A transport that goes to checked addresses only."""

        def __init__(self) -> None:
            # A connection kept for an address would be used for another name without checking its certificate.
            limits = httpx2.Limits(max_keepalive_connections=0)
            self._inner = httpx2.AsyncHTTPTransport(verify=tls(), limits=limits, trust_env=False)

        async def handle_async_request(self, request: Any) -> Any:
            try:
                found = await hop(request.url, resolve, trusted)
            except ToolFailure as failure:
                raise httpx2.ConnectError(str(failure)) from failure
            told = found.told()
            request.headers.update(told["headers"] | {"Accept-Encoding": "identity"})
            request.extensions = {**request.extensions, **told["extensions"]}
            refused: Exception = httpx2.ConnectError("no address")
            for address in found.addresses:
                request.url = found.at(address)
                if secret_query:
                    request.url = request.url.copy_merge_params(dict(secret_query))
                try:
                    response = await self._inner.handle_async_request(request)
                except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
                    refused = error
                    continue
                finally:
                    request.url = found.url
                if response.headers.get("content-encoding", "identity").lower() != "identity":
                    await response.aclose()
                    raise httpx2.ReadError("the answer is compressed, though none was asked for")
                response.stream = Bounded(response.stream)
                return response
            raise refused

        async def aclose(self) -> None:
            await self._inner.aclose()

    return httpx2.AsyncClient(transport=Checked(), trust_env=False, **more)
