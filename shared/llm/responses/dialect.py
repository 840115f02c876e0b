"""What each model was seen to refuse; lives as long as the process."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Collection
from typing import Final

from shared.json_types import Json
from shared.llm.responses.body import thoughts_in, without
from shared.llm.responses.parameters import EFFORTS, nearest

#: Reasoning models take these at the effort `none` alone.
SAMPLING: Final = {"temperature", "top_p"}
ANY_EFFORT: Final = "*"
#: Pieces of reasoning that are known to be unreadable, at the most.
MOST_UNREADABLE: Final = 10_000


class Dialect:
    """Parameters and efforts that models do not support, and reasoning that endpoints cannot read.

    Values that they refuse are the caller's, and not kept.
    """

    def __init__(self) -> None:
        #: Model, effort that was asked for (or any), name of the parameter.
        self._refused: set[tuple[str, str | None, str]] = set()
        #: Model -> effort that it refused -> the one to ask for instead.
        self._efforts: dict[str, dict[str, str]] = {}
        #: Digests of reasoning that its endpoint could not read, the oldest first.
        self._unreadable: OrderedDict[bytes, None] = OrderedDict()

    def apply(self, body: Json) -> Json:
        """The body in words its model understands."""
        model, asked = body["model"], effort_in(body)
        for name in [name for whose, effort, name in self._refused if whose == model and effort in (ANY_EFFORT, asked)]:
            body = without(body, name)
        return self._with_known_effort(self._with_readable_thoughts(body))

    def has(self, model: str, name: str) -> bool:
        """Whether the model was not seen to lack a parameter, whatever the effort."""
        return (model, ANY_EFFORT, name) not in self._refused

    def remember(self, model: str, asked: str | None, name: str) -> None:
        """The model does not have a parameter; a sampling parameter: not when this effort was asked for."""
        self._refused.add((model, asked if name in SAMPLING else ANY_EFFORT, name))

    def forget(self, body: Json) -> None:
        """The endpoint could not read the reasoning in this body: these very items are not sent again."""
        for content in thoughts_in(body):
            self._unreadable[digest(content)] = None
        while len(self._unreadable) > MOST_UNREADABLE:
            self._unreadable.popitem(last=False)

    def replace_effort(self, body: Json, supported: Collection[str]) -> Json | None:
        """The body with another effort, which is remembered; `supported` is empty if the model did not say which.

        None if there is no effort left to ask for.
        """
        refused = self._efforts.setdefault(body["model"], {})
        effort = body["reasoning"]["effort"]
        left = [each for each in supported or EFFORTS if each != effort and each not in refused]
        instead = nearest(effort, left)
        if instead is None:
            return None
        refused[effort] = instead
        return _with_effort(body, instead)

    def _with_readable_thoughts(self, body: Json) -> Json:
        if not self._unreadable:
            return body
        known = [item for item in body["input"] if not self._is_unreadable(item)]
        return body if len(known) == len(body["input"]) else body | {"input": known}

    def _is_unreadable(self, item: Json) -> bool:
        content = item.get("encrypted_content")
        return content is not None and digest(content) in self._unreadable

    def _with_known_effort(self, body: Json) -> Json:
        instead = self._efforts.get(body["model"], {})
        effort = effort_in(body)
        # Ends: an effort is replaced only by one that was not refused by then.
        while effort in instead:
            effort = instead[effort]
        return body if effort is None else _with_effort(body, effort)


def effort_in(body: Json) -> str | None:
    """The reasoning effort that a body asks for."""
    effort: str | None = (body.get("reasoning") or {}).get("effort")
    return effort


def digest(content: str) -> bytes:
    """What is kept of a piece of reasoning in order to know it again."""
    return hashlib.sha256(content.encode(errors="replace")).digest()[:16]


def _with_effort(body: Json, effort: str) -> Json:
    return body | {"reasoning": body["reasoning"] | {"effort": effort}}
