"""How the fake decides what to say: the user's message may be a little script, whatever the order of requests.

    call get_weather {"city": "Oslo"}      one line per call of the turn
    then                                   the next turn, after the outputs
    say Rain.

Other lines: `wait SECONDS`, `fail STATUS`, `cut EVENTS`. It also refuses what the real service refuses.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from tests.fakes.prompt_cache import misplaced
from tests.fakes.responses_events import FakeTurn

Json = dict[str, Any]

VERBS = {"call", "say", "wait", "fail", "cut"}
PARAMETERS = {
    "background",
    "background_options",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "metadata",
    "model",
    "parallel_tool_calls",
    "prompt_cache_key",
    "prompt_cache_options",
    "reasoning",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_p",
}


def told_by_user(body: Json) -> FakeTurn | None:
    """The turn that the last user message asks for, or None if it is no script."""
    items = body["input"] if isinstance(body["input"], list) else [{"role": "user", "content": body["input"]}]
    newest = max((i for i, item in enumerate(items) if item.get("role") == "user"), default=None)
    if newest is None:
        return None
    calls_made = sum(1 for item in items[newest:] if item.get("type") == "function_call")
    for turn in _script(_plain_text(items[newest]["content"])):
        if calls_made < len(turn.calls) or not turn.calls:
            return turn
        calls_made -= len(turn.calls)
    return None


def refused(body: Json, refuses: dict[str, str | None]) -> FakeTurn | None:
    """The error answer to a request that the service would not take, or None."""
    for name in body:
        if name not in PARAMETERS:
            return _invalid(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    if (field := misplaced(body)) is not None:
        return _invalid(f"Unknown parameter: '{field}'.", field, "unknown_parameter")
    for name, code in refuses.items():
        if _has(body, name):
            return _invalid(_refusal_text(name), None if code == "" else name, code or None)
    if "stream_options" in body and not body.get("stream"):
        return _invalid("'stream_options' is only allowed when 'stream' is enabled.", "stream_options", None)
    if body.get("background") and not body.get("store", True):
        return _invalid("Background mode requires 'store' to be true.", "background", None)
    window = body.get("background_options", {}).get("completion_window", "soonest")
    standard = body.get("service_tier", "auto") in ("auto", "default")
    if window != "soonest" and not (body.get("background") and not body.get("stream") and standard):
        text = f"The completion window '{window}' requires background mode, no stream and Standard processing."
        return _invalid(text, "background_options.completion_window", "invalid_value")
    if not body.get("input"):
        return _invalid(
            "One of 'input', 'previous_response_id', 'prompt' or 'conversation' must be provided.", None, None
        )
    if body.get("text", {}).get("format") == {"type": "json_object"} and "json" not in _said(body["input"]).lower():
        text = "Response input messages must contain the word 'json' in some form to use 'json_object'."
        return _invalid(text, "input", None)
    if isinstance(body["input"], str):
        return None
    return bad_items(body["input"], stored=body.get("store", True))


@lru_cache(maxsize=4096)
def _script(text: str) -> tuple[FakeTurn, ...]:
    if text.partition(" ")[0].partition("\n")[0] not in VERBS:
        return ()
    return tuple(_turn(block) for block in text.split("\nthen\n"))


def _turn(block: str) -> FakeTurn:
    fields: Json = {"text": (), "calls": ()}
    for line in block.splitlines():
        verb, _, rest = line.partition(" ")
        match verb:
            case "call":
                name, _, arguments = rest.partition(" ")
                fields["calls"] += ((name, arguments or "{}"),)
            case "say":
                fields["text"] += tuple(re.findall(r"\S+\s*", rest))
            case "wait":
                fields["delay"] = float(rest)
            case "fail":
                fields["status"] = int(rest)
            case "cut":
                fields["cut_after"] = int(rest)
            case _:
                raise ValueError(f"not a line of a script: {line}")
    return FakeTurn(**fields)


def _plain_text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


def _said(items: Any) -> str:
    if isinstance(items, str):
        return items
    return "\n".join(_plain_text(item["content"]) for item in items if item.get("type", "message") == "message")


def _invalid(message: str, param: str | None, code: str | None) -> FakeTurn:
    return FakeTurn(status=400, message=message, param=param, code=code)


def _has(body: Json, dotted: str) -> bool:
    value: Any = body
    for name in dotted.split("."):
        if not isinstance(value, dict) or name not in value:
            return False
        value = value[name]
    return True


def _refusal_text(name: str) -> str:
    if name == "include":
        return "Encrypted content is not supported with this model."
    return f"Unsupported parameter: '{name}' is not supported with this model."


def _bad_item(items: list[Json], place: int) -> FakeTurn | None:
    """What strict servers refuse of one item among the others."""
    item, following = items[place], items[place + 1] if place + 1 < len(items) else {}
    kind = item.get("type", "message")
    if kind == "message" and not all(part.get("text", part) for part in item["content"] if isinstance(part, dict)):
        return _invalid(f"Invalid 'input[{place}].content': empty text.", f"input[{place}].content", "empty_string")
    if kind == "message" and not item["content"]:
        return _invalid(f"Invalid 'input[{place}].content': empty array.", f"input[{place}].content", "empty_array")
    follows = following.get("role") == "assistant" or following.get("type") in ("function_call", "reasoning")
    if kind == "reasoning" and not follows:
        text = f"Item '{item.get('id')}' of type 'reasoning' was provided without its required following item."
        return _invalid(text, "input", None)
    return None


def bad_items(items: list[Json], *, stored: bool) -> FakeTurn | None:
    called, answered = set(), set()
    for place, item in enumerate(items):
        kind = item.get("type", "message")
        if not stored and item.get("id") is not None and not item.get("encrypted_content"):
            text = f"Item with id '{item['id']}' not found. Items are not persisted when `store` is set to false."
            return FakeTurn(status=404, message=text, param="input")
        if (error := _bad_item(items, place)) is not None:
            return error
        if kind == "function_call":
            called.add(item["call_id"])
        elif kind == "function_call_output":
            answered.add(item["call_id"])
            if item["call_id"] not in called:
                text = f"No tool call found for function call output with call_id {item['call_id']}."
                return _invalid(text, "input", None)
    if called - answered:
        return _invalid(f"No tool output found for function call {min(called - answered)}.", "input", None)
    return None
