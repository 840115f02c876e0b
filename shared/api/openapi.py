"""The API described: what each route takes and gives, as OpenAPI; query parameters: `query`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from shared.json_types import Json
from shared.objects.described import model_of
from shared.objects.stored import StoredRecord

#: What can be described: our objects, and models of what is no object of the box.
Described = type[BaseModel] | type[StoredRecord]

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


class Deleted(BaseModel):
    """The answer to a delete."""

    id: str
    object: str
    deleted: bool


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of objects, as an answer."""

    item: Described


@dataclass(frozen=True, slots=True)
class Binary:
    """Bytes as an answer, `application/octet-stream`."""


@dataclass(frozen=True, slots=True)
class Form:
    """A multipart form, as a body: read part by part."""

    schema: Json
    #: Bytes of the file in it; a request that announces many more is refused unread.
    max_bytes: int | None = None
    #: Parts that it may have.
    max_parts: int = 20


@dataclass(frozen=True, slots=True)
class Passed:
    """A body or an answer that the model's provider defines, and the box passes on."""

    #: Content types.
    kinds: tuple[str, ...]


def documented(
    gives: Described | ListOf | Binary | Passed,
    takes: type[BaseModel] | Form | Passed | None,
    parameters: list[Json],
    *,
    optional_body: bool,
    streams: bool,
) -> dict[str, Any]:
    """What FastAPI is told about a route: its answer (or stream of events), its body, its query parameters."""
    extra: Json = {}
    if parameters:
        extra["parameters"] = parameters
    if isinstance(takes, Form):
        extra["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": takes.schema}}}
    elif isinstance(takes, Passed):
        extra["requestBody"] = {"required": True, "content": {kind: {"schema": {}} for kind in takes.kinds}}
    elif takes is not None:
        content = {"application/json": {"schema": _reference(takes)}}
        extra["requestBody"] = {"required": not optional_body, "content": content}
    errors = {"application/json": {"schema": _reference(ErrorBody)}}
    responses = {
        200: {"content": _contents(gives, streams=streams)},
        "4XX": {"description": "The client's mistake", "content": errors},
    }
    return {"response_model": None, "responses": responses, "openapi_extra": extra}


def _contents(gives: Described | ListOf | Binary | Passed, *, streams: bool) -> Json:
    if isinstance(gives, Passed):
        return {kind: {"schema": {}} for kind in gives.kinds}
    if isinstance(gives, Binary):
        return {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    contents: Json = {"application/json": {"schema": _reference(gives)}}
    if streams:
        contents["text/event-stream"] = {"schema": EVENT}
    return contents


def describe(app: FastAPI) -> Json:
    """The OpenAPI document, made on first use."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        components: Json = document.setdefault("components", {})
        components["schemas"] = components.get("schemas", {}) | _schemas()
        components["securitySchemes"] = dict(KEYS)
        document["servers"] = [{"url": "/", "description": "This box"}]
        document["security"] = [{name: []} for name in KEYS]
        _exemplify(document["paths"])
        app.openapi_schema = document
    return app.openapi_schema


def _exemplify(paths: Json) -> None:
    """Adds the recorded examples: bodies, answers, events of streams, errors."""
    for route, example in json.loads((Path(__file__).parent / "examples.json").read_text()).items():
        method, _, path = route.partition(" ")
        if path not in paths:  # routes that the settings do not open
            continue
        operation = paths[path][method.lower()]
        answers = {status: response.get("content", {}) for status, response in operation["responses"].items()}
        places = {
            "body": operation.get("requestBody", {}).get("content", {}).get("application/json"),
            "answer": answers["200"].get("application/json"),
            "events": answers["200"].get("text/event-stream"),
            "error": answers["4XX"].get("application/json"),
        }
        for kind, value in example.items():
            places[kind]["example"] = value


#: What routes take and give, by name. Their schemas are made with the document: making them takes a while.
_described: Final[dict[str, Described | ListOf]] = {}


def _reference(what: Described | ListOf) -> Json:
    name = f"{what.item.__name__}List" if isinstance(what, ListOf) else what.__name__
    _described[name] = what
    if isinstance(what, ListOf):
        _reference(what.item)
    return {"$ref": REF.format(model=name)}


def _schemas() -> Json:
    models = [
        model_of(each) if issubclass(each, StoredRecord) else each
        for each in _described.values()
        if not isinstance(each, ListOf)
    ]
    _, schema = models_json_schema([(each, "validation") for each in models], ref_template=REF)
    definitions: Json = schema["$defs"]
    lists = {name: _list_schema(each.item) for name, each in _described.items() if isinstance(each, ListOf)}
    return definitions | lists


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
