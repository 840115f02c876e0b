"""Answers an HTTP-triggered function's request with an ASGI app, streaming in both directions.

The app runs *inside* the invocation, on the worker's own connection: the invocation lasts until the last byte, so its
logs are kept (the host drops those of finished invocations), a failure counts as one, and a drain waits for it.
The app gets no lifespan events; whoever builds it has opened everything it needs.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

logger = logging.getLogger(__name__)

#: Said where there is no box to say anything.
NO_BOX: Final = (
    '{"error":{"message":"This box cannot start: its log says which of its settings cannot be used.",'
    '"type":"server_error","param":null,"code":"box_not_started"}}'
)

#: What ASGI defines. The rest is the worker's own app's (its router would break `url_for`).
SCOPE_KEYS = {
    "type", "asgi", "http_version", "server", "client", "scheme", "method",
    "root_path", "path", "raw_path", "query_string", "headers", "extensions",
}  # fmt: skip


def require_streams(version: tuple[int, int], flag: str) -> None:
    """Refuse to be indexed where every HTTP call would hang: in workers before 3.13 that were not told to stream.

    Raises RuntimeError, which the host logs. `flag`: the worker's setting PYTHON_ENABLE_INIT_INDEXING.
    """
    if version < (3, 13) and flag.lower() not in ("1", "true", "t", "y", "yes"):
        raise RuntimeError(
            f"Set PYTHON_ENABLE_INIT_INDEXING=1 in the app's settings: without it the worker of Python "
            f"{version[0]}.{version[1]} would let every HTTP call hang. Newer ones do not need it."
        )


class Served(Protocol):
    """What has an ASGI app."""

    @property
    def asgi(self) -> ASGIApp:
        """The app."""
        ...


class Answered(Response):
    """What the function returns: the app has already sent everything."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        return None


async def answer(box: Callable[[], Awaitable[Served]], request: Request) -> Response:
    """Let the box answer the request of this invocation; 503 while its settings, or what they name, make no box."""
    logging.getLogger("uvicorn.access").disabled = True  # the host already logs every invocation
    try:
        app = (await box()).asgi
    except Exception as error:
        # Which setting it is, callers need not know. Errors of settings say their names, and not their values.
        reason = " ".join(str(error).split()) if isinstance(error, ValueError) else type(error).__name__
        logger.exception("box not built", extra={"action": "box_not_built", "reason": reason})
        return Response(NO_BOX, 503, media_type="application/json")
    scope = {key: value for key, value in request.scope.items() if key in SCOPE_KEYS}
    # Starlette keeps the ASGI `send` private; a test under the real worker holds on to it.
    await app(scope, request.receive, request._send)
    return Answered()
