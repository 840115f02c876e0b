"""PDF pages as plain text, by pypdf."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from shared.search.parsing.formats import invalid

#: A word that goes on in the next line; what begins with a capital is two words.
BROKEN_WORD: Final = re.compile(r"(?<=[^\W\d_])[-\u00ad] ?\n(?=[a-zß-öø-ÿ])")
#: Letters that typesetting joined; nobody searches for them.
LIGATURES: Final = {0xFB00: "ff", 0xFB01: "fi", 0xFB02: "fl", 0xFB03: "ffi", 0xFB04: "ffl"}


def pages(path: str) -> Iterator[str]:
    """The text of each page; one that cannot be read is left out. Raises ParsingFailed for what is no PDF."""
    from pypdf import PdfReader  # heavy: loaded on first use  # noqa: PLC0415
    from pypdf.errors import PyPdfError  # noqa: PLC0415

    try:
        reader = PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            raise invalid("The PDF is protected by a password.")
        count = len(reader.pages)
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError) as error:
        raise invalid("The file is not a valid PDF.") from error
    for number in range(count):
        try:
            text = reader.pages[number].extract_text()
        except MemoryError:
            raise
        except Exception:  # noqa: S112  pypdf stumbles over broken pages in many ways
            continue
        yield BROKEN_WORD.sub("", text.translate(LIGATURES))
