"""The directory finds for each request what Starlette's router would."""

from __future__ import annotations

import pytest
from pydantic import SecretStr
from starlette import routing
from starlette.requests import Request
from starlette.responses import Response

from shared.api.app import all_routes
from shared.api.directory import Directory, Endpoint, Pages, Route
from shared.config import Settings

ROUTES = all_routes(Settings(_env_file=None, box_admin_keys={"ann": SecretStr("unused")}))
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


def found_by_starlette(method: str, path: str) -> tuple[Endpoint, dict[str, str]] | None:
    scope = {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}
    for route in ROUTES:
        match, child = routing.Route(route.path, route.endpoint, methods=[route.method]).matches(scope)
        # Starlette answers HEAD where there is a GET; the API's own routes do not.
        is_asked = method == route.method or (method == "HEAD" and route.method == "GET" and route.declared is None)
        if match == routing.Match.FULL and is_asked:
            return route.endpoint, child["path_params"]
    return None


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PUT", "HEAD"])
def test_it_finds_what_starlette_finds(method: str) -> None:
    directory = Directory(ROUTES)
    answered = 0
    for path in paths():
        found = directory.find(method, path)
        assert found == found_by_starlette(method, path), path
        answered += found is not None
    assert answered > 5 or method == "PUT"


def route(path: str) -> Route:
    async def endpoint(request: Request, **parts: str) -> Response:
        return Response()

    return Route("GET", path, endpoint, "some", "")


def test_a_word_goes_before_an_argument_where_both_lead_somewhere() -> None:
    first, second, third = route("/a/b"), route("/a/{id}/{more}"), route("/a/{all:path}")
    directory = Directory([third, second, first])
    assert directory.find("GET", "/a/b") == (first.endpoint, {})
    assert directory.find("GET", "/a/b/c") == (second.endpoint, {"id": "b", "more": "c"})
    assert directory.find("GET", "/a/b/c/d") == (third.endpoint, {"all": "b/c/d"})
    assert directory.find("POST", "/a/b") is None


def test_a_path_that_ends_nowhere_is_not_found() -> None:
    directory = Directory([route("/a/b"), route("/a/{id}/{more}")])
    assert [directory.find("GET", path) for path in ("/a/b/", "/a", "/a/b/c/d", "/a//c")] == [None] * 4


def test_a_page_is_a_function_of_the_request_and_in_no_document() -> None:
    pages = Pages()

    @pages.post("/some/page")
    async def page(request: Request) -> Response:
        """A page."""
        return Response()

    (declared,) = pages.all
    assert (declared.name, declared.words, declared.declared) == ("page", "A page.", None)
    assert Directory(pages.all).find("POST", "/some/page") == (declared.endpoint, {})
