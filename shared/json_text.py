"""JSON as texts: the one place that writes and reads it where time counts, by native code.

What is written is compact. ASCII, where it is asked for: U+2028 and its like end lines for some clients, and half of a
surrogate pair, which JSON can spell, has no other encoding.
"""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

_WRITER: Final = msgspec.json.Encoder()
_READER: Final = msgspec.json.Decoder()
_STANDARD: Final = json.JSONEncoder(separators=(",", ":"))


def ascii_bytes(value: object) -> bytes:
    """The value as JSON in ASCII. Raises TypeError for what JSON has no form for."""
    try:
        written = _WRITER.encode(value)
    except UnicodeEncodeError:
        return _STANDARD.encode(value).encode("ascii")
    # Characters outside of ASCII stand in strings only.
    return written if written.isascii() else _STANDARD.encode(value).encode("ascii")


def utf8_bytes(value: object) -> bytes:
    """The value as JSON in UTF-8. Raises UnicodeEncodeError for half of a surrogate pair, TypeError as above."""
    return _WRITER.encode(value)


def read(text: str | bytes) -> Any:
    """The value of a JSON text. Raises ValueError."""
    try:
        try:
            return _READER.decode(text)
        except msgspec.DecodeError:
            return json.loads(text)  # it knows halves of surrogate pairs; else it says what is wrong
    except RecursionError:
        raise ValueError("nested too deeply") from None
