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
SAMPLE: Final = 64 * 1024


def decode(data: bytes) -> str:
    """The text. Raises ParsingFailed for what is no text."""
    if data.startswith(SIGNATURES):
        raise invalid("The file's content does not match its extension.")
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return checked(data.decode(encoding, "replace"))
    zeros = data[:SAMPLE].count(0)
    if zeros:
        low_first = data[1:SAMPLE:2].count(0) > data[0:SAMPLE:2].count(0)
        return checked(data.decode("utf-16-le" if low_first else "utf-16-be", "replace"))
    try:
        return checked(data.decode("utf-8"))
    except UnicodeDecodeError:
        return checked(data.decode("cp1252", "replace"))


def checked(text: str) -> str:
    """The text, if it looks like one. Raises ParsingFailed."""
    sample = text[:SAMPLE]
    if len(CONTROLS.findall(sample)) + sample.count("\ufffd") > len(sample) // 50:
        raise invalid("The file is not a text file, or its encoding is unknown.")
    return text
