"""Questions about the user's documents: search, then quote the best passages with their source markers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from shared.demo.offline.conversation import Conversation, Reply
from shared.demo.offline.tables import words

#: Between sentences, paragraphs, and the lines of lists and tables; other line breaks are somebody's margin.
_BETWEEN = re.compile(r"(?<=[.!?])\s+|\n[ \t]*\n|\n(?=[ \t]*(?:[-*#|]|\d+[.)]))")
_MARKER = re.compile(r"【[^】]+】")


def answer(conversation: Conversation) -> Reply:
    """What the documents say about the question."""
    found = conversation.outputs("file_search")
    if not found:
        return [conversation.call("file_search", conversation.text)]
    passages = passages_in(found[-1].output)
    if not passages:
        return f"The search of the documents gave: {found[-1].output[:500]}"
    asked = words(conversation.text)
    best = sorted(passages, key=lambda pair: -len(asked & words(pair[0])))[:2]
    return "The documents say:\n\n" + "\n\n".join(f"“{_excerpt(text, asked)}”{marker}" for text, marker in best)


def passages_in(output: str) -> list[tuple[str, str]]:
    """(text, marker) of each passage: in JSON, or as text with its marker before or behind it."""
    try:
        return [*_in_json(json.loads(output))]
    except ValueError:
        pieces, markers = _MARKER.split(output), _MARKER.findall(output)
    texts = pieces[1:] if pieces[-1].strip() else pieces[:-1]
    return [(text, marker) for text, marker in zip(texts, markers, strict=True) if text.strip()]


def _in_json(value: Any) -> Iterator[tuple[str, str]]:
    """Of each object that has a marker among its values: the marker, and the longest other text."""
    if isinstance(value, list):
        for each in value:
            yield from _in_json(each)
    elif isinstance(value, dict):
        texts = [text for text in value.values() if isinstance(text, str)]
        marker = next((text for text in texts if _MARKER.fullmatch(text)), None)
        if marker is None:
            yield from _in_json([*value.values()])
        else:
            yield max((text for text in texts if text != marker), key=len, default=""), marker


def _excerpt(text: str, asked: set[str]) -> str:
    """The sentence that has most words of the question, and the one after it."""
    sentences = [" ".join(each.split()) for each in _BETWEEN.split(text.strip()) if len(each.strip()) > 3]
    if not sentences:
        return text.strip()[:300]
    best = max(range(len(sentences)), key=lambda index: len(asked & words(sentences[index])))
    return " ".join(sentences[best : best + 2])[:400]
