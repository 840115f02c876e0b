"""A route is said once: a handler that contradicts its decorator is found when it is declared."""

from __future__ import annotations

import pytest
from starlette.responses import Response

from shared.api.document import describe
from shared.api.query import PAGE_QUERY
from shared.api.routing import Routes
from shared.deps import Caller
from shared.objects.thread import Thread
from shared.objects.thread_requests import CreateThread
from shared.paging import ListQuery


async def create(caller: Caller, body: CreateThread) -> Response:
    """Create a thread."""
    return Response(f"{caller.owner} {body}")


async def search(caller: Caller, thread_id: str, query: ListQuery) -> Response:
    """Search a thread."""
    return Response(f"{caller.owner} {thread_id} {query}")


def routes() -> Routes:
    return Routes("/v1/threads", "Threads")


def test_the_body_is_what_the_handler_is_annotated_with():
    resource = routes()
    resource.post("", gives=Thread)(create)
    (route,) = resource.all
    body = describe((route,))["paths"]["/v1/threads"]["post"]["requestBody"]
    assert body["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/CreateThread"}


def test_a_handler_keeps_its_name_and_words_in_the_document():
    resource = routes()
    assert resource.get("/{thread_id}/search", gives=Thread, query=[PAGE_QUERY])(search) is search
    (route,) = resource.all
    described = describe((route,))["paths"]["/v1/threads/{thread_id}/search"]["get"]
    assert (described["operationId"], described["description"]) == ("threads_search", "Search a thread.")
    assert (described["parameters"][0]["name"], described["parameters"][0]["in"]) == ("thread_id", "path")


@pytest.mark.parametrize(
    ("path", "query"), [("/{thread_id}/search", []), ("/search", [PAGE_QUERY]), ("/{run_id}/search", [PAGE_QUERY])]
)
def test_a_handler_that_takes_something_else_is_refused(path, query):
    with pytest.raises(TypeError, match=r"search of .* will be called with"):
        routes().get(path, gives=Thread, query=query)(search)


def test_a_handler_that_expects_no_stream_is_refused():
    with pytest.raises(TypeError, match="'driven'"):
        routes().post("", gives=Thread, streams=True)(create)
