"""Where a request says that its beginning may be found again: for models that look nowhere else.

From gpt-5.6 on, a beginning is read from the cache only up to a breakpoint of the request, and only if an earlier
request had one there. So the same places are marked again and again: where earlier requests of the thread ended.
"""

from __future__ import annotations

import json
from typing import Any, Final

from shared.json_types import Json
from shared.llm.base import Caching

#: A fifth would not be written.
MOST: Final = 4
#: What a written token costs more, and what one that is read costs less.
_PREMIUM: Final = 0.25
_SAVED: Final = 0.9
#: A cautious guess.
_CHARACTERS_PER_TOKEN: Final = 3

_BREAKPOINT: Final = {"mode": "explicit"}


def with_additions_behind(body: Json, caching: Caching) -> Json:
    """The body with what one run adds to the instructions behind the user's newest message.

    There it changes nothing of what is found again; in front it would change all.
    """
    if caching.instructions is None or not caching.additional:
        return body
    items: list[Json] = body["input"]
    behind = 1 + max((place for place, item in enumerate(items) if item.get("role") == "user"), default=-1)
    changes: Json = {"input": [*items[:behind], _developer(caching.additional), *items[behind:]]}
    if caching.instructions:
        return body | changes | {"instructions": caching.instructions}
    return {name: value for name, value in body.items() if name != "instructions"} | changes


def with_own_block(body: Json, caching: Caching) -> Json:
    """The body with the assistant's instructions in a message of their own: the field can carry no breakpoint.

    Outputs become parts, all of them, so that they are the same whether they are marked or not.
    """
    items = [_in_parts(item) for item in body["input"]]
    if not caching.instructions:
        return body | {"input": items}
    rest = {name: value for name, value in body.items() if name != "instructions"}
    return rest | {"input": [_developer(caching.instructions), *items]}


def marked(body: Json, *, block: bool, thread: bool) -> Json:
    """The body with breakpoints after the assistant's own block, and where requests of the thread ended."""
    items: list[Json] = body["input"]
    places = set(_ends(items) if thread else ())
    if block and items and items[0].get("role") == "developer":
        places.add(0)
    return body | {"input": [_marked(item) if place in places else item for place, item in enumerate(items)]}


def has_earned(body: Json, caching: Caching) -> bool:
    """Whether what the run has read from the cache pays for writing its prompt, even if nobody reads that."""
    if caching.read == 0:
        return False
    to_write = len(json.dumps(body["input"], ensure_ascii=False)) / _CHARACTERS_PER_TOKEN
    return _SAVED * caching.read >= _PREMIUM * to_write


def _ends(items: list[Json]) -> list[int]:
    """The newest end, the one before it, and one of an earlier run.

    That one is found where the run before had instructions of its own, or a form of its turns that has changed since.
    """
    ends = [place for place, item in enumerate(items) if _is_said(item) and not _is_said(_at(items, place + 1))]
    if len(ends) < 2:
        return ends
    newest, before = ends[-1], ends[-2]
    asked = max((place for place in ends if place <= before and items[place].get("role") == "user"), default=before)
    return [newest, before, *[place for place in ends if place < asked][-1:]]


def _is_said(item: Json) -> bool:
    """Whether it is what a request may end with, and can be marked."""
    last = _last_part(item)
    return last is not None and (item.get("role") == "user" or item.get("type") == "function_call_output")


def _last_part(item: Json) -> Json | None:
    parts: Any = item.get("output") if item.get("type") == "function_call_output" else item.get("content")
    return parts[-1] if isinstance(parts, list) and parts else None


def _at(items: list[Json], place: int) -> Json:
    return items[place] if place < len(items) else {}


def _marked(item: Json) -> Json:
    name = "output" if item.get("type") == "function_call_output" else "content"
    *parts, last = item[name]
    return item | {name: [*parts, last | {"prompt_cache_breakpoint": _BREAKPOINT}]}


def _in_parts(item: Json) -> Json:
    output = item.get("output")
    if item.get("type") != "function_call_output" or not isinstance(output, str) or output == "":
        return item
    return item | {"output": [{"type": "input_text", "text": output}]}


def _developer(text: str) -> Json:
    return {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": text}]}
