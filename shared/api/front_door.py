"""What is at the box's bare address: browsers are led to the page, programs are told what this is.

Who looks at `/v1` in a browser is shown the API's description (`gateway.py`).
"""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Scope

from shared.api import playground
from shared.api.answers import answer
from shared.api.directory import Pages

pages = Pages()

PATHS: Final = ("/", "/docs", "/favicon.ico", "/robots.txt")
WHAT_THIS_IS: Final = {
    "name": "API-in-a-Box",
    "api": "/v1",
    "docs": "/v1/docs",
    "page": "/playground",
    "health": "/healthz",
}


def shows_pages(scope: Scope) -> bool:
    """Whether somebody looks at the address in a browser, by what it says it shows."""
    return scope["method"] in ("GET", "HEAD") and "text/html" in Headers(scope=scope).get("accept", "")


@pages.get("/")
async def root(request: Request) -> Response:
    """The page for browsers, one line of JSON for everyone else."""
    if shows_pages(request.scope):
        return RedirectResponse("/playground", 302)
    return answer(WHAT_THIS_IS)


@pages.get("/docs")
async def docs(request: Request) -> Response:
    """The way to the API's description, for those who look for it where others have theirs."""
    return RedirectResponse("/v1/docs", 302)


@pages.get("/favicon.ico")
async def icon(request: Request) -> Response:
    """The page's icon, which browsers ask for whatever page they show."""
    cached = {"Cache-Control": "max-age=86400"}
    return Response(playground.content("icon.svg"), headers=cached, media_type="image/svg+xml")


@pages.get("/robots.txt")
async def robots(request: Request) -> Response:
    """Nothing here is for crawlers."""
    return Response("User-agent: *\nDisallow: /\n", media_type="text/plain")
