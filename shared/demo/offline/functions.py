"""Calling functions nobody told the rules about: which one, and with what, guessed from words and schema."""

from __future__ import annotations

import re
from typing import Any

from shared.demo.offline.conversation import Conversation, PastCall, Reply
from shared.demo.offline.tables import words
from shared.json_types import Json

_QUOTED = re.compile(r"[\"“”]([^\"“”]+)[\"“”]")
_NAMES = re.compile(r"(?<!^)(?<![.!?] )\b[A-Z][\w-]*(?: [A-Z][\w-]*)*")
_COMMON = {
    "a",
    "an",
    "and",
    "for",
    "get",
    "i",
    "in",
    "is",
    "me",
    "of",
    "on",
    "the",
    "to",
    "what",
    "with",
    "you",
    "your",
}
_BUILT_IN = ("code_interpreter", "file_search")


def best(conversation: Conversation) -> str | None:
    """The function whose name and description share most words with the question."""
    asked = words(conversation.text) - _COMMON
    scores: dict[str, int] = {}
    for name, tool in conversation.tools.items():
        if name not in _BUILT_IN:
            named = words(name.replace("_", " ").replace("-", " ")) - _COMMON
            described = words(str(tool.get("description") or "")) - _COMMON
            scores[name] = 3 * len(asked & named) + len(asked & described)
    likely = sorted((score, name) for name, score in scores.items() if score > 1)
    return likely[-1][1] if likely else None


def call_best(conversation: Conversation) -> Reply:
    """PastCall the function that fits best, then tell what it gave."""
    if conversation.done:
        return "\n".join(f"The function {done.name} says: {done.output}" for done in conversation.done)
    name = best(conversation)
    return guessed(conversation, name) if name is not None else "There is no function for this."


def forced(conversation: Conversation, tool_choice: Any) -> str | None:
    """The function that the client insists on."""
    if isinstance(tool_choice, dict):
        name = str(tool_choice.get("name"))
        return name if conversation.offers(name) else None
    if tool_choice == "required":
        return best(conversation) or next(iter(conversation.tools), None)
    return None


def guessed(conversation: Conversation, name: str) -> list[PastCall]:
    """A call with arguments guessed from the question."""
    parameters = conversation.tools[name].get("parameters") or {}
    required = parameters.get("required") or []
    properties = parameters.get("properties") or {}
    arguments = {key: _guess(schema, conversation.text) for key, schema in properties.items() if key in required}
    return [PastCall(name, arguments)]


def mail(conversation: Conversation, to: str, subject: str, body: str) -> PastCall:
    """A call of `send_email`, whatever its parameters are called."""
    parameters = conversation.tools["send_email"].get("parameters") or {}
    arguments: Json = {}
    for name in parameters.get("properties") or {}:
        if words(name.replace("_", " ")) & {"to", "recipient", "addres", "email"}:
            arguments[name] = to
        elif words(name.replace("_", " ")) & {"subject", "title"}:
            arguments[name] = subject
        elif words(name.replace("_", " ")) & {"body", "content", "text", "message"}:
            arguments[name] = body
    return PastCall("send_email", arguments)


def quoted(text: str) -> str:
    """What the user put between quotation marks or behind a colon, or else all of it."""
    found = _QUOTED.search(text)
    if found is not None:
        return found[1]
    return text.partition(": ")[2] or text


def _guess(schema: Json, text: str) -> Any:
    if "enum" in schema:
        return next((value for value in schema["enum"] if str(value).lower() in text.lower()), schema["enum"][0])
    numbers = re.findall(r"-?\d+(?:\.\d+)?", text)
    match schema.get("type"):
        case "integer":
            return int(float(numbers[0])) if numbers else 0
        case "number":
            return float(numbers[0]) if numbers else 0.0
        case "boolean":
            return True
        case "array":
            return [_guess(schema.get("items") or {}, text)]
        case "object":
            return {key: _guess(inner, text) for key, inner in (schema.get("properties") or {}).items()}
    names = _NAMES.findall(text)
    return names[-1] if names and not _QUOTED.search(text) else quoted(text)
