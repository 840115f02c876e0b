"""Links to files the code wrote, as models write them: with raw spaces and parentheses, encoded or half so, decomposed.

No grammar tells where such a link ends, but the names are known: a link ends where the longest known name does.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

_ROOTS: Final = tuple(f"sandbox:{slashes}mnt/data/" for slashes in ("/", "//", "///"))
_ROOT: Final = re.compile("|".join(map(re.escape, _ROOTS)))
#: A longer name goes on like this: `a.csv` is not meant by `a.csv.gz`.
_NO_MORE: Final = r"(?![A-Za-z0-9_%/-])(?!\.[A-Za-z0-9])"


def find(text: str, names: Iterable[str]) -> Iterator[tuple[int, int, str]]:
    """Links in the text to one of the names, in order: where they start and end, and the name."""
    if "sandbox:" not in text:
        return
    # A pattern of hundreds of names takes seconds to make.
    readings = _readings(text)
    ordered = tuple(sorted((name for name in names if _decomposed(name) in readings), key=len, reverse=True))
    pattern = _pattern(ordered)
    for match in pattern.finditer(text) if pattern is not None else ():
        yield match.start(), match.end(), ordered[int(str(match.lastgroup)[1:])]


def held_back(text: str, names: Iterable[str]) -> int:
    """How many characters at the end may go on to be a link, or to make one longer."""
    *_, last = [None, *_ROOT.finditer(text)]
    if last is not None:
        rest = text[last.end() :]
        if any(_may_become(rest, name) for name in names):
            return len(text) - last.start()
    return max(
        (size for root in _ROOTS for size in range(1, len(root) + 1) if text.endswith(root[:size])),
        default=0,
    )


def _may_become(rest: str, name: str) -> bool:
    wanted = _decomposed(name)
    # Cut off what is the beginning of an encoded character; after a whole name, a dot may be its suffix or a full stop.
    whole = re.sub(r"%[0-9A-Fa-f]?\Z", "", rest)
    forms = {_decomposed(form) for form in (rest, whole, unquote(whole, errors="ignore"), rest.replace("\\", ""))}
    return any(wanted.startswith(form) or form.removesuffix(".") == wanted for form in forms)


def _readings(text: str) -> str:
    """The text raw, without escapes, decoded, and both: what of the names is in none of them is not linked to."""
    plain = text.replace("\\", "")
    return _decomposed("\n".join((text, plain, unquote(text, errors="ignore"), unquote(plain, errors="ignore"))))


@lru_cache(maxsize=64)
def _pattern(names: tuple[str, ...]) -> re.Pattern[str] | None:
    """The names as alternatives, the longest first."""
    if not names:
        return None
    each = (f"(?P<n{number}>{'|'.join(_spellings(name))})" for number, name in enumerate(names))
    return re.compile(f"(?:{_ROOT.pattern})(?:{'|'.join(each)}){_NO_MORE}")


def _spellings(name: str) -> list[str]:
    """A name as it is first, then composed and decomposed; in each, every character raw, escaped or encoded."""
    forms = dict.fromkeys([name, unicodedata.normalize("NFC", name), _decomposed(name)])
    return [re.escape(name), *("".join(map(_character, form)) for form in forms)]


def _character(character: str) -> str:
    encoded = "".join(f"%(?i:{byte:02x})" for byte in character.encode(errors="replace"))
    return f"(?:\\\\?{re.escape(character)}|{encoded})"


def _decomposed(name: str) -> str:
    return unicodedata.normalize("NFD", name)
