"""How servers other than OpenAI's tell a turn: each takes the events of the real thing, and gives its own.

After Ollama 0.13, llama.cpp of spring 2026, vLLM of winter 2025, mistral.rs 0.8 and gateways in front of them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

Json = dict[str, Any]
Accent = Callable[[list[Json]], list[Json]]


def as_ollama(events: list[Json]) -> list[Json]:
    """The call stands where the text before it stood, and the response tells of the call alone."""
    events = copy.deepcopy(events)
    output = _finished(events)["output"]
    calls = [item for item in output if item["type"] == "function_call"]
    if calls:
        kept = [item for item in output if item["type"] != "message"]
        said = next((place for place, item in enumerate(output) if item["type"] == "message"), len(output))
        _finished(events)["output"] = kept
        for event in events:
            if event.get("output_index", 0) > said:
                event["output_index"] -= 1
    return [event for event in events if not (calls and _is_end_of_message(event))]


def as_llama_cpp(events: list[Json]) -> list[Json]:
    """Nothing has an index; a call has no id but `call_id`, by which its deltas name it."""
    events = copy.deepcopy(events)
    for event in events:
        event.pop("output_index", None)
        for item in [event["item"]] if "item" in event else event.get("response", {}).get("output", []):
            if item["type"] == "function_call":
                item["call_id"] = item.pop("id")
    return events


def with_new_ids(events: list[Json]) -> list[Json]:
    """An item has another id in each event."""
    events, numbers = copy.deepcopy(events), count()
    for event in events:
        if "item_id" in event:
            event["item_id"] = f"item_{next(numbers)}"
        for item in [event["item"]] if "item" in event else event.get("response", {}).get("output", []):
            item["id"] = f"item_{next(numbers)}"
    return events


def without_places(events: list[Json]) -> list[Json]:
    """No item is announced or finished, none has an index or an id, and the response does not repeat them."""
    events = copy.deepcopy(events)
    calls = [event for event in events if event.get("item", {}).get("type") == "function_call"]
    _finished(events)["output"] = []
    told = [event for event in events if event in calls or "output_item" not in event["type"]]
    for event in told:
        event.pop("item_id", None)
        if not calls:
            event.pop("output_index", None)
    return told


def thinking_elsewhere(events: list[Json]) -> list[Json]:
    """The response begins with reasoning of which the stream told nothing."""
    events = copy.deepcopy(events)
    _finished(events)["output"].insert(0, {"id": "rs_1", "type": "reasoning", "summary": []})
    return events


def with_last_words(events: list[Json]) -> list[Json]:
    """The response has the last piece of each message alone."""
    events = copy.deepcopy(events)
    last = next((event["delta"] for event in reversed(events) if event["type"] == "response.output_text.delta"), "")
    for item in _finished(events)["output"]:
        if item["type"] == "message":
            item["content"][0]["text"] = last
    return events


def in_one_piece(events: list[Json]) -> list[Json]:
    """The stream tells of nothing but the response."""
    return [event for event in events if "response" in event]


def without_deltas(events: list[Json]) -> list[Json]:
    """Items are announced, and told of when they are finished."""
    return [event for event in events if not event["type"].endswith((".delta", "_text.done", "arguments.done"))]


def with_texts_at_their_end(events: list[Json]) -> list[Json]:
    """What was said stands in the event that ends a text, and nowhere else; the response repeats nothing."""
    events = copy.deepcopy(events)
    _finished(events)["output"] = []
    return [
        event
        for event in events
        if event["type"] != "response.output_text.delta"
        and (event["type"] == "response.output_text.done" or not _is_end_of_message(event))
    ]


def with_empty_items(events: list[Json]) -> list[Json]:
    """Messages are said in pieces, and empty where they are finished."""
    events = copy.deepcopy(events)
    _finished(events)["output"] = []
    for event in events:
        if _is_end_of_message(event) and "item" in event:
            event["item"]["content"] = [{"type": "output_text", "text": ""}]
    return events


def without_ends_of_items(events: list[Json]) -> list[Json]:
    """Items are announced and told in pieces, but never finished; the response does not repeat them."""
    events = copy.deepcopy(events)
    _finished(events)["output"] = []
    return [event for event in events if event["type"] != "response.output_item.done"]


def with_arguments(arguments: object) -> Accent:
    """Calls have these arguments, and they are not told of in pieces."""

    def told(events: list[Json]) -> list[Json]:
        events = copy.deepcopy(events)
        ends = [event["item"] for event in events if event["type"] == "response.output_item.done"]
        for item in [*ends, *_finished(events)["output"]]:
            if item["type"] == "function_call":
                item["arguments"] = arguments
        return [event for event in events if "function_call_arguments" not in event["type"]]

    return told


def with_content(content: object) -> Accent:
    """Messages of the response have this content, and are told of nowhere else."""

    def told(events: list[Json]) -> list[Json]:
        events = copy.deepcopy(events)
        for item in _finished(events)["output"]:
            if item["type"] == "message":
                item["content"] = content
        return in_one_piece(events)

    return told


def with_value(kind: str, place: tuple[str | int, ...], value: object) -> Accent:
    """Events of this type have the value at a place where the API has another."""

    def told(events: list[Json]) -> list[Json]:
        events = copy.deepcopy(events)
        for event in events:
            if event["type"] == kind:
                here: Any = event
                for part in place[:-1]:
                    here = here[part]
                here[place[-1]] = value
        return events

    return told


def _finished(events: list[Json]) -> Json:
    found: Iterator[Json] = (event["response"] for event in reversed(events) if "response" in event)
    return next(found)


def _is_end_of_message(event: Json) -> bool:
    ends = event["type"] in ("response.output_text.done", "response.content_part.done")
    return ends or (event["type"] == "response.output_item.done" and event["item"]["type"] == "message")
