"""What models are told and say, in the words of the conventions: for operators who want contents in their traces."""

from __future__ import annotations

from collections.abc import Sequence

from shared import json_text
from shared.json_types import Json
from shared.llm.base import Turn, TurnRequest
from shared.telemetry import names


def of_request(request: TurnRequest) -> dict[str, str]:
    """The attributes that tell what the model is asked."""
    attributes = {names.INPUT_MESSAGES: as_text([message for item in request.input if (message := _message(item))])}
    if request.instructions:
        attributes[names.INSTRUCTIONS] = as_text([{"type": "text", "content": request.instructions}])
    return attributes


def of_turn(turn: Turn, reason: str) -> dict[str, str]:
    """The attributes that tell what it says."""
    parts = [part for item in turn.items if (message := _message(item)) for part in message["parts"]]
    return {names.OUTPUT_MESSAGES: as_text([{"role": "assistant", "parts": parts, "finish_reason": reason}])}


def as_text(value: Sequence[Json]) -> str:
    """JSON, which is what attributes of spans can hold."""
    return json_text.ascii_bytes(list(value)).decode()


def _message(item: Json) -> Json | None:
    """An item of the Responses API as a message; None for those that no message stands for, as reasoning."""
    kind = item.get("type", "message")
    if kind == "function_call":
        call = {"type": "tool_call", "id": item["call_id"], "name": item["name"], "arguments": item["arguments"]}
        return {"role": "assistant", "parts": [call]}
    if kind == "function_call_output":
        given = {"type": "tool_call_response", "id": item["call_id"], "response": item["output"]}
        return {"role": "tool", "parts": [given]}
    if kind != "message":
        return None
    content = item.get("content") or []
    parts = [{"type": "text", "content": content}] if isinstance(content, str) else [_part(each) for each in content]
    return {"role": item.get("role", "assistant"), "parts": parts}


def _part(part: Json) -> Json:
    """A part of a message; of pictures and files, that there was one."""
    if "text" in part:
        return {"type": "text", "content": part["text"]}
    if "refusal" in part:
        return {"type": "text", "content": part["refusal"]}
    return {"type": part.get("type", "other")}
