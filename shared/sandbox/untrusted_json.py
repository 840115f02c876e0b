"""Answers in JSON that come from hostile code.

A few megabytes of brackets would become gigabytes of objects, and keep everybody waiting meanwhile; an honest answer
has no more marks of structure than its texts have characters.
"""

from __future__ import annotations

import json

from shared.json_types import Json


def parsed(text: str | bytes, marks: int) -> Json | None:
    """The JSON object; None where there is none, or one of more than so many brackets, braces and commas."""
    data = text.encode(errors="replace") if isinstance(text, str) else text
    if sum(map(data.count, (b"[", b"{", b","))) > marks:
        return None
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
