"""A request to somebody's API, made from the arguments of a model: to checked addresses, with a bounded answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import quote

from shared.json_types import Json
from shared.objects.openapi_document import FORM, ApiOperation, Parameter, is_json
from shared.tools import reach
from shared.tools.base import ToolFailure, Unanswered, cut, discreet
from shared.tools.charsets import decoded
from shared.tools.values import as_json

#: Seconds of a call, and bytes of an answer.
ANSWER_SECONDS: Final = 60.0
MOST_BYTES: Final = 4_000_000
#: Parameters of a query that are secrets, by their names: the others, such as a version, may stand in an answer.
SECRET: Final = re.compile(r"sig|key|code|token|secret|pass", re.IGNORECASE)
#: The name of the body among the arguments.
BODY: Final = "body"


def arguments_schema(operation: ApiOperation) -> Json:
    """What a model must give to call the operation."""
    properties = {name: each.schema for name, each in named(operation).items()}
    required = [name for name, each in named(operation).items() if each.required]
    if operation.media_type is not None:
        properties[BODY] = operation.body
        required += [BODY] if operation.body_required else []
    return {"type": "object", "properties": properties, "required": required}


def named(operation: ApiOperation) -> dict[str, Parameter]:
    """The parameters by the names that models know: their own, or with their place, where two are called the same."""
    found: dict[str, Parameter] = {}
    for each in operation.parameters:
        taken = each.name in found or (each.name == BODY and operation.media_type is not None)
        found[f"{each.place}_{each.name}" if taken else each.name] = each
    return found


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the operator lets a request carry."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)


def without_credentials(operation: ApiOperation, query: Collection[str]) -> ApiOperation:
    """The operation as a model is shown it: what the operator says in the query, nobody is asked for."""
    kept = [each for each in operation.parameters if each.place != "query" or each.name not in query]
    return replace(operation, parameters=kept)


async def request(
    operation: ApiOperation,
    arguments: Json,
    credentials: Credentials,
    trusted: Collection[str],
    resolve: reach.Resolve = reach.resolve,
) -> str:
    """What the API answers, as text. Raises ToolFailure if it does not do it, Unanswered if nobody knows."""
    import httpx2

    try:
        made = _made(operation, arguments)
    except (ValueError, RecursionError) as error:
        raise ToolFailure("the arguments cannot be sent") from error
    try:
        await reach.hop(httpx2.URL(made["url"]), resolve, trusted)
        client = reach.client(trusted, MOST_BYTES, resolve, credentials.query, timeout=ANSWER_SECONDS)
        async with asyncio.timeout(ANSWER_SECONDS), client:
            response = await client.request(**made | {"headers": {**made["headers"], **credentials.headers}})
    except (TimeoutError, httpx2.TimeoutException) as error:
        raise Unanswered(f"the API did not answer within {ANSWER_SECONDS:g} seconds") from error
    except (httpx2.ConnectError, httpx2.InvalidURL, httpx2.LocalProtocolError, ValueError, RecursionError) as error:
        raise ToolFailure(reach.told(error, "the API") or f"the API was not reached: {type(error).__name__}") from error
    except httpx2.HTTPError as error:
        raise Unanswered(reach.told(error, "the API") or f"the API did not answer: {type(error).__name__}") from error
    secrets = [value for name, value in credentials.query.items() if SECRET.search(name)]
    text = discreet(_text_of(response), [*credentials.headers.values(), *secrets])
    if response.status_code >= 300:
        raise ToolFailure(f"HTTP {response.status_code}: {text}")
    return text


def _made(operation: ApiOperation, arguments: Json) -> dict[str, Any]:
    """The request. Raises ToolFailure for arguments that cannot be."""
    url, query, headers, cookies = operation.url, list[tuple[str, str]](), dict[str, str](), dict[str, str]()
    for name, parameter in named(operation).items():
        value = arguments.get(name)
        if value is None:
            if parameter.required:
                raise ToolFailure(f"'{name}' is missing")
        elif parameter.place == "path":
            text = _text(value)
            if text in ("", ".", ".."):
                raise ToolFailure(f"'{name}' cannot be '{text}'")
            url = url.replace(f"{{{parameter.name}}}", quote(text, safe=""))
        elif parameter.place == "query":
            values = value if isinstance(value, list) else [value]
            query += [(parameter.name, _text(each)) for each in values]
        else:
            (headers if parameter.place == "header" else cookies)[parameter.name] = _text(value)
    made: dict[str, Any] = {"method": operation.method, "url": url, "headers": headers}
    if query:
        made["params"] = query
    if cookies:
        headers["Cookie"] = "; ".join(f"{name}={quote(value, safe='')}" for name, value in cookies.items())
    body = _body(operation, arguments.get(BODY))
    if "content" in body:
        headers["Content-Type"] = str(operation.media_type)
    return made | body


def _body(operation: ApiOperation, body: Any) -> dict[str, Any]:
    if operation.media_type is None or (body is None and not operation.body_required):
        return {}
    if body is None:
        raise ToolFailure(f"'{BODY}' is missing")
    if is_json(operation.media_type):
        return {"json": body}
    if operation.media_type == FORM and isinstance(body, dict):
        return {"data": {name: _text(value) for name, value in body.items()}}
    return {"content": _text(body).encode()}


def _text(value: Any) -> str:
    """A value as it stands in a URL or a header."""
    return value if isinstance(value, str) else as_json(value)


def _text_of(response: Any) -> str:
    """The answer's body, or what it is."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not response.content:
        return f"[HTTP {response.status_code}, no content]"
    if not (is_json(kind) or kind.startswith("text/") or kind in ("application/xml", "application/yaml", FORM)):
        return f"[{kind or 'unknown type'}, {len(response.content)} bytes: not shown]"
    return cut(decoded(response.content, response.charset_encoding))
