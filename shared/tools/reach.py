"""Which servers the box goes to on behalf of a model or an assistant, which may have been told to look inside instead.

Every hop is checked: scheme, port, and each address its name resolves to; the connection then goes to the address that
was checked, so a name that changes its mind gains nothing.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any, Final

from shared.tools.addresses import is_public
from shared.tools.base import NotTaken, ToolFailure
from shared.tools.hop import Hop

PORTS: Final = {"http": 80, "https": 443}
HOST: Final = re.compile(r"[a-z0-9]([a-z0-9._-]{0,252}[a-z0-9])?|[0-9a-f:.]+")
#: Addresses of a host that are tried, and seconds until a connection stands.
MOST_ADDRESSES: Final = 3
CONNECT_SECONDS: Final = 5.0

#: Host name and port -> numeric addresses, in order of preference. Raises OSError.
Resolve = Callable[[str, int], Awaitable[list[str]]]


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
    stand for many. What may not be is raised as httpx2.ConnectError or ReadError; `told` has the words for it.
    """
    import httpx2

    from shared.tools.checked_transport import CheckedTransport

    transport = CheckedTransport(lambda url: hop(url, resolve, trusted), most_bytes, dict(secret_query))
    return httpx2.AsyncClient(transport=transport, trust_env=False, **more)


def told(error: BaseException, whom: str) -> str | None:
    """Why a request of `client` was ended by us, for the model; None if it was not us. `whom`: who was asked."""
    match error.__cause__:
        case NotTaken() as cause:
            return f"{whom}'s answer was not taken: {cause}"
        case ToolFailure() as cause:
            return f"{whom} was not reached: {cause}"
    return None
