"""Text to chunks of so many tokens, each beginning with the end of the one before.

Tokens are counted without a vocabulary. Against OpenAI's o200k tokenizer the count comes out 2 to 10 % high for code
and most European languages and up to a third high for Chinese and Russian: chunks are rather too small than too large.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from shared.search.base import Chunk
from shared.search.parsing.formats import invalid
from shared.search.parsing.tables import Table

#: A file's tokens at most, as in the Assistants API.
MAX_TOKENS: Final = 5_000_000
PIECES: Final = re.compile(r"\s+|[A-Za-z]+|\d+|[^\W\d_A-Za-z]+|[^\w\s]+|_+")
#: From this character on, each is a token.
FIRST_IDEOGRAPH: Final = 0x2E80
#: No piece is longer, so a word of a million letters still fits its chunks.
LONGEST_PIECE: Final = 100
#: A table's header takes no more than this part of a chunk.
HEAD_SHARE: Final = 4


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
        if len(piece) <= LONGEST_PIECE:
            yield start, tokens(piece)
            continue
        for offset in range(0, len(piece), LONGEST_PIECE):
            yield start + offset, tokens(piece[offset : offset + LONGEST_PIECE])


def chunk(text: str, strategy: Strategy, tables: Sequence[Table] = ()) -> Iterator[Chunk]:
    """Cut the text into chunks; one that begins among a table's rows tells its header first.

    Raises ParsingFailed when the text is too long.
    """
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
    headers = Headers(text, starts, tables, strategy)
    previous_end = 0
    for first, last in windows(costs, strategy, headers):
        begin, end, head = starts[first], starts[last], headers.above(first)[0]
        if head:
            begin = row_start(text, begin, min(previous_end, end))
        yield Chunk(head + text[begin:end], len(head) + max(0, previous_end - begin))
        previous_end = end


class Headers:
    """Which of a text's pieces lie among a table's rows, and what stands above them."""

    def __init__(self, text: str, starts: list[int], tables: Sequence[Table], strategy: Strategy):
        self._text, self._starts = text, starts
        self._begins = [bisect_left(starts, table.start) for table in tables]
        self._ends = [bisect_left(starts, table.end) for table in tables]
        heads = [shortened(table.head, strategy.size // HEAD_SHARE) + "\n" for table in tables]
        self._heads = [(head, sum(cost for _, cost in pieces(head))) for head in heads]

    def above(self, piece: int) -> tuple[str, int]:
        """The header of the table around a piece, and its tokens; empty outside of tables."""
        number = bisect_right(self._begins, piece) - 1
        return self._heads[number] if number >= 0 and piece < self._ends[number] else ("", 0)

    def row_before(self, piece: int, first: int) -> int:
        """Where the row around a piece begins, if that is after another piece; otherwise the piece itself."""
        number = bisect_right(self._begins, piece) - 1
        if number < 0 or piece >= self._ends[number]:
            return piece
        line = self._text.rfind("\n", self._starts[first], self._starts[piece]) + 1
        row = bisect_left(self._starts, line)
        return row if line and first < row and row >= self._begins[number] else piece


def shortened(head: str, limit: int) -> str:
    """As much of a header as some tokens hold."""
    for start, cost in pieces(head):
        limit -= cost
        if limit < 0:
            return head[:start].rstrip()
    return head


def row_start(text: str, begin: int, end: int) -> int:
    """Where the first whole row begins that the chunk before tells too, so that no half one follows the header."""
    if text[begin - 1 : begin] == "\n":
        return begin
    line_end = text.find("\n", begin, end)
    return begin if line_end < 0 else line_end + 1


def windows(costs: list[int], strategy: Strategy, headers: Headers) -> Iterator[tuple[int, int]]:
    """First piece and the one after the last of every chunk; a chunk ends with a table's row rather than within it."""
    first = last = size = 0
    while True:
        told, room = last, strategy.size - headers.above(first)[1]
        while last < len(costs) and (size + costs[last] <= room or last == first):
            size += costs[last]
            last += 1
        if last < len(costs):
            row = headers.row_before(last, max(first, told))
            size -= sum(costs[row:last])
            last = row
        yield first, last
        if last == len(costs):
            return
        # Keep as much of the end as the overlap allows and as leaves room for the next piece.
        while first < last and (
            size > strategy.overlap or size + costs[last] + headers.above(first)[1] > strategy.size
        ):
            size -= costs[first]
            first += 1
