"""XLSX as plain text: each sheet's name, a line per row as it is shown, tabs between columns, then what lies on it.

Every row that is far from its sheet's name is told it again, with the names of the columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from shared.search.parsing.comments import STANDS_IN, Comments
from shared.search.parsing.drawings import Elsewhere, drawn, unclaimed
from shared.search.parsing.formats import invalid
from shared.search.parsing.relations import main_part, related, relations
from shared.search.parsing.tables import Table, Text, joined
from shared.search.parsing.workbook import Book, characters
from shared.search.parsing.xml import Archive

#: Empty columns in a row that are shown at most.
WIDEST_GAP: Final = 20
CELL: Final = re.compile(r"([A-Z]{1,3})\d+")
#: How far down the names of the columns are looked for, below titles.
TITLES: Final = 10
PRINTED: Final = {"oddHeader", "oddFooter", "evenHeader", "evenFooter", "firstHeader", "firstFooter"}
SECTIONS: Final = re.compile("&[LCR]")
#: Codes in a printed header: fonts, sizes, colours, fields.
CODES: Final = re.compile(r'&(?:"[^"]*"|K[0-9A-F]{6}|\d+|&|.)')


class SheetRows:
    """Gathers a worksheet's rows; a cell tells its column, because empty ones are left out."""

    def __init__(self, book: Book):
        self.rows: list[str] = []
        #: Headers and footers on paper.
        self.printed: dict[str, None] = {}
        self._book = book
        self._row: list[str] = []
        self._column, self._filled = 0, 1
        self._kind = self._style = self._inside = ""
        self._value: list[str] = []
        self._formula: list[str] = []
        self._spoken = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Notice a cell and its value."""
        if name == "c":
            self._kind, self._style = attributes.get("t", ""), attributes.get("s", "0")
            self._value, self._formula = [], []
            place = CELL.fullmatch(attributes.get("r", ""))
            self._column = self._column + 1 if place is None else column(place[1])
        elif name == "rPh":
            self._spoken = True
        elif name in PRINTED:
            self._value = []
        self._inside = name

    def end(self, name: str) -> None:
        """End values, cells and rows."""
        self._inside = ""
        if name == "c":
            self._end_cell()
        elif name == "rPh":
            self._spoken = False
        elif name == "row":
            self.rows += ["".join(self._row)] if self._row else []
            self._row, self._column, self._filled = [], 0, 1
        elif name in PRINTED:
            self.printed.update(dict.fromkeys(filter(None, map(printed, SECTIONS.split("".join(self._value))))))

    def text(self, data: str) -> None:
        """Keep what is inside a value."""
        if (self._inside in ("v", "t") and not self._spoken) or self._inside in PRINTED:
            self._value.append(data)
        elif self._inside == "f":
            self._formula.append(data)

    def _end_cell(self) -> None:
        shown = self._book.shown("".join(self._value), self._kind, self._style)
        if not shown and self._formula and self._kind != "str":
            # Nobody has calculated it yet.
            shown = f"={''.join(self._formula)}"
        if shown:
            gap = min(self._column - self._filled, WIDEST_GAP)
            self._row.append("\t" * gap + shown)
            self._filled = self._column


def xlsx(path: str) -> Iterator[Text]:
    """Every sheet that has anything in it."""
    archive = Archive(path)
    main = main_part(archive, "xl/workbook.xml")
    sheets = named_sheets(archive, main)
    if not sheets:
        raise invalid("The file is not an Excel workbook.")
    book = Book(archive, main)
    told = Elsewhere(archive)
    for name, part in sheets:
        cells = SheetRows(book)
        archive.parse(part, cells)
        extras = joined(beside(told, part, cells), "\n")
        yield joined([sheet(name, cells.rows, shown=bool(extras.text)), extras], "\n")
    yield from unclaimed(told, "xl")
    yield Text("", omitted=tuple(told.omitted))


def sheet(name: str, rows: list[str], *, shown: bool) -> Text:
    """A sheet's rows below its name; an empty sheet is left out unless something else is shown on it."""
    if not rows and not shown:
        return Text("")
    number = next((number for number, row in enumerate(rows[:TITLES]) if "\t" in row.strip("\t")), 0)
    titles = [name] if name else []
    text = "\n".join([*titles, *rows])
    start = len("\n".join([*titles, *rows[: number + 1]])) + 1
    head = "\n".join([*titles, *rows[number : number + 1]])
    return Text(text, (Table(start, len(text), head),) if start < len(text) else ())


def beside(told: Elsewhere, part: str, cells: SheetRows) -> Iterator[Text]:
    """What else is on a sheet: comments, text boxes, charts, and what is printed on every page of it."""
    threads, notes = (
        [line for found in related(told.archive, part, kind) for line in told.read(found, Comments()).lines]
        for kind in ("threadedComment", "comments")
    )
    yield Text("\n".join([*(note for note in notes if STANDS_IN not in note), *threads]))
    yield from drawn(told, part)
    yield Text("\n".join(cells.printed))


def printed(section: str) -> str:
    """The text of a printed header's section; a page's number with a word before it is none."""
    text = " ".join(CODES.sub(lambda code: "&" if code[0] == "&&" else " ", section).split())
    return "" if "&P" in section and " " not in text else text


def named_sheets(archive: Archive, main: str) -> list[tuple[str, str]]:
    """Names of the sheets and their parts, in the workbook's order; in that of their numbers if it names none."""
    parts = {relation.id: relation.part for relation in relations(archive, main)}
    found = [element for _, name, element in archive.elements(main) if name == "sheet"]
    named = [(element.get("name", ""), parts.get(element.get("id", ""), "")) for element in found]
    numbered = [("", part) for part in archive.numbered(r"xl/worksheets/sheet(\d+)\.xml")]
    return [(characters(name), part) for name, part in named if archive.has(part)] or numbered


def column(letters: str) -> int:
    """`A` is 1, `AA` is 27."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number
