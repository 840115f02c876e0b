"""What a stream has told of its items, and where the finished response has them.

OpenAI's last event repeats the items, each at the place that it had in the stream. Other servers leave out what was
said before a call, count in another way, give an item a new id with each event, or repeat nothing.
"""

from __future__ import annotations

import json
from itertools import count
from typing import Final

from shared.json_types import Json
from shared.llm import base

MESSAGE: Final = "message"
CALL: Final = "function_call"


class Told:
    """The items of one stream, by the numbers under which they are told of."""

    def __init__(self) -> None:
        #: Item id -> number. Not every server counts its items: some give all of them the same index.
        self._numbers: dict[str, int] = {}
        #: Index of the server's -> number of the newest item that is there.
        self._newest: dict[int, int] = {}
        #: Number -> type.
        self._kinds: dict[int, str] = {}
        #: Finished items by number.
        self._items: dict[int, Json] = {}
        #: Number -> what was said in a message; whether as a refusal, and by the ends of its texts alone.
        self._said: dict[int, list[str]] = {}
        self._refused: set[int] = set()
        self._by_ends: set[int] = set()
        #: Calls as they began, with their arguments once they are whole.
        self._calls: dict[int, Json] = {}
        #: The numbers of which clients know, in order.
        self._known: dict[int, None] = {}

    def __bool__(self) -> bool:
        """Whether there was any item."""
        return bool(self._kinds)

    def number(self, event: Json, kind: str) -> int:
        """The number of the item of this type that the event is about: the server's index, unless that is taken.

        An id that was not announced is that of the newest item there, if that is of the type and not finished.
        """
        index: int = event.get("output_index") or 0
        item = event.get("item") or {}
        # llama.cpp's calls have none: there deltas name the call's id.
        item_id = event.get("item_id") or item.get("id") or item.get("call_id")
        if item_id is None:
            self._kinds.setdefault(index, kind)
            return index
        if item_id not in self._numbers:
            newest = self._newest.get(index)
            is_new = event["type"] == "response.output_item.added" or newest is None or newest in self._items
            if newest is None or is_new or self._kinds[newest] != kind:
                newest = max(self._kinds) + 1 if index in self._kinds else index
                self._newest[index], self._kinds[newest] = newest, kind
            self._numbers[item_id] = newest
        return self._numbers[item_id]

    def say(self, number: int, text: str, *, refusal: bool = False, in_pieces: bool = True) -> None:
        """Clients are told this text of a message."""
        if number not in self._said:
            self._said[number], self._known[number] = [], None
            if not in_pieces:
                self._by_ends.add(number)
        self._said[number].append(text)
        if refusal:
            self._refused.add(number)

    def has_heard(self, number: int) -> bool:
        """Whether a message's texts are told in pieces, and so not at their ends."""
        return number in self._said and number not in self._by_ends

    def show(self, number: int, call: Json | None = None) -> None:
        """Clients are told of an item, or of a call that begins."""
        self._known[number] = None
        if call is not None:
            self._calls[number] = call | {"arguments": None}

    def complete(self, number: int, arguments: str) -> None:
        """A call's arguments are whole; there may be no other word of it."""
        if number in self._calls:
            self._calls[number] = self._calls[number] | {"arguments": arguments}

    def knows(self, number: int) -> bool:
        """Whether clients are told of an item."""
        return number in self._known

    def finish(self, number: int, item: Json) -> None:
        """The item is finished."""
        self._items[number] = item

    @property
    def items(self) -> list[Json]:
        """The finished items, for servers whose last event does not repeat them."""
        return [item for _, item in sorted(self._items.items())]

    def fitted(self, items: list[Json]) -> tuple[list[Json], dict[int, int]]:
        """The response's items with those that it lacks, and number -> place for those that clients know.

        Without places, all numbers are the places.
        """
        known = {number: item for number in self._known if (item := self._item(number)) is not None}
        places = _places(items, known)
        for number, place in places.items():
            if _is_rest_of(items[place], known[number]):
                items = [*items[:place], items[place] | {"content": known[number]["content"]}, *items[place + 1 :]]
        if all(places.get(number) == number for number in known):
            return items, {}
        items, before = [*items], len(items)
        for number, item in reversed(known.items()):
            if number not in places:
                places = {each: place + (place >= before) for each, place in places.items()}
                items.insert(before, item)
                places[number] = before
            before = places[number]
        return items, places

    def untold(self, items: list[Json], places: dict[int, int]) -> list[tuple[int, Json]]:
        """Number and item of what comes behind all that clients know of; `places` are those of `fitted`."""
        first = max(places.values() if places else self._known, default=-1) + 1
        numbers = count(max([*self._kinds, *places], default=-1) + 1) if places else count(first)
        found = list(zip(numbers, items[first:], strict=False))
        if places:
            places |= {number: first + place for place, (number, _) in enumerate(found)}
        return found

    def _item(self, number: int) -> Json | None:
        """The item as it was told; None for a call that is not whole. What clients saw as a message is one."""
        item = self._items.get(number)
        if number in self._calls and item is None:
            call = self._calls[number]
            return None if call["arguments"] is None else call
        if number not in self._said or (item is not None and item["type"] == MESSAGE and _says_something(item)):
            return item
        text = "".join(self._said[number])
        part = {"type": "output_text", "text": text, "annotations": []}
        if number in self._refused:
            part = {"type": "refusal", "refusal": text}
        return {"type": MESSAGE, "role": "assistant", "content": [part]}


def _says_something(message: Json) -> bool:
    return any(part.get("text") or part.get("refusal") for part in message["content"])


def _is_rest_of(item: Json, told: Json) -> bool:
    """Whether the response has but the end of a message, or nothing of it, as vLLM's had for a while."""
    if item["type"] != MESSAGE or item["content"] == told["content"]:
        return False
    here, there = ("".join(part.get("text", "") for part in each["content"]) for each in (item, told))
    return len(here) < len(there) and there.endswith(here)


def _places(items: list[Json], known: dict[int, Json]) -> dict[int, int]:
    """Number -> place: those of a type in their order. Where the response has fewer of them, it lacks the first."""
    places: dict[int, int] = {}
    for kind in {item["type"] for item in known.values()}:
        ours = [number for number, item in known.items() if item["type"] == kind]
        theirs = [place for place, item in enumerate(items) if item["type"] == kind]
        places |= zip(ours[max(0, len(ours) - len(theirs)) :], theirs, strict=False)
    return places


def well_formed(item: Json) -> Json:
    """An item of a finished response as its readers take it. Raises ValueError, LookupError, TypeError, AttributeError.

    Whatever is stored, told to clients or sent back to the model of it is of the type that they expect.
    """
    match item["type"]:
        case "message":
            content = item.get("content") or []
            parts = [{"type": "output_text", "text": content}] if isinstance(content, str) else content
            as_text("" if item.get("phase") is None else item["phase"])
            return item | {"content": [_part(each) for each in parts]}
        case "function_call":
            as_text(item["name"])
            return item | {"arguments": as_json(item.get("arguments"))}
        case "reasoning":
            for each in item.get("summary") or ():
                as_text(each["text"])
        case base.SEARCH:
            action = item.get("action") or {}
            for each in (item.get("id") or "", action.get("query") or "", action.get("url") or ""):
                as_text(each)
            for each in action.get("queries") or ():
                as_text(each)
        case kind:
            as_text(kind)
    return item


def as_json(arguments: object) -> str:
    """A call's arguments as clients read them: as JSON, also those of a function without any. Raises TypeError."""
    return json.dumps(arguments) if isinstance(arguments, dict) else as_text(arguments or "{}")


def as_text(value: object) -> str:
    """What must be a text. Raises TypeError."""
    if not isinstance(value, str):
        raise TypeError("no text where one should be")
    return value


def _part(part: Json) -> Json:
    if as_text(part["type"]) == "refusal":
        return part | {"refusal": as_text(part.get("refusal") or "")}
    notes = [each for each in part.get("annotations") or () if isinstance(each, dict)]
    return part | {"text": as_text(part.get("text") or ""), "annotations": notes}
