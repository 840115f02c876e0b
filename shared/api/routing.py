"""A route, said once: its decorator names path, query and answer; the handler's signature names the body.

    @routes.post("/{thread_id}/runs", gives=Run, query=[INCLUDE], streams=True)
    async def create_run(
        caller: Caller, thread_id: str, body: CreateRun, include: list[str], driven: DrivenRuns
    ) -> Response:

From this follow the OpenAPI document and what the handler is called with, by keyword:

caller          who asks, always
*path*          each part of the path, as text
body            the JSON body as the request model it is annotated with, or the parts of a `form`
*query*         each declared query's value
driven          the runs that this host drives, if the route `streams`
request         instead of the body, if the route `passes` it on unread

A route that says its `verb` is open to bearers of client tokens who have that verb, as far as `granted.py` lets them;
all others are closed to them.

The body is read before the query. What is raised on the way is an error of `shared.errors`, answered by the gateway.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from typing import Any, Final, TypeVar, cast

from fastapi import APIRouter, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from msgspec.structs import replace
from pydantic import BaseModel

from shared.api import granted, when_busy
from shared.api.idempotency import HEADER, KEY_PARAMETER, Repeatable, answer_once
from shared.api.json_body import body as json_body
from shared.api.multipart import FormPart, parts
from shared.api.openapi import Binary, Described, Form, ListOf, Passed, documented
from shared.api.query import Query
from shared.api.requests import caller
from shared.deps import Caller
from shared.errors import RateLimited, too_large
from shared.objects.client_token import Verb

Handler = Callable[..., Awaitable[Response]]
H = TypeVar("H", bound=Handler)

#: What a form may add to the size of the file in it.
FORM_BYTES: Final = 1024 * 1024
PATH_PART: Final = re.compile(r"\{(\w+)")


class Direct(APIRoute):
    """A route whose function takes the request and the parts of its path, as texts. FastAPI still documents it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The function that answers a request."""
        endpoint = self.endpoint

        async def handle(request: Request) -> Response:
            response: Response = await endpoint(request, **request.path_params)
            return response

        return handle


class Routes:
    """The routes of one resource; `router` goes into the app."""

    def __init__(self, prefix: str, tag: str):
        self.router = APIRouter(prefix=prefix, tags=[tag], route_class=Direct)

    def all(self) -> list[APIRoute]:
        """Those that were declared."""
        return [route for route in self.router.routes if isinstance(route, APIRoute)]

    def get(
        self,
        path: str,
        *,
        gives: Described | ListOf | Binary,
        query: Sequence[Query] = (),
        verb: Verb | None = None,
    ) -> Callable[[H], H]:
        """A route that reads."""
        return self._route("GET", path, gives, query, verb=verb)

    def post(
        self,
        path: str,
        *,
        gives: Described | Passed,
        query: Sequence[Query] = (),
        form: Form | None = None,
        passes: Passed | None = None,
        optional_body: bool = False,
        streams: bool = False,
        verb: Verb | None = None,
        repeatable: Repeatable | None = None,
        waits: bool = False,
    ) -> Callable[[H], H]:
        """A route that creates, changes or does something. `streams`: the answer may be a stream of events, too.

        `repeatable`: it takes an `Idempotency-Key`. `waits`: it takes `When-Busy`.
        """
        how: dict[str, Any] = {"body": form or passes, "optional_body": optional_body, "streams": streams, "verb": verb}
        return self._route("POST", path, gives, query, repeatable=repeatable, waits=waits, **how)

    def delete(self, path: str, *, gives: Described, query: Sequence[Query] = ()) -> Callable[[H], H]:
        """A route that removes."""
        return self._route("DELETE", path, gives, query)

    def _route(
        self,
        method: str,
        path: str,
        gives: Described | ListOf | Binary | Passed,
        query: Sequence[Query] = (),
        *,
        body: Form | Passed | None = None,
        optional_body: bool = False,
        streams: bool = False,
        verb: Verb | None = None,
        repeatable: Repeatable | None = None,
        waits: bool = False,
    ) -> Callable[[H], H]:
        def add(handler: H) -> H:
            takes = body or _annotated_body(handler)
            path_parts = PATH_PART.findall(self.router.prefix + path)
            _check(handler, {"caller", *path_parts, *(each.argument for each in query)}, takes, streams=streams)
            endpoint = _endpoint(handler, takes, query, streams=streams, verb=verb, repeatable=repeatable, waits=waits)
            _show(endpoint, handler, path_parts)
            parameters = [parameter for each in query for parameter in each.parameters]
            parameters += [] if repeatable is None else [KEY_PARAMETER]
            parameters += [when_busy.PARAMETER] if waits else []
            described = documented(gives, takes, parameters, optional_body=optional_body, streams=streams)
            self.router.add_api_route(path, endpoint, methods=[method], **described)
            return handler

        return add


def _annotated_body(handler: Handler) -> type[BaseModel] | None:
    """The request model that the handler's `body` is annotated with, if it takes one."""
    body = inspect.signature(handler, eval_str=True).parameters.get("body")
    return None if body is None else cast("type[BaseModel]", body.annotation)


def _check(handler: Handler, given: set[str], takes: object, *, streams: bool) -> None:
    """Raises TypeError for a handler that takes other arguments than it will be called with."""
    if takes is not None:
        given = given | {"request" if isinstance(takes, Passed) else "body"}
    given = given | ({"driven"} if streams else set())
    if given != {*inspect.signature(handler).parameters}:
        raise TypeError(f"{handler.__name__} of {handler.__module__} will be called with {sorted(given)}")


def _endpoint(
    handler: Handler,
    takes: type[BaseModel] | Form | Passed | None,
    query: Sequence[Query],
    *,
    streams: bool,
    verb: Verb | None,
    repeatable: Repeatable | None,
    waits: bool,
) -> Callable[..., Awaitable[Response]]:
    """What is called with a request and the parts of its path."""

    async def endpoint(request: Request, **arguments: Any) -> Response:
        grant = request.scope["box"].grant
        if grant is not None:
            granted.check_route(grant, verb, arguments)
        if isinstance(takes, Form):
            arguments["body"] = _parts(request, takes)
        elif isinstance(takes, Passed):
            arguments["request"] = request
        elif takes is not None:
            arguments["body"] = await json_body(request, takes)
        for each in query:
            arguments[each.argument] = each.read(request)
        if streams:
            arguments["driven"] = request.app.state.driven

        async def answer_caller(caller: Caller, **arguments: Any) -> Response:
            if grant is None:
                return await handler(caller, **arguments)
            try:
                return await handler(await granted.admit(grant, caller, arguments), **arguments)
            except RateLimited as error:
                raise granted.refused(error) from error

        asking = caller(request)
        if waits and when_busy.is_to_wait(request):
            asking = replace(asking, waits=True)
        if repeatable is not None and HEADER in request.headers:
            response = await answer_once(repeatable, request, asking, answer_caller, arguments)
        else:
            response = await answer_caller(asking, **arguments)
        return response if grant is None else granted.shown(response)

    return endpoint


def _parts(request: Request, form: Form) -> AsyncIterator[FormPart]:
    announced = request.headers.get("content-length", "")
    if form.max_bytes is not None and announced.isdecimal() and int(announced) > form.max_bytes + FORM_BYTES:
        raise too_large(form.max_bytes, int(announced))
    return parts(request, form.max_parts)


def _show(endpoint: Callable[..., Awaitable[Response]], handler: Handler, path_parts: Sequence[str]) -> None:
    """Let FastAPI see the handler's name and words, and the parts of the path."""
    taken = {"request": Request, **dict.fromkeys(path_parts, str)}
    kind = inspect.Parameter.KEYWORD_ONLY
    signature = inspect.Signature([inspect.Parameter(name, kind, annotation=each) for name, each in taken.items()])
    vars(endpoint).update(__signature__=signature)
    endpoint.__name__, endpoint.__doc__ = handler.__name__, handler.__doc__
