"""Routes, and which of them answers a request: looked up by method and path, word by word."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import wraps
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from shared.api.openapi import Declaration
from shared.errors import Forbidden

#: Called with the request and, by name, the parts of its path.
Endpoint = Callable[..., Awaitable[Response]]
Page = Callable[[Request], Awaitable[Response]]

#: What bearers of client tokens are told of a route that is not open to them.
CLOSED: Final = "This is a client token: it does not open this route."
ARGUMENT: Final = re.compile(r"\{(?P<name>\w+)(?P<rest>:path)?\}")


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """What answers at a path, whose arguments are single words, `{thread_id}`, or all that follows, `{model:path}`."""

    method: str
    path: str
    endpoint: Endpoint
    #: Of the function that says what happens.
    name: str
    words: str
    #: What the API's document says of it besides; None: nothing at all, it is a page.
    declared: Declaration | None = None

    @property
    def arguments(self) -> tuple[str, ...]:
        """The names of the path's parts that are arguments."""
        return tuple(each["name"] for each in ARGUMENT.finditer(self.path))


class Pages:
    """Routes beside the API, each declared by the decorator of a function of the request alone."""

    def __init__(self) -> None:
        self.all: list[Route] = []

    def get(self, path: str) -> Callable[[Page], Page]:
        """A page that is read."""
        return self._page("GET", path)

    def post(self, path: str) -> Callable[[Page], Page]:
        """A page that is sent something."""
        return self._page("POST", path)

    def _page(self, method: str, path: str) -> Callable[[Page], Page]:
        def add(page: Page) -> Page:
            self.all.append(Route(method, path, _without_grant(page), page.__name__, inspect.getdoc(page) or ""))
            return page

        return add


def _without_grant(page: Page) -> Page:
    """The page for those who come with a key, or with nothing: it is none of the routes that a client token opens."""

    @wraps(page)
    async def endpoint(request: Request) -> Response:
        if request.scope["box"].grant is not None:
            raise Forbidden(CLOSED, code="insufficient_permissions")
        return await page(request)

    return endpoint


@dataclass(slots=True)
class _Place:
    """What may follow a beginning of a path."""

    #: By the next word.
    words: dict[str, _Place] = field(default_factory=dict)
    #: After any other word, which is an argument.
    other: _Place | None = None
    #: After any other words, which are one argument.
    rest: _Place | None = None
    #: What answers a path that ends here, and the names of its arguments.
    endpoint: Endpoint | None = None
    names: tuple[str, ...] = ()


Found = tuple[Endpoint, dict[str, str]]


class Directory:
    """The functions of routes, each to be called with the request and the parts of its path."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._methods: dict[str, _Place] = {}
        for route in routes:
            self._add(self._methods.setdefault(route.method, _Place()), route)
            if route.declared is None and route.method == "GET":
                # Load balancers and browsers ask it of pages; of the API's routes it is unknown. Servers send no body.
                self._add(self._methods.setdefault("HEAD", _Place()), route)

    def find(self, method: str, path: str) -> Found | None:
        """The function and the named parts of the path, if there is one. A word of a route goes before an argument."""
        place = self._methods.get(method)
        return None if place is None else _found(place, path.split("/"), 1, ())

    def _add(self, place: _Place, route: Route) -> None:
        for word in route.path.split("/")[1:]:
            argument = ARGUMENT.fullmatch(word)
            if argument is None:
                place = place.words.setdefault(word, _Place())
            elif argument["rest"]:
                place.rest = place.rest or _Place()
                place = place.rest
            else:
                place.other = place.other or _Place()
                place = place.other
        if place.endpoint is None:  # the first of two wins
            place.endpoint, place.names = route.endpoint, route.arguments


def _found(place: _Place, words: list[str], at: int, arguments: tuple[str, ...]) -> Found | None:
    while at < len(words):
        word = words[at]
        named, other = place.words.get(word), place.other if word else None
        if place.rest is not None or (named is not None and other is not None):
            return _found_in_one_of(place, words, at, arguments)
        if named is None and other is not None:
            place, arguments = other, (*arguments, word)
        elif named is not None:
            place = named
        else:
            return None
        at += 1
    return None if place.endpoint is None else (place.endpoint, dict(zip(place.names, arguments, strict=True)))


def _found_in_one_of(place: _Place, words: list[str], at: int, arguments: tuple[str, ...]) -> Found | None:
    """Where more than one way leads on: the first that leads to a route."""
    word = words[at]
    named = place.words.get(word)
    if named is not None and (found := _found(named, words, at + 1, arguments)) is not None:
        return found
    if place.other is not None and word and (found := _found(place.other, words, at + 1, (*arguments, word))):
        return found
    return None if place.rest is None else _found(place.rest, words, len(words), (*arguments, "/".join(words[at:])))
