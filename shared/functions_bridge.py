"""Answers an HTTP-triggered function's request with an ASGI app, streaming in both directions.

The app runs *inside* the invocation, on the worker's own connection: the invocation lasts until the last byte, so its
logs are kept (the host drops those of finished invocations), a failure counts as one, and a drain waits for it.
The app gets no lifespan events; whoever builds it has opened everything it needs.
"""

from __future__ import annotations

import logging

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

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


class Answered(Response):
    """What the function returns: the app has already sent everything."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        return None


async def answer(app: ASGIApp, request: Request) -> Response:
    """Let `app` answer the request of this invocation."""
    logging.getLogger("uvicorn.access").disabled = True  # the host already logs every invocation
    scope = {key: value for key, value in request.scope.items() if key in SCOPE_KEYS}
    # Starlette keeps the ASGI `send` private; a test under the real worker holds on to it.
    await app(scope, request.receive, request._send)
    return Answered()
