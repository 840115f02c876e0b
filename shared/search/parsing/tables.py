"""A document's text, and where in it tables are: rows far from their header are told it again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

#: A Markdown table's first row, and the line below that makes it one.
MARKDOWN: Final = re.compile(
    r"^ {0,3}(\|?[^\n|]+\|[^\n]*)\n {0,3}(\|? *:?-+:? *\|[-:| \t]*)\n(?:[^\n]*\|[^\n]*(?:\n|\Z))+", re.M
)
#: Lines with cells, one below the other.
TABBED: Final = re.compile(r"^([^\n\t]*\t[^\n]*)\n(?:[^\n\t]*\t[^\n]*(?:\n|\Z))+", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of a text, by character, and the header that stands before them."""

    start: int
    end: int
    head: str


@dataclass(frozen=True, slots=True)
class Text:
    """What was read of a document or of a part of it."""

    text: str
    #: In order, none inside another.
    tables: tuple[Table, ...] = ()
    #: What holds text and could not be read, in words for the file's owner.
    omitted: tuple[str, ...] = ()


def joined(pages: Iterable[Text], separator: str = "\n\n", edges: str | None = None) -> Text:
    """Pages as one text, without the whitespace at their edges; empty ones leave nothing but what they omit."""
    texts: list[str] = []
    tables: list[Table] = []
    omitted: dict[str, None] = {}
    offset = 0
    for page in pages:
        omitted.update(dict.fromkeys(page.omitted))
        stripped = page.text.strip(edges)
        if not stripped:
            continue
        moved = offset - page.text.index(stripped)
        end = offset + len(stripped)
        tables += [Table(table.start + moved, min(table.end + moved, end), table.head) for table in page.tables]
        texts.append(stripped)
        offset += len(stripped) + len(separator)
    return Text(separator.join(texts), tuple(tables), tuple(omitted))


def markdown_tables(text: str) -> Iterator[Table]:
    """The tables of a Markdown text."""
    for match in MARKDOWN.finditer(text):
        yield Table(match.end(2) + 1, match.end(), f"{match[1]}\n{match[2]}")


def tabbed_tables(text: str) -> Iterator[Table]:
    """The tables of a text whose lines hold tabs only between cells; the first row is the header."""
    for match in TABBED.finditer(text):
        yield Table(match.end(1) + 1, match.end(), match[1])
