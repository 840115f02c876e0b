"""What happens around every request: prefix, key, response headers, errors. Plain ASGI, so streams are not held up."""

from __future__ import annotations

import logging
import re
import secrets
import time
from dataclasses import dataclass
from functools import partial
from typing import Final
from urllib.parse import unquote

from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive, Scope, Send

from shared.api import front_door, playground, sign_in
from shared.api.auth import Callers, Header
from shared.api.directory import Directory
from shared.api.errors import answer_error, invalid_url
from shared.api.sse import EventStream
from shared.client_tokens import Grant
from shared.deadline import Overdue, invocation, within
from shared.errors import too_slow
from shared.telemetry.base import Telemetry

logger = logging.getLogger(__name__)

CANONICAL: Final = "/v1"
ADMIN: Final = "/v1/admin"
METRICS: Final = "/metrics"
DOCS: Final = "/v1/docs"
AZURE: Final = "/openai"
DEPLOYMENTS: Final = "/openai/deployments/"

#: The endpoint of a Foundry project, whatever its name: what its agents' SDKs are given.
PROJECT: Final = re.compile("/api/projects/[^/]+(?=/)")

#: Betalgo's provider for Azure writes `/openai//assistants`.
REPEATED_SLASHES: Final = re.compile("//+")

ENCODED_SLASH: Final = re.compile("%2f", re.IGNORECASE)

#: Paths that need no key.
OPEN: Final = frozenset({"/healthz", DOCS, "/v1/openapi.json", *front_door.PATHS, *playground.FILES, sign_in.PATH})

#: On every answer that does not say otherwise. What a browser is made to show as a page, be it an uploaded file, has no
#: origin, runs nothing and is in no frame.
GUARDS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"sandbox; default-src 'none'; frame-ancestors 'none'"),
)

GUARDED: Final = frozenset(name for name, _ in GUARDS)

API_VERSION: Final = b"2020-10-01"


@dataclass(slots=True)
class CallInfo:
    """What the gateway finds out about a request; `scope["box"]`."""

    #: As the client wrote it.
    path: str
    azure: bool
    request_id: str
    owner: str = ""
    #: The administrator's name, below `ADMIN`; there, and only there, no owner.
    admin: str = ""
    #: What the caller's token opens; None: the caller has the owner's key.
    grant: Grant | None = None
    #: The name that a path of Azure's has before the operation; empty: none.
    deployment: str = ""


class Gateway:
    """The front of the app."""

    def __init__(
        self, app: object, directory: Directory, callers: Callers, telemetry: Telemetry, *, region: str, granted: float
    ):
        """`app`: what routes know as `request.app`. `granted`: seconds that the host lets a call take."""
        self._app, self._directory, self._callers, self._telemetry = app, directory, callers, telemetry
        self._region, self._granted = region, granted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
            return
        if scope["type"] != "http":
            raise ValueError(f"{scope['type']} is not served")  # so ASGI servers learn that no lifespan is needed
        started = time.perf_counter()
        named, deployment = without_deployment(scope)
        path, azure = canonical(named)
        if path == CANONICAL and front_door.shows_pages(scope):
            path = DOCS
        call = CallInfo(scope["path"], azure, f"req_{secrets.token_hex(16)}", deployment=deployment)
        inner = {**scope, "path": path, "raw_path": path.encode(), "box": call, "app": self._app}
        answered = lacks_body = False

        async def receive_noted() -> Message:
            nonlocal lacks_body
            # Most bodies come at once, and need no timer of their own: who sends none at all meets that of the call.
            lacks_more, lacks_body = lacks_body, True
            if lacks_more:
                with within():
                    message = await receive()
            else:
                message = await receive()
            lacks_body = message.get("more_body", False)
            return message

        async def send_with_headers(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = True
                message["headers"] = guarded(message["headers"]) + self._headers(call, started, scope)
            await send(message)

        try:
            with invocation(self._granted):
                if path not in OPEN:
                    await self._identify(call, path, scope)
                with self._telemetry.joined(scope["headers"]):
                    await self._answer(call, inner, receive_noted, send_with_headers)
        except ClientDisconnect:
            logger.info("client left", extra={"action": "client_left", "request_id": call.request_id})
        except Exception as error:
            repeatable = inner.get("repeatable", False)
            told = too_slow() if lacks_body and isinstance(error, Overdue) else error
            response = answer_error(told, scope["method"], call.request_id, repeatable=repeatable)
            if answered:
                raise  # the server cuts the connection, so the client sees that the answer is not whole
            await response(inner, receive, send_with_headers)

    async def _identify(self, call: CallInfo, path: str, scope: Scope) -> None:
        """Find out who makes the call. Raises ApiError."""
        if path not in (ADMIN, METRICS) and not path.startswith(f"{ADMIN}/"):
            call.owner, call.grant = await self._callers.caller(scope["headers"], azure=call.azure)
        elif self._callers.has_admins:
            call.admin = await self._callers.admin(scope["headers"], azure=call.azure)
        else:
            raise invalid_url(scope["method"], call.path)

    async def _answer(self, call: CallInfo, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._directory.find(scope["method"], scope["path"])
        if found is None:
            raise invalid_url(scope["method"], call.path)
        endpoint, parts = found
        response = await endpoint(Request(scope, receive), **parts)
        if isinstance(response, EventStream):
            response.check = partial(self._callers.check_again, scope["headers"], call.grant)
        await response(scope, receive, send)

    def _headers(self, call: CallInfo, started: float, scope: Scope) -> list[Header]:
        headers = [
            (b"x-request-id", call.request_id.encode()),
            (b"openai-version", API_VERSION),
            (b"openai-processing-ms", b"%d" % ((time.perf_counter() - started) * 1000)),
        ]
        if call.azure:
            headers += [(b"apim-request-id", call.request_id.removeprefix("req_").encode())]
            headers += [(b"x-ms-region", self._region.encode())]
            headers += [pair for pair in scope["headers"] if pair[0] == b"x-ms-client-request-id"]
        return headers


def guarded(headers: list[Header]) -> list[Header]:
    """The headers, with what keeps browsers from guessing and caches from keeping; a page's own words come first."""
    named = dict(headers)  # in small letters, as ASGI has them
    if GUARDED.isdisjoint(named):
        return [*headers, *GUARDS]
    return [*headers, *(pair for pair in GUARDS if pair[0] not in named)]


def without_deployment(scope: Scope) -> tuple[str, str]:
    """The path without `/deployments/NAME`, and the name: it may have slashes, which arrive as `%2F`."""
    path: str = scope["path"]
    if path.startswith(f"{CANONICAL}/") or not REPEATED_SLASHES.sub("/", path).startswith(DEPLOYMENTS):
        return path, ""
    raw = scope.get("raw_path") or path.encode()
    # From Functions they arrive as `%252F`; here, that is how they stay apart from the path's own.
    kept = unquote(ENCODED_SLASH.sub("%252F", raw.decode("latin-1")))
    name, _, rest = REPEATED_SLASHES.sub("/", kept).removeprefix(DEPLOYMENTS).partition("/")
    return f"{AZURE}/{ENCODED_SLASH.sub('/', rest)}", ENCODED_SLASH.sub("/", name)


def canonical(path: str) -> tuple[str, bool]:
    """The path under `/v1`, without trailing or repeated slashes, and whether it came by one of Azure's prefixes."""
    path = REPEATED_SLASHES.sub("/", path).rstrip("/") or "/"
    if path.startswith(f"{CANONICAL}/"):
        return path, False
    project = PROJECT.match(path)
    if project is not None:
        inside = path[project.end() :]
        path = inside if inside.startswith(f"{AZURE}/") else AZURE + inside
    if path.startswith(f"{AZURE}/"):
        rest = path.removeprefix(AZURE)
        return (rest if rest.startswith(f"{CANONICAL}/") else CANONICAL + rest), True
    return path, False
