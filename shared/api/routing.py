"""How a route calls its function: directly. Bodies and queries are read by `requests`; there is nothing to resolve."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute


class Direct(APIRoute):
    """A route whose function takes the request and the parts of its path, as texts. FastAPI still documents it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The function that answers a request."""
        endpoint = self.endpoint

        async def handle(request: Request) -> Response:
            response: Response = await endpoint(request, **request.path_params)
            return response

        return handle


def resource(prefix: str, tag: str) -> APIRouter:
    """The router of a resource."""
    return APIRouter(prefix=prefix, tags=[tag], route_class=Direct)
