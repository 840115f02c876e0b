"""The request body of a turn: what is said to the endpoint, and what is left out because it would refuse it."""

from __future__ import annotations

import json

from shared import json_text
from shared.json_types import Json
from shared.llm.base import TurnRequest

#: Stand for parts of the input that an endpoint may not know, as its parameters have names: the model's earlier
#: reasoning, and the phases of its messages.
REASONING_ITEMS = "reasoning items"
PHASES = "phases"
SUMMARY = "reasoning.summary"

#: The API takes no smaller limit.
_LEAST_OUTPUT_TOKENS = 16


def body_of(request: TurnRequest, model: str, summary: str = "") -> Json:
    """The body of a turn; what is at its default is left unsaid, for servers that know fewer parameters.

    `summary` is how much the model should tell of its reasoning: "auto", "concise", "detailed", or nothing.
    """
    body: Json = {"model": model, "input": input_of(request), "include": ["reasoning.encrypted_content"]}
    if request.instructions != "":
        body["instructions"] = request.instructions
    if request.tools:
        body["tools"] = request.tools
        if request.tool_choice != "auto":
            body["tool_choice"] = request.tool_choice
        if not request.parallel_tool_calls:
            body["parallel_tool_calls"] = False
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.top_p is not None:
        body["top_p"] = request.top_p
    if request.text_format is not None and request.text_format != {"type": "text"}:
        body["text"] = {"format": request.text_format}
    reasoning = {"effort": request.reasoning_effort} if request.reasoning_effort is not None else {}
    if summary and request.reasoning_effort != "none":
        reasoning["summary"] = summary
    if reasoning:
        body["reasoning"] = reasoning
    if request.service_tier is not None:
        body["service_tier"] = request.service_tier
    if request.max_output_tokens is not None:
        body["max_output_tokens"] = max(_LEAST_OUTPUT_TOKENS, request.max_output_tokens)
    return body


def input_of(request: TurnRequest) -> list[Json]:
    """The input items, with what the endpoint insists on at their end: it does not look for it in the instructions.

    In front, it would change the beginning of the thread's prompts from run to run.
    """
    items = sendable(request.input)
    if request.text_format == {"type": "json_object"} and "json" not in _spoken(request.input).lower():
        return [*items, _note("Answer in JSON.")]
    return items or [_note("Nothing has been said yet: begin the conversation.")]


def sendable(items: list[Json]) -> list[Json]:
    """Input items without the marks of the response they came from.

    An endpoint that stores nothing looks ids up in vain, and refuses a call whose reasoning it cannot find. Reasoning
    is sent only if it carries its content: encrypted, or in clear as open-weight models give it; their servers want the
    id with it, and the model's own messages, which have none, as plain text. The names of pictures are ours.
    """
    return [_sendable(item) for item in items if item.get("type") != "reasoning" or _has_content(item)]


def readable(items: list[Json], origin: str, *, unmarked: bool) -> list[Json]:
    """Input items without reasoning of other endpoints: its `origin` says whose it is, or, without, `unmarked`."""
    return [item for item in items if item.get("type") != "reasoning" or item.get("origin", unmarked) in (True, origin)]


def marked(items: list[Json], origin: str) -> list[Json]:
    """A turn's items that say whose reasoning theirs is."""
    return [item | {"origin": origin} if item.get("type") == "reasoning" else item for item in items]


def without(body: Json, name: str) -> Json:
    """The body without one parameter, or without what stands for one."""
    if name == REASONING_ITEMS:
        return body | {"input": [item for item in body["input"] if item.get("type") != "reasoning"]}
    if name == PHASES:
        return body | {"input": [_lacking(item, "phase") for item in body["input"]]}
    if name == SUMMARY and "reasoning" in body:
        reasoning = _lacking(body["reasoning"], "summary")
        return body | {"reasoning": reasoning} if reasoning else without(body, "reasoning")
    return {key: value for key, value in body.items() if key != name}


def whole(body: Json) -> Json:
    """The body without halves of characters: JSON can spell them, but nothing can encode them."""
    written: Json = json.loads(json.dumps(body, ensure_ascii=False).encode(errors="replace"))
    return written


def carries_reasoning(body: Json) -> bool:
    """Whether there are reasoning items to leave out."""
    return any(item.get("type") == "reasoning" for item in body["input"])


def carries_phases(body: Json) -> bool:
    """Whether there are phases to leave out."""
    return any("phase" in item for item in body["input"])


def thoughts_in(body: Json) -> set[str]:
    """The encrypted contents among the input."""
    return {str(item["encrypted_content"]) for item in body["input"] if item.get("encrypted_content")}


def _note(text: str) -> Json:
    return {"type": "message", "role": "system", "content": [{"type": "input_text", "text": text}]}


def _has_content(reasoning: Json) -> bool:
    return bool(reasoning.get("encrypted_content") or reasoning.get("content"))


def _sendable(item: Json) -> Json:
    if item.get("role") == "assistant":
        phase = {} if item.get("phase") is None else {"phase": item["phase"]}
        return {"type": "message", "role": "assistant", "content": _text_of(item), **phase}
    if item.get("role") == "user" and isinstance(item["content"], list):
        return item | {"content": [_lacking(part, "name") for part in item["content"]]}
    if item.get("type") == "function_call":
        item = item | {"arguments": _as_json(item.get("arguments") or "")}
    clear = item.get("type") == "reasoning" and not item.get("encrypted_content")
    ours = ("status", "origin") if clear else ("status", "origin", "id")
    return {key: value for key, value in item.items() if key not in ours}


def _as_json(arguments: object) -> str:
    """A call's arguments as an object in JSON: many servers read them again, and fail at what the model once wrote."""
    if not isinstance(arguments, str):
        return json.dumps(arguments)
    try:
        return arguments if isinstance(json_text.read(arguments), dict) else json.dumps({"arguments": arguments})
    except ValueError:
        return json.dumps({"arguments": arguments} if arguments.strip() else {})


def _lacking(value: Json, name: str) -> Json:
    return {key: each for key, each in value.items() if key != name} if name in value else value


def _spoken(items: list[Json]) -> str:
    return "\n".join(_text_of(item) for item in items if item.get("type") == "message")


def _text_of(message: Json) -> str:
    return "\n".join(part.get("text") or part.get("refusal") or "" for part in message["content"])
