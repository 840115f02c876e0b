"""What the scripted model can be told to do in a turn. `scripted.py` has the words to say it with."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal

from shared.json_types import Json
from shared.llm.base import Retried, TurnUsage

Code = Literal["server_error", "rate_limit_exceeded", "invalid_prompt"]
Reason = Literal["max_output_tokens", "content_filter", "steered"]


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing happens until the event is set, or for so many seconds."""

    until: asyncio.Event | float


@dataclass(frozen=True, slots=True)
class ScriptedMessage:
    """The model says something, delta by delta."""

    deltas: tuple[str | Pause, ...]
    refusal: bool = False
    phase: str | None = None
    #: (cited words, url, title) of pages.
    cites: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """The model calls a function."""

    name: str
    arguments: str
    call_id: str


@dataclass(frozen=True, slots=True)
class Search:
    """The provider searches the web."""

    query: str


@dataclass(frozen=True, slots=True)
class Reasoning:
    """The model thinks; nobody sees it, but the item must come back with the next turn."""

    encrypted_content: str
    #: What the model tells of it.
    summary: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """The turn ends here, with an error."""

    code: Code
    message: str
    broke_off: bool = False
    too_long: bool = False


@dataclass(frozen=True, slots=True)
class Incomplete:
    """The turn ends here, cut short."""

    reason: Reason


TurnPart = ScriptedMessage | FunctionCall | Search | Reasoning | Failure | Incomplete | Pause | Retried | TurnUsage


def message_item(part: ScriptedMessage) -> Json:
    """The message as the Responses API gives it."""
    said = "".join(delta for delta in part.deltas if isinstance(delta, str))
    if part.refusal:
        content: Json = {"type": "refusal", "refusal": said}
    else:
        content = {"type": "output_text", "text": said, "annotations": [_citation(said, *each) for each in part.cites]}
    phase = {} if part.phase is None else {"phase": part.phase}
    return {"type": "message", "role": "assistant", "status": "completed", "content": [content], **phase}


def _citation(said: str, words: str, url: str, title: str) -> Json:
    start = said.index(words)
    place = {"start_index": start, "end_index": start + len(words)}
    return {"type": "url_citation", **place, "url": url, "title": title}
