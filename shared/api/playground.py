"""The playground: a page in the browser that uses this API. It is open to all; what it asks for needs a key."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from shared.api.answers import answer
from shared.api.directory import Pages
from shared.api.requests import caller
from shared.runs import trouble
from shared.tools.policy import verdict

pages = Pages()

FOLDER: Final = Path(__file__).parent.parent / "web"
TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
SCRIPTS: Final = (
    "api",
    "app",
    "approval",
    "assistant_settings",
    "assistants",
    "call_kinds",
    "calls",
    "code",
    "composer",
    "conversation",
    "docs",
    "drafts",
    "export",
    "files",
    "greeting",
    "indexing",
    "inspector",
    "journal",
    "library",
    "markdown",
    "messages",
    "requests",
    "runs",
    "search",
    "sign_in",
    "status",
    "stores",
    "text",
    "theme",
    "things",
    "thread_dialog",
    "threads",
    "timeline",
    "toolbar",
    "trace",
    "transcript",
    "trouble",
    "usage",
    "waiting",
)
#: Libraries, built by `make vendor`; mathematics is loaded by the first answer that has some, Swagger UI by /v1/docs.
VENDOR: Final = ("katex.js", "markdown.js", "swagger.css", "swagger.js")
#: Path -> file.
FILES: Final = {
    "/playground": "index.html",
    **{f"/playground/{name}": name for name in ("style.css", "icon.svg")},
    **{f"/playground/{name}.js": f"{name}.js" for name in SCRIPTS},
    **{f"/playground/vendor/{name}": f"vendor/{name}" for name in VENDOR},
}
#: What models write goes through a sanitiser, the one maker of markup; should that fail, these keep it from running or
#: calling home.
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types dompurify"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


async def page(request: Request) -> Response:
    """One of the page's files."""
    name = FILES[request.scope["path"]]
    return Response(content(name), headers=HEADERS, media_type=TYPES[Path(name).suffix])


for path in FILES:
    pages.get(path)(page)


@pages.get("/playground/server_tools")
async def server_tools(request: Request) -> Response:
    """The tools that this box runs itself for the caller, for the form of an assistant."""
    who = caller(request)
    allowed = who.deps.settings.server_tools_allowed
    tools = (tool for tool in who.deps.toolbox.values() if verdict(allowed, who.owner, tool.name) != "deny")
    return answer({"data": [{"name": tool.name, "description": tool.description} for tool in tools]})


@pages.get("/playground/troubled_runs")
async def troubled_runs(request: Request) -> Response:
    """The caller's runs that failed or stand still, in the threads that follow the one given as `after`."""
    return answer(await trouble.page(caller(request), request.query_params.get("after") or None))


@cache
def content(name: str) -> bytes:
    """The bytes of one of the page's files, read once."""
    return (FOLDER / name).read_bytes()
