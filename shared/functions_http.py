"""The Functions worker's server for HTTP: it hands requests over as they come, and takes answers as streams.

The worker asks the module that subclassed `base.WebApp` for the two classes of these names. Microsoft's own one, for
FastAPI, loads that library into each cold start.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import uvicorn
from azurefunctions.extensions import base
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

__all__ = ["Request", "Response", "WebApp", "WebServer"]

METHODS: Final = ("GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE")


class RouteParameters(base.RequestSynchronizer):  # type: ignore[misc]
    """What the host found in the path goes into the request."""

    def sync_route_params(self, request: Request, path_params: Mapping[str, str]) -> None:
        """Replace what this server has found."""
        request.path_params.clear()
        request.path_params.update(path_params)


class RequestType(metaclass=base.RequestTrackerMeta):  # type: ignore[metaclass]
    """What functions are given."""

    request_type = Request
    synchronizer = RouteParameters()


class ResponseType(metaclass=base.ResponseTrackerMeta):  # type: ignore[metaclass]
    """What functions return."""

    label = base.ResponseLabels.STANDARD
    response_type = Response


class WebApp(base.WebApp):  # type: ignore[misc]
    """One function of the worker's answers all paths."""

    def route(self, func: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """Let this function answer every path."""
        self._app = Starlette(routes=[Route("/{path:path}", func, methods=METHODS)])
        return func

    def get_app(self) -> Starlette:
        """The ASGI app that holds the function."""
        return self._app


class WebServer(base.WebServer):  # type: ignore[misc]
    """Listens where the worker says."""

    async def serve(self) -> None:
        """Serve until the worker ends."""
        await uvicorn.Server(uvicorn.Config(self.web_app, host=self.hostname, port=self.port)).serve()
