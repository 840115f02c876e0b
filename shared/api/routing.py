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
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from msgspec.structs import replace
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from shared.api import granted, when_busy
from shared.api.directory import Endpoint, Route
from shared.api.idempotency import KEY_PARAMETER, NAME, Repeatable, answer_once
from shared.api.json_body import body as json_body
from shared.api.multipart import FormPart, parts
from shared.api.openapi import Binary, Declaration, Described, Form, ListOf, Passed
from shared.api.query import Query
from shared.api.requests import caller
from shared.client_tokens import Grant
from shared.deps import Caller
from shared.errors import RateLimited, too_large
from shared.objects.client_token import Verb

Handler = Callable[..., Awaitable[Response]]
H = TypeVar("H", bound=Handler)

#: What a form may add to the size of the file in it.
FORM_BYTES: Final = 1024 * 1024


class Routes:
    """The routes of one resource."""

    def __init__(self, prefix: str, tag: str):
        self._prefix, self._tag = prefix, tag
        self.all: list[Route] = []

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
            arguments = inspect.signature(handler, eval_str=True).parameters
            takes = body or (arguments["body"].annotation if "body" in arguments else None)
            endpoint = _endpoint(handler, takes, query, streams=streams, verb=verb, repeatable=repeatable, waits=waits)
            parameters = [parameter for each in query for parameter in each.parameters]
            parameters += [] if repeatable is None else [KEY_PARAMETER]
            parameters += [when_busy.PARAMETER] if waits else []
            said = Declaration(self._tag, gives, takes, tuple(parameters), optional_body, streams)
            route = Route(method, self._prefix + path, endpoint, handler.__name__, inspect.getdoc(handler) or "", said)
            _check(handler, arguments, {*route.arguments, *(each.argument for each in query)}, said)
            self.all.append(route)
            return handler

        return add


def _check(handler: Handler, arguments: Mapping[str, object], named: set[str], said: Declaration) -> None:
    """Raises TypeError for a handler that takes other arguments than it will be called with."""
    given = {"caller", *named}
    if said.takes is not None:
        given.add("request" if isinstance(said.takes, Passed) else "body")
    if said.streams:
        given.add("driven")
    if given != {*arguments}:
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
) -> Endpoint:
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
            arguments["driven"] = request.app.driven

        asking, named = caller(request), dict(request.scope["headers"])
        if waits and when_busy.NAME in named and when_busy.is_to_wait(request):
            asking = replace(asking, waits=True)
        answer_caller = handler if grant is None else partial(_admitted, handler, grant)
        if repeatable is not None and NAME in named:
            response = await answer_once(repeatable, request, asking, answer_caller, arguments)
        else:
            response = await answer_caller(asking, **arguments)
        return response if grant is None else granted.shown(response)

    return endpoint


async def _admitted(handler: Handler, grant: Grant, caller: Caller, **arguments: Any) -> Response:
    """The answer to the bearer of a client token."""
    try:
        return await handler(await granted.admit(grant, caller, arguments), **arguments)
    except RateLimited as error:
        raise granted.refused(error) from error


def _parts(request: Request, form: Form) -> AsyncIterator[FormPart]:
    announced = request.headers.get("content-length", "")
    if form.max_bytes is not None and announced.isdecimal() and int(announced) > form.max_bytes + FORM_BYTES:
        raise too_large(form.max_bytes, int(announced))
    return parts(request, form.max_parts)
