"""Which function answers a request: looked up by method and path, in a fraction of the time of FastAPI's own search.

It knows the routes of the API whose parts are single words; pages, and what nobody answers, are left to FastAPI.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from fastapi.responses import Response
from fastapi.routing import APIRoute

Endpoint = Callable[..., Awaitable[Response]]


@dataclass(slots=True)
class _Place:
    """What may follow a beginning of a path."""

    #: By the next word.
    words: dict[str, _Place] = field(default_factory=dict)
    #: After any other word, which is an argument.
    other: _Place | None = None
    #: What answers a path that ends here, and the names of its arguments.
    endpoint: Endpoint | None = None
    names: tuple[str, ...] = ()


class Directory:
    """The functions of routes, each to be called with the request and the parts of its path."""

    def __init__(self, routes: Iterable[APIRoute]) -> None:
        self._methods: dict[str, _Place] = {}
        for route in routes:
            if ":" not in route.path:
                for method in route.methods or ():
                    self._add(self._methods.setdefault(method, _Place()), route)

    def find(self, method: str, path: str) -> tuple[Endpoint, dict[str, str]] | None:
        """The function and the named parts of the path, if it is here. A word of a route goes before an argument."""
        place = self._methods.get(method)
        return None if place is None else _found(place, path.split("/"), 1, ())

    def _add(self, place: _Place, route: APIRoute) -> None:
        names = []
        for word in route.path.split("/")[1:]:
            if word.startswith("{"):
                names.append(word[1:-1])
                place.other = place.other or _Place()
                place = place.other
            else:
                place = place.words.setdefault(word, _Place())
        if place.endpoint is None:  # the first of two wins, as with FastAPI
            place.endpoint, place.names = route.endpoint, tuple(names)


def _found(
    place: _Place, words: list[str], at: int, arguments: tuple[str, ...]
) -> tuple[Endpoint, dict[str, str]] | None:
    if at == len(words):
        return None if place.endpoint is None else (place.endpoint, dict(zip(place.names, arguments, strict=True)))
    word = words[at]
    named = place.words.get(word)
    if named is not None and (found := _found(named, words, at + 1, arguments)) is not None:
        return found
    return None if place.other is None or not word else _found(place.other, words, at + 1, (*arguments, word))
