"""Spellings that nobody tells apart: width, ligatures, case, the dots of i. Texts are folded like queries."""

from __future__ import annotations

import unicodedata
from typing import Final

#: Dotless i, and the dot that stays behind when İ becomes small.
DOTS: Final = {0x131: "i", 0x307: None}


def folded(text: str) -> str:
    """`ＡＰＩ`, `ﬁnal`, `Straße` and `İzmir` as `api`, `final`, `strasse` and `izmir`; characters may become more."""
    if text.isascii():
        return text.lower()
    small = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    # Letters with a dot above are one character, so what is left of it stood on an i.
    return small.translate(DOTS)
