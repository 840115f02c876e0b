"""The API's description for people and programs, and the sign of life. No key needed, nothing loaded from elsewhere."""

from __future__ import annotations

import json
from html import escape
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from shared.api.answers import answer
from shared.api.openapi import describe
from shared.json_types import Json

router = APIRouter(include_in_schema=False)

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
}

DOCS_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><link rel="icon" href="/playground/icon.svg"><style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }}
code, pre {{ font: 14px/1.4 ui-monospace, monospace; }}
summary {{ cursor: pointer; padding: .25rem 0; }}
[id] {{ scroll-margin-top: 3.5rem; }}
summary b {{ display: inline-block; width: 5rem; }}
details > * + * {{ margin-left: 1.5rem; }}
pre {{ overflow: auto; background: #8881; padding: .75rem; border-radius: 6px; }}
table {{ border-collapse: collapse; }} td {{ padding: .1rem 1rem .1rem 0; vertical-align: top; }}
:root {{ color-scheme: light dark; }}
</style></head><body><h1>{title}</h1><p>{description}</p>
<p>The same as <a href="openapi.json">OpenAPI</a>.</p>{routes}<h2>Schemas</h2>{schemas}</body></html>
"""


@router.get("/v1/openapi.json")
async def openapi(request: Request) -> Response:
    """The OpenAPI document."""
    return answer(describe(request.app))


@router.get("/v1/docs")
async def docs(request: Request) -> Response:
    """The OpenAPI document as a page."""
    return HTMLResponse(page(describe(request.app)), headers=HEADERS)


def page(document: Json) -> str:
    """The page: routes by resource, then schemas."""
    groups: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            group = groups.setdefault(operation.get("tags", ["More"])[0], [])
            group.append(_route(method.upper(), path, operation))
    routes = "".join(f"<h2>{escape(name)}</h2>{''.join(group)}" for name, group in groups.items())
    # A link to something inside of closed details opens them; one to the details themselves does not.
    schemas = "".join(
        f"<details><summary><code>{escape(name)}</code></summary>"
        f'<pre id="{escape(name)}">{_text(schema)}</pre></details>'
        for name, schema in sorted(document["components"]["schemas"].items())
    )
    info = document["info"]
    return DOCS_PAGE.format(
        title=escape(info["title"]), description=escape(info.get("description", "")), routes=routes, schemas=schemas
    )


def _route(method: str, path: str, operation: Json) -> str:
    text = escape(operation.get("description", ""))
    head = f"<summary><b>{method}</b> <code>{escape(path)}</code> {text}</summary>"
    rows = "".join(
        f"<tr><td><code>{escape(each['name'])}</code></td><td>{escape(each['in'])}</td>"
        f"<td>{escape(each.get('description', ''))}</td></tr>"
        for each in operation.get("parameters", ())
    )
    bodies = "".join(
        f"<p>Body: {escape(kind)} {_link(content['schema'])}</p>"
        for kind, content in operation.get("requestBody", {}).get("content", {}).items()
    )
    answers = "".join(
        f"<p>{escape(status)}: {escape(kind)} {_link(content['schema'])}</p>"
        for status, response in operation.get("responses", {}).items()
        for kind, content in response.get("content", {}).items()
    )
    return f"<details>{head}<table>{rows}</table>{bodies}{answers}</details>"


def _link(schema: Json) -> str:
    if "$ref" not in schema:
        return _pre(schema)
    name = escape(schema["$ref"].rpartition("/")[2])
    return f'<a href="#{name}"><code>{name}</code></a>'


def _pre(schema: Any) -> str:
    return f"<pre>{_text(schema)}</pre>"


def _text(schema: Any) -> str:
    return escape(json.dumps(schema, indent=1))
