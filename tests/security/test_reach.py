"""MCP servers, APIs of OpenAPI documents and webhooks are on the public internet, however their addresses are put.

No connection of these tests leaves the machine: each is noted before it is made, and made to a stand-in alone.
"""

from __future__ import annotations

import base64
import socket
import sys
from collections.abc import Awaitable, Callable, Collection
from typing import Any

import httpx2
import pytest
from aiohttp import web
from pydantic import SecretStr

from shared.objects.openapi_document import operations
from shared.settings.values import Webhook
from shared.tools import openapi_call, reach
from shared.tools.base import ToolFailure
from shared.tools.domains import domains_of
from shared.tools.mcp_server import RemoteTools
from shared.webhooks.delivery import attempt
from shared.webhooks.notices import Notice

PUBLIC = "93.184.215.14"
SECRET = {"Authorization": "Bearer Zaunkoenig7Q"}

Ask = Callable[..., Awaitable[str]]


class Connections:
    """Which addresses the process connects to, while it is watched; only those of stand-ins take it."""

    def __init__(self) -> None:
        self.watched = False
        self.tried: list[tuple[str, int]] = []
        self.allowed: set[int] = set()

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event != "socket.connect" or not self.watched or not isinstance(arguments[1], tuple):
            return
        host, port = arguments[1][:2]
        if port not in self.allowed:
            self.tried.append((host, port))
            raise ConnectionRefusedError("no test leaves the machine")


WATCH = Connections()
sys.addaudithook(WATCH)


@pytest.fixture
def connections():
    WATCH.tried, WATCH.allowed, WATCH.watched = [], set(), True
    yield WATCH
    WATCH.watched = False


async def ask_mcp(url: str, trusted: Collection[str] = (), resolve: reach.Resolve = reach.resolve) -> str:
    tools = RemoteTools(url, SECRET, trusted=trusted, resolve=resolve)
    return str(await (await tools.known()).list_tools())


async def ask_api(url: str, trusted: Collection[str] = (), resolve: reach.Resolve = reach.resolve) -> str:
    item = {"get": {"operationId": "a"}}
    document = {"openapi": "3.1.0", "servers": [{"url": url.rstrip("/")}], "paths": {"/": item}}
    try:
        [operation] = operations(document)
    except ValueError as error:
        raise ToolFailure(str(error)) from error
    return await openapi_call.request(operation, {}, openapi_call.Credentials(SECRET), trusted, resolve)


async def tell_hook(url: str, trusted: Collection[str] = (), resolve: reach.Resolve = reach.resolve) -> str:
    hook = Webhook(url=url, secret=SecretStr("whsec_" + base64.b64encode(b"x" * 24).decode()))
    notice = Notice(webhook="shop", notice_id="msg_1", type="thread.run.completed", owner="me", at=0, data={})
    told = await attempt(hook, notice, 0, ",".join(trusted), 20, resolve)
    if told.failure:
        raise ToolFailure(told.failure)
    return "told"


@pytest.fixture(params=[ask_mcp, ask_api, tell_hook], ids=["mcp", "openapi", "webhook"])
def ask(request, connections) -> Ask:
    return request.param


async def refusal(asked: Awaitable[str]) -> str:
    with pytest.raises(ToolFailure) as caught:
        await asked
    assert "Zaunkoenig" not in str(caught.value)
    return str(caught.value)


INSIDE = """
    127.0.0.1 127.1 2130706433 0x7f000001 0177.0.0.1 0x7f.0.0.1 127.0.0.1. 0.0.0.0 0 10.0.0.1 169.254.169.254
    168.63.129.16 100.64.0.1 192.168.1.1 localhost localhost. LOCALHOST
    [::1] [::] [::ffff:127.0.0.1] [::ffff:7f00:1] [0:0:0:0:0:ffff:7f00:1] [64:ff9b::7f00:1] [64:ff9b::a9fe:a9fe]
    [2002:7f00:1::] [fe80::1] [fc00::1] [::127.0.0.1] 127\u30020\u30020\u30021 \u2460\u2461\u2466.0.0.1
"""


@pytest.mark.parametrize("host", INSIDE.split())
async def test_an_address_inside_is_not_visited_however_it_is_written(ask, connections, host):
    assert await refusal(ask(f"http://{host}/"))
    assert connections.tried == []


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/hostname",
        "ftp://example.com/",
        "//example.com/",
        "http:///",
        "http://example.com:22/",
        "http://example.com:0/",
        "http://example.com:65536/",
        "http://user@example.com/",
        "http://user:password@example.com/",
        "http://example.com@127.0.0.1/",
        "http://127.0.0.1:80@example.com:80/",
        "http://exa mple.com/",
        "http://example.com\\@127.0.0.1/",
        "http://[::1%25lo]/",
        "http://%31%32%37.0.0.1/",
    ],
)
async def test_an_address_of_another_kind_is_not_visited(ask, connections, url):
    async def everywhere(host: str, port: int) -> list[str]:
        return [PUBLIC if host == "example.com" else "127.0.0.1"]

    assert await refusal(ask(url, resolve=everywhere))
    assert connections.tried == []


@pytest.mark.parametrize(
    "answers",
    [
        [["10.0.0.1"]],
        [["::ffff:10.0.0.1"]],
        [["64:ff9b::a00:1"]],
        [[PUBLIC, "127.0.0.1"]],
        [["2606:4700::1", "::1"]],
        [[PUBLIC], ["127.0.0.1"]],
        [[PUBLIC], ["64:ff9b::7f00:1"]],
        [[]],
    ],
)
async def test_a_name_that_leads_inside_is_not_followed_when_it_does_so_later_neither(ask, connections, answers):
    async def resolve(host: str, port: int) -> list[str]:
        return answers.pop(0) if len(answers) > 1 else answers[0]

    words = await refusal(ask("https://names.example/", resolve=resolve))
    assert "not on the public internet" in words
    assert connections.tried == []


async def test_the_connection_goes_to_the_address_that_was_checked(ask, connections):
    names: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        names.append(host)
        return [PUBLIC, "93.184.215.15"]

    assert await refusal(ask("https://names.example/", resolve=resolve))
    assert {*connections.tried} == {(PUBLIC, 443), ("93.184.215.15", 443)}
    assert {*names} == {"names.example"}


class StandIn:
    """A server on loopback that sends everybody elsewhere."""

    def __init__(self) -> None:
        self.location, self.status = "/", 302
        self.seen: list[str] = []

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        listening = socket.create_server(("127.0.0.1", 0))
        await web.SockSite(self._runner, listening).start()
        self.port = listening.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(f"{request.method} {request.path} {request.headers.get('Authorization')}")
        return web.Response(status=self.status, headers={"Location": self.location})


@pytest.fixture
async def stand_in(connections):
    server = StandIn()
    await server.start()
    connections.allowed = {server.port}
    yield server
    await server.stop()


ELSEWHERE = [
    "http://169.254.169.254/latest",
    "http://127.0.0.1:1/",
    "http://[::1]/",
    "http://2130706433/",
    "http://user@names.example/",
    "//names.example/",
    "https://names.example/",
    "file:///etc/hostname",
]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ELSEWHERE)
async def test_a_redirect_leads_nowhere(ask, connections, stand_in, status, location):
    stand_in.location, stand_in.status = location, status

    assert await refusal(ask(f"http://{stand_in.host}/", {stand_in.host}))
    assert connections.tried == []
    assert all(each.endswith("Zaunkoenig7Q") for each in stand_in.seen if ask is not tell_hook)


@pytest.mark.parametrize("url", ELSEWHERE)
async def test_a_library_is_not_led_elsewhere_by_what_a_server_says(connections, stand_in, url):
    """Older MCP servers say where messages are sent to."""
    async with reach.client({stand_in.host}, 1000, headers=SECRET) as http:
        with pytest.raises(httpx2.HTTPError):
            await http.post(url)

    assert connections.tried == []


@pytest.mark.parametrize(
    ("allowed", "url", "visited"),
    [
        ("mcp.intern.example", "http://mcp.intern.example/", True),
        ("MCP.Intern.Example", "http://mcp.intern.example/", True),
        ("mcp.intern.example", "http://MCP.intern.EXAMPLE./", True),
        ("mcp.intern.example", "http://mcp.intern.example:8080/", True),
        ("mcp.intern.example:8080", "http://mcp.intern.example:8080/", True),
        ("mcp.intern.example:8080", "http://mcp.intern.example/", False),
        ("mcp.intern.example:8080", "http://mcp.intern.example:8081/", False),
        ("mcp.intern.example:443", "https://mcp.intern.example/", True),
        ("mcp.intern.example:443", "http://mcp.intern.example/", False),
        ("intern.example", "http://mcp.intern.example/", False),
        ("mcp.intern.example", "http://mcp.intern.example.other.example/", False),
        ("mcp.intern.example", "http://mcp.intern.example@other.example/", False),
        ("10.1.2.3", "http://10.1.2.3/", True),
        ("10.1.2.3", "http://10.1.2.4/", False),
        ("[fd00::1]:8080", "http://[fd00::1]:8080/", True),
        ("[fd00::1]", "http://[fd00::1]/", True),
        ("[fd00::1]", "http://[fd00::1]:8080/", True),
        ("fd00::1", "http://[fd00::1]/", True),
        ("[fd00::1]:8080", "http://[fd00::1]:8081/", False),
        ("*", "http://mcp.intern.example/", False),
        ("", "http://mcp.intern.example/", False),
    ],
)
async def test_the_operator_names_hosts_and_ports_one_by_one(ask, connections, allowed, url, visited):
    async def resolve(host: str, port: int) -> list[str]:
        return [host if host.startswith(("10.", "fd00:")) else "10.9.9.9"]

    await refusal(ask(url, domains_of(allowed), resolve))

    assert bool(connections.tried) is visited
