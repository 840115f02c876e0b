"""Words broken at the ends of a page's lines, made whole: a break's hyphen goes, a compound's own stays."""

from __future__ import annotations

import re
from collections.abc import Set
from typing import Final

#: A hyphen at a line's end, and the words around it. PDFium puts U+FFFE for a hyphen with its line's end.
BROKEN: Final = re.compile(r"(?<![\w-])([\w-]*\w)(?:([-\u00ad\u2010]) ?\n|\ufffe)(?=(\w[\w-]*))")
SPELLED: Final = re.compile(r"\w[\w-]*\w")
SOFT: Final = "\u00ad"
#: The hyphen that style sheets put where a line is broken.
TYPOGRAPHIC: Final = "\u2010"
#: What English joins with a hyphen to what follows.
PREFIXES: Final = {"all", "cross", "ex", "half", "high", "low", "long", "non", "quasi", "self", "short", "well"}
INNER: Final = {"and", "by", "for", "in", "of", "on", "or", "out", "the", "to", "up"}


def whole_words(text: str) -> str:
    """The text with its words in one piece."""
    spelled = {word.lower() for word in SPELLED.findall(text)}
    return BROKEN.sub(lambda broken: broken[1] + between(broken[1], broken[2] or "-", broken[3], spelled), text)


def between(before: str, hyphen: str, after: str, spelled: Set[str]) -> str:
    """What stands between the halves of a broken word: nothing, or the hyphen that it always had.

    `spelled` are the words elsewhere in the text, in lower case.
    """
    if hyphen == SOFT:
        return ""
    if not after[0].islower():
        return "-"
    if hyphen == TYPOGRAPHIC:
        return ""
    if f"{before}-{after}".lower() in spelled:
        return "-"
    if f"{before}{after}".lower() in spelled:
        return ""
    last = before.rpartition("-")[2].lower()
    compound = "-" in before or "-" in after or len(last) == 1 or last[-1].isdigit() or last in PREFIXES | INNER
    return "-" if compound else ""
