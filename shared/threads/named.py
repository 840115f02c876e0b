"""Which files a thread names, and which of its vector stores are its own. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from shared.json_types import Json

#: How a store that was made along with a thread can be told: it has no name, and expires after so many idle days.
OWN_STORE: Final = {"anchor": "last_active_at", "days": 7}


def stores_of(thread: Json) -> list[str]:
    """The vector stores that a thread (or an assistant) searches."""
    searched = (thread["tool_resources"] or {}).get("file_search") or {}
    return [*(searched.get("vector_store_ids") or ())]


def files_of(*objects: Json) -> set[str]:
    """The files that threads, messages and steps name; what they found or cite is left out: it is in a vector store."""
    return {file_id for each in objects for file_id in _named(each)}


def is_own(store: Json) -> bool:
    """Whether a vector store was made along with a thread, and so goes with it."""
    return not store["name"] and store["expires_after"] == OWN_STORE


def _named(value: Any) -> Iterator[str]:
    match value:
        case {"type": "file_citation"}:
            return
        case dict():
            for key, inner in value.items():
                if key == "file_search":
                    continue
                yield from _ids(key, inner)
                yield from _named(inner)
        case list():
            for inner in value:
                yield from _named(inner)


def _ids(key: str, value: Any) -> Iterable[str]:
    if key == "file_id" and isinstance(value, str):
        return [value]
    if key == "file_ids" and isinstance(value, list):
        return [each for each in value if isinstance(each, str)]
    return ()
