"""The directory finds for each request what FastAPI's own router would."""

from __future__ import annotations

import pytest
from fastapi import APIRouter, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.routing import Match

from shared.api import (
    assistants,
    files,
    messages,
    models,
    runs,
    threads,
    uploads,
    vector_store_files,
    vector_stores,
)
from shared.api.directory import Directory

RESOURCES = (assistants, runs, threads, messages, files, uploads, vector_stores, vector_store_files, models)
ROUTES = [route for resource in RESOURCES for route in resource.routes.all()]
WORDS = {"thread_id": "thread_1", "run_id": "run_1", "model:path": "a/b"}


def paths() -> list[str]:
    """Those of all routes, and others like them."""
    found = {"/", "/v1", "/v1/nothing", "/v1/threads/runs/x/y", "/v1/threads//messages", "/v1/threads/a/runs/b/c/d/e"}
    for route in ROUTES:
        words = route.path.split("/")
        named = ["/".join(WORDS.get(word[1:-1], "x_1") if word.startswith("{") else word for word in words)]
        # A word of another route in place of an argument.
        named += ["/".join("runs" if word.startswith("{") else word for word in words)]
        found |= {each for path in named for each in (path, f"{path}/more", path.rpartition("/")[0])}
    return sorted(found)


def found_by_fastapi(method: str, path: str) -> tuple[object, dict[str, str]] | None:
    scope = {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}
    for route in ROUTES:
        match, child = route.matches(scope)
        if match == Match.FULL:
            return (None, {}) if ":" in route.path else (route.endpoint, child["path_params"])
    return None


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PUT"])
def test_it_finds_what_fastapi_finds(method):
    directory = Directory(ROUTES)
    answered = 0
    for path in paths():
        expected = found_by_fastapi(method, path)
        found = directory.find(method, path)
        assert found == (None if expected == (None, {}) else expected), path
        answered += found is not None
    assert answered > 5 or method == "PUT"


def test_a_word_goes_before_an_argument_where_both_lead_somewhere():
    router = APIRouter()

    async def first(request: Request) -> Response:
        return Response()

    async def second(request: Request) -> Response:
        return Response()

    router.add_api_route("/a/{id}/{more}", second)
    router.add_api_route("/a/b", first)
    directory = Directory(route for route in router.routes if isinstance(route, APIRoute))
    assert directory.find("GET", "/a/b") == (first, {})
    assert directory.find("GET", "/a/b/c") == (second, {"id": "b", "more": "c"})
    assert directory.find("GET", "/a/b/") is None
    assert directory.find("POST", "/a/b") is None
