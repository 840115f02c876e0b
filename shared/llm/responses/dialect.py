"""What each model was seen to refuse; lives as long as the process."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from shared.json_types import Json
from shared.llm.responses.parameters import EFFORTS, nearest

#: Reasoning models take these at the effort `none` alone.
SAMPLING: Final = {"temperature", "top_p"}
ANY_EFFORT: Final = "*"


class Dialect:
    """Parameters and efforts that models do not support. Values that they refuse are the caller's, and not kept."""

    def __init__(self) -> None:
        #: Model, effort that was asked for (or any), name of the parameter.
        self._refused: set[tuple[str, str | None, str]] = set()
        #: Model -> effort that it refused -> the one to ask for instead.
        self._efforts: dict[str, dict[str, str]] = {}

    def apply(self, body: Json) -> Json:
        """The body in words its model understands."""
        model, asked = body["model"], effort_in(body)
        known = {
            name: value
            for name, value in body.items()
            if self._refused.isdisjoint({(model, ANY_EFFORT, name), (model, asked, name)})
        }
        return self._with_known_effort(known)

    def has(self, model: str, name: str) -> bool:
        """Whether the model was not seen to lack a parameter, whatever the effort."""
        return (model, ANY_EFFORT, name) not in self._refused

    def remember(self, model: str, asked: str | None, name: str) -> None:
        """The model does not have a parameter; a sampling parameter: not when this effort was asked for."""
        self._refused.add((model, asked if name in SAMPLING else ANY_EFFORT, name))

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


def _with_effort(body: Json, effort: str) -> Json:
    return body | {"reasoning": body["reasoning"] | {"effort": effort}}
