"""Shortening what is too much: the middle goes, a mark says so. Pure, so the same text always becomes the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from shared.json_types import Json
from shared.runs.prompt.estimate import estimate_tokens
from shared.runs.prompt.tokens import text_tokens
from shared.runs.prompt.window import PromptEntry, newest_message

#: What the mark weighs at most.
MARK_TOKENS: Final = 16
#: An entry is never made shorter than that.
LEAST_TOKENS: Final = 64


def shortened(text: str, tokens: int) -> str:
    """The text if it weighs no more than that; else its beginning and its end, with a mark between them."""
    weight = text_tokens(text)
    if weight <= tokens:
        return text
    room = max(0, tokens - MARK_TOKENS)
    kept = len(text) * room // weight
    while True:
        head, tail = text[: kept - kept // 2], text[len(text) - kept // 2 :]
        if text_tokens(head) + text_tokens(tail) <= room or kept == 0:
            return f"{head}\n({len(text) - kept:,} characters left out)\n{tail}"
        kept = kept * 9 // 10


def squeezed(entries: Sequence[PromptEntry], window: int, tokens: int) -> list[PromptEntry]:
    """The entries, none of which takes more than half of the model's window.

    The newest message and what belongs to the present run are shortened until all of that fits into `tokens`.
    """
    most = window // 2
    short = [capped(entry, most) for entry in entries]
    newest = newest_message(entries)
    needed = [place for place, entry in enumerate(entries) if entry.present or place == newest]
    while sum(short[place].tokens for place in needed) > tokens and most > LEAST_TOKENS:
        most //= 2
        for place in needed:
            short[place] = capped(entries[place], most)
    return short


def capped(entry: PromptEntry, tokens: int) -> PromptEntry:
    """The entry, its longest texts shortened as far as it weighs more than that."""
    if entry.tokens <= tokens:
        return entry
    weights: list[int] = []

    def weighed(text: str) -> str:
        weights.append(text_tokens(text))
        return text

    for item in entry.items:
        with_texts(item, weighed)
    fixed = entry.tokens - sum(weights)
    most = max(MARK_TOKENS, level(weights, tokens - fixed))
    items = [with_texts(item, lambda text: shortened(text, most)) for item in entry.items]
    return replace(entry, items=items, tokens=estimate_tokens(items))


def level(weights: Sequence[int], total: int) -> int:
    """The most that each may weigh, so that all together weigh no more than the total."""
    left, rest = total, sorted(weights)
    while rest and rest[0] * len(rest) <= left:
        left -= rest.pop(0)
    return max(0, left) // max(1, len(rest))


def with_texts(item: Json, change: Callable[[str], str]) -> Json:
    """An input item with each of its texts changed: words, outputs, and what stands in arguments."""
    match item["type"]:
        case "message":
            parts = (part | {"text": change(part["text"])} if "text" in part else part for part in item["content"])
            return item | {"content": list(parts)}
        case "function_call_output" if isinstance(item["output"], str):
            return item | {"output": change(item["output"])}
        case "function_call" if isinstance(item["arguments"], str):
            return item | {"arguments": _arguments(item["arguments"], change)}
    return item


def _arguments(written: str, change: Callable[[str], str]) -> str:
    """Arguments stay JSON: only the texts in them are changed."""
    try:
        value = json.loads(written)
        changed = _value(value, change)
    except (ValueError, RecursionError):
        return change(written)
    return written if changed == value else json.dumps(changed, ensure_ascii=False)


def _value(value: Any, change: Callable[[str], str]) -> Any:
    match value:
        case str():
            return change(value)
        case list():
            return [_value(each, change) for each in value]
        case dict():
            return {key: _value(each, change) for key, each in value.items()}
    return value
