"""What the Functions host makes of a request's path: as its routes match it, and as the worker gets it."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

SLASH = re.compile("(%2f)", re.IGNORECASE)
#: What is not escaped on the way to the worker, beside letters and digits.
PLAIN = "/:@!$&'()*+,;=-._~"


def read(raw: str) -> str:
    """The path, all decoded but `%2F`, without dot segments; empty segments stay."""
    decoded = "".join(part if SLASH.fullmatch(part) else unquote(part) for part in SLASH.split(raw))
    kept: list[str] = []
    segments = decoded.split("/")[1:]
    for segment in segments:
        if segment == "..":
            kept[-1:] = []
        elif segment != ".":
            kept.append(segment)
    if segments[-1:] in ([".."], ["."]):
        kept.append("")
    return "/" + "/".join(kept)


def forwarded(path: str) -> str:
    """The same for the worker: a `%2F` arrives as `%252F`."""
    return quote(path, safe=PLAIN)
