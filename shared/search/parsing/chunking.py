"""Text to chunks of so many tokens, each beginning with the end of the one before.

Tokens are counted without a vocabulary. Against OpenAI's o200k tokenizer the count comes out 2 to 10 % high for code
and most European languages and up to a third high for Chinese and Russian: chunks are rather too small than too large.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from shared.search.base import Chunk
from shared.search.parsing.formats import invalid

#: A file's tokens at most, as in the Assistants API.
MAX_TOKENS: Final = 5_000_000
PIECES: Final = re.compile(r"\s+|[A-Za-z]+|\d+|[^\W\d_A-Za-z]+|[^\w\s]+|_+")
FIRST_IDEOGRAPH: Final = 0x2E80
#: No piece is longer, so a word of a million letters still fits its chunks.
LONGEST: Final = 100


@dataclass(frozen=True, slots=True)
class Strategy:
    """How large chunks are, in tokens."""

    size: int = 800
    overlap: int = 400


def tokens(piece: str) -> int:
    """About how many tokens a piece of text is."""
    first = piece[0]
    if first.isspace():
        return 0 if piece == " " else 1
    if not piece.isascii():
        return len(piece) if ord(first) >= FIRST_IDEOGRAPH else -(-len(piece) // 4)
    if first.isalpha():
        return 1 + (len(piece) - 1) // 9
    return -(-len(piece) // 3) if first.isdigit() else -(-len(piece) // 2)


def pieces(text: str) -> Iterator[tuple[int, int]]:
    """Where each of the text's pieces begins, and its tokens."""
    for match in PIECES.finditer(text):
        piece, start = match[0], match.start()
        if len(piece) <= LONGEST:
            yield start, tokens(piece)
            continue
        for offset in range(0, len(piece), LONGEST):
            yield start + offset, tokens(piece[offset : offset + LONGEST])


def chunk(text: str, strategy: Strategy) -> Iterator[Chunk]:
    """Cut the text into chunks. Raises ParsingFailed when it is too long."""
    starts, costs, left = [], [], MAX_TOKENS
    for start, cost in pieces(text):
        starts.append(start)
        costs.append(cost)
        left -= cost
        if left < 0:
            raise invalid(f"The file has more than {MAX_TOKENS:,} tokens.")
    if not starts:
        return
    starts.append(len(text))
    previous_end = 0
    for first, last in windows(costs, strategy):
        begin, end = starts[first], starts[last]
        yield Chunk(text[begin:end], max(0, previous_end - begin))
        previous_end = end


def windows(costs: list[int], strategy: Strategy) -> Iterator[tuple[int, int]]:
    """First piece and the one after the last of every chunk."""
    first = last = size = 0
    while True:
        while last < len(costs) and (size + costs[last] <= strategy.size or last == first):
            size += costs[last]
            last += 1
        yield first, last
        if last == len(costs):
            return
        # Keep as much of the end as the overlap allows and as leaves room for the next piece.
        while first < last and (size > strategy.overlap or size + costs[last] > strategy.size):
            size -= costs[first]
            first += 1


def joined(texts: Iterable[str]) -> str:
    """Pages as one text."""
    return "\n\n".join(text.strip() for text in texts if text.strip())
