"""Tool calls in lines, whatever their kind."""

from __future__ import annotations

import json

from shared.json_types import Json


def call_line(call: Json) -> str:
    """A call, or another thing that a step did: its kind, who said that it may be made, and what is known of it."""
    kind = call["type"]
    known = call.get(kind) or {name: value for name, value in call.items() if name not in ("id", "type", "approval")}
    return printable(f"{kind}{verdict(call)}: {json.dumps(known, ensure_ascii=False)}")


def verdict(call: Json) -> str:
    """Who approved it or did not, if it waited for that."""
    said = call.get("approval")
    return "" if said is None else f", {'approved' if said['approve'] else 'denied'} by {said['by']}"


def printable(text: str) -> str:
    """The text without characters that a terminal obeys, or that let other text look different."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
