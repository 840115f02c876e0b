"""The API described: what each route takes and gives, as OpenAPI."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, Field, create_model

from shared.objects.common import ApiObject, Json

REF: Final = "#/components/schemas/{model}"

KEYS: Final = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "apiKey": {"type": "apiKey", "in": "header", "name": "api-key"},
}


class ErrorDetail(BaseModel):
    """What went wrong."""

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


def parameter(name: str, schema: Json, description: str) -> Json:
    """A query parameter."""
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


def paging(max_limit: int = 100, default: int = 20) -> list[Json]:
    """The parameters of every list."""
    limits = {"type": "integer", "minimum": 1, "maximum": max_limit, "default": default}
    orders = {"type": "string", "enum": ["asc", "desc"], "default": "desc"}
    return [
        parameter("limit", limits, "How many objects to return."),
        parameter("order", orders, "By creation time, newest first unless `asc`."),
        parameter("after", {"type": "string"}, "The id after which the page begins."),
        parameter("before", {"type": "string"}, "The id before which the page ends."),
    ]


def documented(
    returns: type[BaseModel],
    takes: type[BaseModel] | None = None,
    query: list[Json] | None = None,
    *,
    optional_body: bool = False,
    streams: bool = False,
) -> dict[str, Any]:
    """Arguments for a route's decorator: its answer (or stream of events), its JSON body, its query parameters."""
    answers: dict[int | str, dict[str, Any]] = {200: {"model": returns}, "4XX": {"model": ErrorBody}}
    if streams:
        answers[200]["content"] = {"text/event-stream": {"schema": {"type": "string"}}}
    extra: Json = {}
    if query:
        extra["parameters"] = query
    if takes is not None:
        schema = takes.model_json_schema(ref_template=REF)
        extra["requestBody"] = {"required": not optional_body, "content": {"application/json": {"schema": schema}}}
    return {"response_model": None, "responses": answers, "openapi_extra": extra}


def list_of(item: type[ApiObject]) -> type[BaseModel]:
    """The list of such objects."""
    return create_model(
        f"{item.__name__}List",
        object=(str, "list"),
        data=(list[item], Field(default_factory=list)),  # type: ignore[valid-type]
        first_id=(str | None, None),
        last_id=(str | None, None),
        has_more=(bool, False),
    )


def describe(app: FastAPI) -> Json:
    """The OpenAPI document, made on first use."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        components: Json = document.setdefault("components", {})
        schemas: Json = components.setdefault("schemas", {})
        for body in _json_bodies(document):
            schema = body["schema"]
            schemas.update(schema.pop("$defs", {}))
            schemas[schema["title"]] = schema
            body["schema"] = {"$ref": REF.format(model=schema["title"])}
        components["securitySchemes"] = dict(KEYS)
        document["security"] = [{name: []} for name in KEYS]
        app.openapi_schema = document
    return app.openapi_schema


def _json_bodies(document: Mapping[str, Any]) -> Iterator[Json]:
    for operations in document["paths"].values():
        for operation in operations.values():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if body is not None:
                yield body
