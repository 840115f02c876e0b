"""Calls of tools, as steps show them, as the functions that a model called: by these later prompts tell of them."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from shared.json_types import Json
from shared.runs.offered_names import plain_name


class CalledFunction(NamedTuple):
    """A function that a model called, and what it was told."""

    name: str
    arguments: str
    output: str | None


def function_of(call: Json) -> CalledFunction | None:
    """The function behind a call, whatever the kind of its tool; None where the call does not tell of one."""
    match call:
        case {"type": "mcp", "name": str(name), "arguments": str(arguments)}:
            return CalledFunction(plain_name(name), arguments, _output(call))
        case {"type": "azure_ai_search" as kind, "azure_ai_search": {"input": str(query)} as of}:
            return CalledFunction(kind, json.dumps({"query": query}, ensure_ascii=False), _output(of) or None)
        case {"type": str(kind)}:
            return _of_details(kind, call.get(kind))
    return None


def _of_details(kind: str, details: Any) -> CalledFunction | None:
    match details:
        case {"name": str(name), "arguments": str(arguments)} if name:
            return CalledFunction(name if kind == "function" else plain_name(name), arguments, _output(details))
    return None


def _output(details: Json) -> str | None:
    output = details.get("output")
    return output if isinstance(output, str) else None
