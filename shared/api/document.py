"""The OpenAPI document, written from the routes' declarations on first use; the models describe themselves."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from shared.api.directory import Route
from shared.api.openapi import Binary, Declaration, Described, Form, ListOf, Passed
from shared.json_types import Json
from shared.objects.described import model_of
from shared.objects.stored import StoredRecord

INFO: Final = {
    "title": "API-in-a-Box",
    "description": "The Assistants API, served from your own box.",
    "version": "0.1.0",
}

#: One event of a stream; what `data` holds depends on `event`.
EVENT: Final = {
    "type": "object",
    "properties": {"event": {"type": "string"}, "data": {"type": "string"}},
    "required": ["event", "data"],
}

REF: Final = "#/components/schemas/{model}"

KEYS: Final = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "apiKey": {"type": "apiKey", "in": "header", "name": "api-key"},
}


class ErrorDetail(BaseModel):
    """The four fields of every error, as the hosted API has them; see docs/contract.md, Errors."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(BaseModel):
    """The envelope of every error."""

    error: ErrorDetail


@cache
def describe(routes: tuple[Route, ...]) -> Json:
    """The document of these routes; pages are not in it."""
    paths: Json = {}
    for route in routes:
        if route.declared is not None:
            path = route.path.replace(":path}", "}")
            paths.setdefault(path, {})[route.method.lower()] = _operation(route, route.declared)
    _exemplify(paths)
    declared = [route.declared for route in routes if route.declared is not None]
    return {
        "openapi": "3.1.0",
        "info": INFO,
        "paths": paths,
        "components": {"schemas": _schemas(declared), "securitySchemes": KEYS},
        "servers": [{"url": "/", "description": "This box"}],
        "security": [{name: []} for name in KEYS],
    }


def _operation(route: Route, said: Declaration) -> Json:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "title": _title(name)}}
        for name in route.arguments
    ]
    operation: Json = {
        "tags": [said.tag],
        "summary": _title(route.name),
        "description": route.words,
        "operationId": f"{said.tag}_{route.name}".lower().replace(" ", "_"),
        "parameters": [*in_path, *said.parameters],
        "requestBody": _body(said),
        "responses": {
            "200": {"description": "Successful Response", "content": _contents(said)},
            "4XX": {
                "description": "The client's mistake",
                "content": {"application/json": {"schema": _reference(ErrorBody)}},
            },
        },
    }
    return {name: value for name, value in operation.items() if value}


def _title(name: str) -> str:
    return name.replace("_", " ").title()


def _body(said: Declaration) -> Json:
    """What the request brings; empty: nothing."""
    if said.takes is None:
        return {}
    if isinstance(said.takes, Form):
        content: Json = {"multipart/form-data": {"schema": said.takes.schema}}
    elif isinstance(said.takes, Passed):
        content = {kind: {"schema": {}} for kind in said.takes.kinds}
    else:
        content = {"application/json": {"schema": _reference(said.takes)}}
    return {"required": not said.optional_body, "content": content}


def _contents(said: Declaration) -> Json:
    if isinstance(said.gives, Passed):
        return {kind: {"schema": {}} for kind in said.gives.kinds}
    if isinstance(said.gives, Binary):
        return {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    contents: Json = {"application/json": {"schema": _reference(said.gives)}}
    if said.streams:
        contents["text/event-stream"] = {"schema": EVENT}
    return contents


def _exemplify(paths: Json) -> None:
    """Adds the recorded examples: bodies, answers, events of streams, errors."""
    for route, example in json.loads((Path(__file__).parent / "examples.json").read_text()).items():
        method, _, path = route.partition(" ")
        operation = paths.get(path, {}).get(method.lower())
        if operation is None:  # a route that the settings do not open
            continue
        answers = {status: response.get("content", {}) for status, response in operation["responses"].items()}
        places = {
            "body": operation.get("requestBody", {}).get("content", {}).get("application/json"),
            "answer": answers["200"].get("application/json"),
            "events": answers["200"].get("text/event-stream"),
            "error": answers["4XX"].get("application/json"),
        }
        for kind, value in example.items():
            places[kind]["example"] = value


def _reference(what: Described | ListOf) -> Json:
    return {"$ref": REF.format(model=_name(what))}


def _name(what: Described | ListOf) -> str:
    return f"{what.item.__name__}List" if isinstance(what, ListOf) else what.__name__


def _schemas(declared: Iterable[Declaration]) -> Json:
    """The schemas of what these take and give, by name."""
    named = [ErrorBody, *(each for said in declared for each in (said.takes, said.gives))]
    lists = [each for each in named if isinstance(each, ListOf)]
    described = [each for each in (*named, *(each.item for each in lists)) if isinstance(each, type)]
    models = [model_of(each) if issubclass(each, StoredRecord) else each for each in dict.fromkeys(described)]
    _, schema = models_json_schema([(each, "validation") for each in models], ref_template=REF)
    definitions: Json = schema["$defs"]
    return definitions | {_name(each): _list_schema(each.item) for each in lists}


def _list_schema(item: Described) -> Json:
    identifier = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    properties = {
        "object": {"const": "list", "type": "string"},
        "data": {"type": "array", "items": _reference(item)},
        "first_id": identifier,
        "last_id": identifier,
        "has_more": {"type": "boolean"},
    }
    return {"type": "object", "properties": properties, "required": [*properties]}
