"""Bytes that somebody's server sent as text, in whatever character set it says."""

from __future__ import annotations

import codecs
import re
from typing import Final

#: Python knows codecs that no page is written in, some of them dangerously slow.
CHARSETS: Final = re.compile(r"utf|iso|cp|koi8|gb|big5|shift|euc|mac|tis|johab")


def decoded(body: bytes, charset: str | None) -> str:
    """The text; what cannot be read is replaced, and a character set that nobody knows is taken for UTF-8."""
    try:
        name = codecs.lookup(charset or "utf-8").name
    except (LookupError, ValueError):
        name = "utf-8"
    # Browsers take Latin-1 for its Windows superset.
    name = "cp1252" if name in ("iso8859-1", "ascii") else name
    return body.decode(name if CHARSETS.match(name) else "utf-8", errors="replace")
