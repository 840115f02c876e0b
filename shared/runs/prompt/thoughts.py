"""What the model thought, kept with the turn that came of it, and given back to it.

Reasoning is of use only to the model that had it: later runs are given it while model and endpoint are the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from shared.json_types import Json
from shared.llm.base import SEARCH
from shared.runs.prompt.estimate import estimate_tokens
from shared.runs.prompt.window import PromptEntry
from shared.store.base import Record


def before_messages(items: Sequence[Json]) -> tuple[dict[int, list[Json]], list[Json]]:
    """A turn's items, split: the reasoning before each message, by the message's place; and what is left for the calls.

    `[reasoning 1, message, reasoning 2, function_call]` is `({1: [reasoning 1]}, [reasoning 2, function_call])`.
    """
    thoughts: dict[int, list[Json]] = {}
    rest: list[Json] = []
    for place, item in enumerate(items):
        if item["type"] == SEARCH:
            continue  # what came of it stands in the answer
        if item["type"] != "message":
            rest.append(item)
            continue
        first = max((number + 1 for number, each in enumerate(rest) if each["type"] != "reasoning"), default=0)
        thoughts[place], rest = rest[first:], rest[:first]
    while rest and rest[-1]["type"] == "reasoning":
        rest.pop()  # nothing came of it, and servers refuse reasoning at the end
    return thoughts, rest


def recalled(step: Json, run_id: str, origin: str) -> list[Json]:
    """The items of a step's row that a run is given again: the calls, and the reasoning if its `origin` is this one.

    Of its own steps the run is given all; of others no reasoning in clear, which most servers take for an answer.
    """
    if step["step"]["run_id"] == run_id:
        items: list[Json] = step["items"]
        return items
    lasts = origin != "" and step.get("origin") == origin
    return [
        item
        for item in step["items"]
        if item["type"] == "function_call" or (lasts and item["type"] == "reasoning" and item.get("encrypted_content"))
    ]


class Thoughts:
    """What steps of the thread keep of the answers that they wrote."""

    def __init__(self, steps: Iterable[Record], run_id: str, origin: str) -> None:
        """`run_id` and `origin` are those of the run that asks."""
        self._run_id, self._origin = run_id, origin
        written = (row.data for row in steps if row.data["step"]["type"] == "message_creation")
        #: Message id -> the row of its step.
        self._steps = {step["step"]["step_details"]["message_creation"]["message_id"]: step for step in written}

    def with_message(self, message_id: str, entry: PromptEntry) -> PromptEntry:
        """The message's entry with the reasoning before it, and with the phase that the model gave it."""
        step = self._steps.get(message_id)
        if step is None or not entry.items:
            return entry
        [message], phase = entry.items, step.get("phase")
        said = message | {"phase": phase} if phase is not None else message
        items = [*recalled(step, self._run_id, self._origin), said]
        return entry if items == entry.items else replace(entry, items=items, tokens=estimate_tokens(items))
