"""Bytes to text: byte order marks, UTF-8, UTF-16 without a mark, and Windows-1252 as the last resort."""

from __future__ import annotations

import codecs
import re
from typing import Final

from shared.search.parsing.formats import invalid

MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SIGNATURES: Final = (
    b"%PDF-",
    b"PK\x03\x04",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"\xd0\xcf\x11\xe0",
    b"\x7fELF",
    b"\x1f\x8b",
)
CONTROLS: Final = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
WINDOWS: Final = "cp1252"
SAMPLE: Final = 64 * 1024


def decode(data: bytes, fallback: str = WINDOWS) -> str:
    """The text; `fallback` is its encoding if it is no Unicode. Raises ParsingFailed for what is no text."""
    if data.startswith(SIGNATURES):
        raise invalid("The file's content does not match its extension.")
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return checked(data.decode(encoding, "replace"))
    sample = data[:SAMPLE]
    for encoding, first in (("utf-16-le", 1), ("utf-16-be", 0)):
        if sample[first::2].count(0) > len(sample) // 8:
            return checked(data.decode(encoding, "replace"))
    return checked(utf_8_or(fallback, data))


def utf_8_or(fallback: str, data: bytes) -> str:
    """The reading in which fewer bytes are wrong: a bad one in UTF-8 does not make it another encoding."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    letters = len(text) - len(text.encode("ascii", "ignore")) - wrong
    if wrong <= letters:
        return text
    try:
        return data.decode(fallback, "replace")
    except (LookupError, ValueError):
        return data.decode(WINDOWS, "replace")


def checked(text: str) -> str:
    """The text, if it looks like one. Raises ParsingFailed."""
    sample = text[:SAMPLE]
    if len(CONTROLS.findall(sample)) + sample.count("\ufffd") > len(sample) // 50:
        raise invalid("The file is not a text file, or its encoding is unknown.")
    return text
