"""The API's description for people and programs. No key needed to read it, nothing loaded from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from shared.api.answers import answer
from shared.api.directory import Pages
from shared.api.document import describe

pages = Pages()

DOCS_PAGE: Final = Path(__file__).parent.parent / "web/docs.html"

#: Swagger UI shows icons that stand in its style sheet as data; what it writes of our texts it sanitises itself.
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


@pages.get("/v1/openapi.json")
async def openapi(request: Request) -> Response:
    """The OpenAPI document."""
    return answer(describe(request.app.routes))


@pages.get("/v1/docs")
async def docs(request: Request) -> Response:
    """The OpenAPI document as a page on which every call can be tried."""
    return HTMLResponse(DOCS_PAGE.read_bytes(), headers=HEADERS)
