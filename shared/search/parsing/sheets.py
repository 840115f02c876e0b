"""XLSX as plain text: each sheet's name, then a line per row, tabs between columns, dates as dates."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from shared.search.parsing.formats import invalid
from shared.search.parsing.xml import Archive, local

BOOK: Final = "xl/workbook.xml"
LINKS: Final = "xl/_rels/workbook.xml.rels"
STRINGS: Final = "xl/sharedStrings.xml"
STYLES: Final = "xl/styles.xml"

#: Numbers of the built-in formats of dates and times.
DATE_FORMATS: Final = {str(number) for number in (*range(14, 23), *range(27, 37), 45, 47, *range(50, 59))}
#: What says nothing about the kind of a format: quoted, escaped and bracketed parts; `[h]` makes it a duration.
DECORATION: Final = re.compile(r'"[^"]*"|\\.|_.|\[h+\].*|\[[^\]]*\]', re.IGNORECASE)
EPOCHS: Final = {False: datetime(1899, 12, 30), True: datetime(1904, 1, 1)}
#: Empty columns in a row that are shown at most.
WIDEST_GAP: Final = 20
CELL: Final = re.compile(r"([A-Z]{1,3})\d+")


class Elements:
    """Gathers elements: the parent's name, their own, their attributes."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str, dict[str, str]]] = []
        self._open = [""]

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Keep it."""
        self.found.append((self._open[-1], name, {local(key): value for key, value in attributes.items()}))
        self._open.append(name)

    def end(self, name: str) -> None:
        """Go back to the parent."""
        self._open.pop()

    def text(self, data: str) -> None:
        """Text does not matter here."""


class Strings:
    """Gathers a workbook's shared strings; one may be made of several runs, `rPh` is how to pronounce it."""

    def __init__(self) -> None:
        self.strings: list[str] = []
        self._parts: list[str] = []
        self._in_text = self._spoken = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Notice text."""
        self._spoken = self._spoken or name == "rPh"
        self._in_text = name == "t" and not self._spoken

    def end(self, name: str) -> None:
        """End a string."""
        self._in_text = False
        if name == "rPh":
            self._spoken = False
        elif name == "si":
            self.strings.append("".join(self._parts))
            self._parts = []

    def text(self, data: str) -> None:
        """Keep what is inside `t`."""
        if self._in_text:
            self._parts.append(data)


class Book:
    """What cells refer to: strings, formats of dates, the first day."""

    def __init__(self, archive: Archive):
        strings = Strings()
        if archive.has(STRINGS):
            archive.parse(STRINGS, strings)
        self.strings: Sequence[str] = strings.strings
        self.date_styles = date_styles(elements(archive, STYLES))
        self.epoch = EPOCHS[any(found.get("date1904") in ("1", "true") for _, _, found in elements(archive, BOOK))]


class Cells:
    """Gathers a worksheet's rows; a cell tells its column, because empty ones are left out."""

    def __init__(self, book: Book):
        self.rows: list[str] = []
        self._book = book
        self._row: list[str] = []
        self._column, self._filled = 0, 1
        self._kind = self._style = ""
        self._value: list[str] = []
        self._in_value = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Notice a cell and its value."""
        if name == "c":
            self._kind, self._style, self._value = attributes.get("t", ""), attributes.get("s", "0"), []
            place = CELL.fullmatch(attributes.get("r", ""))
            self._column = self._column + 1 if place is None else column(place[1])
        self._in_value = name in ("v", "t")

    def end(self, name: str) -> None:
        """End values, cells and rows."""
        self._in_value = False
        if name == "c" and self._value:
            gap = min(self._column - self._filled, WIDEST_GAP)
            self._row.append("\t" * gap + self._shown("".join(self._value)))
            self._filled = self._column
        elif name == "row":
            self.rows += ["".join(self._row)] if self._row else []
            self._row, self._column, self._filled = [], 0, 1

    def text(self, data: str) -> None:
        """Keep what is inside a value."""
        if self._in_value:
            self._value.append(data)

    def _shown(self, value: str) -> str:
        if self._kind == "s":
            number = int(value) if value.isdecimal() else -1
            return self._book.strings[number] if 0 <= number < len(self._book.strings) else ""
        if self._kind == "b":
            return "FALSE" if value == "0" else "TRUE"
        if self._kind in ("", "n") and self._style in self._book.date_styles:
            return date(value, self._book.epoch)
        return value


def xlsx(path: str) -> Iterator[str]:
    """Every sheet that has anything in it."""
    archive = Archive(path)
    sheets = named_sheets(archive) or [("", part) for part in archive.numbered(r"xl/worksheets/sheet(\d+)\.xml")]
    if not sheets:
        raise invalid("The file is not an Excel workbook.")
    book = Book(archive)
    for name, part in sheets:
        cells = Cells(book)
        archive.parse(part, cells)
        if cells.rows:
            yield "\n".join([name, *cells.rows] if name else cells.rows)


def named_sheets(archive: Archive) -> list[tuple[str, str]]:
    """Names of the sheets and their parts, in the workbook's order."""
    targets = {found.get("Id"): found.get("Target", "") for _, _, found in elements(archive, LINKS)}
    sheets = [found for _, name, found in elements(archive, BOOK) if name == "sheet"]
    parts = [(sheet.get("name", ""), targets.get(sheet.get("id"), "")) for sheet in sheets]
    named = [(name, part[1:] if part.startswith("/") else f"xl/{part}") for name, part in parts]
    return [(name, part) for name, part in named if archive.has(part)]


def elements(archive: Archive, part: str) -> list[tuple[str, str, dict[str, str]]]:
    """The elements of a part that may be missing."""
    found = Elements()
    if archive.has(part):
        archive.parse(part, found)
    return found.found


def date_styles(styles: list[tuple[str, str, dict[str, str]]]) -> Collection[str]:
    """The numbers of the cell styles that show a date or a time."""
    own = {found.get("numFmtId"): found.get("formatCode", "") for _, name, found in styles if name == "numFmt"}
    formats = [found.get("numFmtId", "0") for parent, name, found in styles if (parent, name) == ("cellXfs", "xf")]
    return {
        str(style)
        for style, number in enumerate(formats)
        if number in DATE_FORMATS or re.search("[dmyhs]", DECORATION.sub("", own.get(number, "")), re.IGNORECASE)
    }


def date(value: str, epoch: datetime) -> str:
    """A day number as a date, with the time if there is one; below one, it is a time alone."""
    try:
        days = float(value)
        moment = epoch + timedelta(seconds=round(days * 86_400))
    except (ValueError, OverflowError):
        return value
    if days < 1:
        return moment.time().isoformat()
    return moment.date().isoformat() if days.is_integer() else moment.isoformat(" ")


def column(letters: str) -> int:
    """`A` is 1, `AA` is 27."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number
