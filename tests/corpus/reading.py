"""The documents, their words, and which of them a text has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
DOCUMENTS: Final = sorted(path.with_suffix("") for path in FOLDER.glob("*.words"))

#: The Unicode hyphens that nobody types.
HYPHENS: Final = {0x2010: "-", 0x2011: "-"}


def words(document: Path) -> list[str]:
    """The words that the document's writer was given."""
    return Path(f"{document}.words").read_text().splitlines()


def missing(wanted: list[str], text: str) -> list[str]:
    """The words that the text lacks: one inside a longer word does not count, unless its script has no spaces."""
    plain = text.translate(HYPHENS)
    return [word for word in wanted if not re.search(pattern(word.translate(HYPHENS)), plain)]


def found(wanted: list[str], text: str) -> float:
    """The share of the words that the text has."""
    return 1 - len(missing(wanted, text)) / len(wanted)


def pattern(word: str) -> str:
    """The word between spaces or signs."""
    if re.search("[\u3040-\u30ff\u4e00-\u9fff]", word):
        return re.escape(word)
    return rf"(?<!\w){re.escape(word)}(?!\w)"
