"""What a text weighs in tokens, counted without a vocabulary: nothing is downloaded, and a long text takes a moment.

Tokenizers split a text where kinds of characters meet, and longer pieces once more. So the text is written as its
kinds, one letter for a character, in which what costs a token can be counted. The weights are fitted to OpenAI's
o200k_base, on the side of too many; `python -m bench.estimator` prints how far they are off.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final


def _table(kinds: Iterable[tuple[bytes, bytes]], other: bytes) -> bytes:
    table = bytearray(other * 256)
    for members, kind in kinds:
        for member in members:
            table[member] = kind[0]
    return bytes(table)


_LOWER: Final = bytes(range(ord("a"), ord("z") + 1))
#: The kind of each character by the first byte of its UTF-8; the others are left out.
_KINDS: Final = _table(
    [
        (_LOWER, b"a"),
        (_LOWER.upper(), b"A"),
        (b"0123456789", b"0"),
        (b" \t\v\f", b" "),
        (b"\r\n", b"n"),
        (b"_", b"_"),
        (b"\xe1" + bytes(range(0xC3, 0xCE)), b"l"),  # Latin letters with accents; Vietnamese
        (bytes(range(0xCE, 0xE0)), b"c"),  # Greek, Cyrillic, Hebrew, Arabic
        (b"\xe0", b"h"),  # Hindi, Thai and their relatives
        (b"\xe2", b"s"),  # symbols, dashes, quotation marks
        (b"\xe3", b"k"),  # kana, punctuation of Chinese and Japanese
        (bytes(range(0xE4, 0xEA)), b"i"),  # ideographs
        (bytes(range(0xEA, 0xEE)), b"g"),  # Hangul
        (b"\xee\xef", b"w"),  # full width
        (bytes(range(0xF0, 0xF8)), b"m"),  # emoji, rare ideographs
    ],
    other=b".",
)
_CONTINUATIONS: Final = bytes(range(0x80, 0xC0))
#: Of the kinds, what is a letter, a sign, a blank.
_WORDS: Final = _table([(b"aAl", b"a")], other=b".")
_SIGNS: Final = _table([(b".", b".")], other=b" ")
_BLANKS: Final = _table([(b" ", b" "), (b"n", b"n")], other=b".")
#: Signs that are drawn in long lines, many of them to a token.
_RULES: Final = (b"-", b"=", b"*", b"#", b".", b"_")
#: What one character of a kind weighs.
_EACH: Final = {b"l": 1.4, b"c": 0.31, b"h": 0.4, b"s": 1.1, b"k": 0.7, b"i": 1.0, b"g": 0.75, b"w": 0.6, b"m": 1.8}


#: Texts by their hash: a thread's messages are weighed again in every run.
_KNOWN: Final[dict[tuple[int, int], int]] = {}
#: Texts that a process remembers.
_MOST_KNOWN: Final = 20_000


def text_tokens(text: str) -> int:
    """About how many tokens a text is."""
    key = hash(text), len(text)
    tokens = _KNOWN.get(key)
    if tokens is None:
        if len(_KNOWN) >= _MOST_KNOWN:
            _KNOWN.clear()
        tokens = _KNOWN[key] = max(math.ceil(_weight(text)), min(len(text), 1))
    return tokens


def _weight(text: str) -> float:
    raw = text.encode(errors="surrogatepass")
    for sign in _RULES:
        raw = raw.replace(sign * 8, sign)
    kinds = b"x" + raw.translate(_KINDS, _CONTINUATIONS)
    words, signs, blanks = kinds.translate(_WORDS), kinds.translate(_SIGNS), kinds.translate(_BLANKS)
    threes = kinds.replace(b"000", b"3")
    count = kinds.count
    return (
        sum(weight * count(kind) for kind, weight in _EACH.items())
        # Words, and more for long ones; humps of camel case; capitals in a row; words of no language.
        + 0.92 * words.count(b".a")
        + 0.35 * words.count(b"a" * 7)
        + 1.2 * count(b"aA")
        + 1.7 * count(b"aAA")
        + 0.3 * count(b"AA")
        + 10 * (count(b"a" * 24) + count(b"A" * 24))
        # Digits go in threes; the blank before a number is a token of its own.
        + 1.2 * (threes.count(b"3") + threes.count(b"0") - threes.count(b"00"))
        + 0.65 * count(b" 0")
        + 1.0 * signs.count(b" .")
        + 0.15 * count(b".")
        + 0.2 * count(b"_")
        # Indents, and blank as far as one sees.
        + 1.2 * blanks.count(b".  ")
        + 1.2 * blanks.count(b"n  ")
        + 0.5 * (blanks.count(b" " * 32) + blanks.count(b"n" * 8))
    )
