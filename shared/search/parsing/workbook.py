"""What the cells of a workbook refer to: strings, styles, the first day."""

from __future__ import annotations

import re
from typing import Final

from shared.search.parsing.formats import invalid
from shared.search.parsing.number_formats import BUILT_IN, GENERAL, shown
from shared.search.parsing.relations import related
from shared.search.parsing.runs import Line
from shared.search.parsing.xml import Archive

#: A character by its number, in the strings of sheets.
ESCAPE: Final = re.compile("_x([0-9A-Fa-f]{4})_")
NUMBERS: Final = ("", "n")
#: A day in ISO's form that needs no time.
MIDNIGHT: Final = re.compile(r"T00:00:00(?:\.0+)?Z?$")


class Strings:
    """Gathers a workbook's shared strings; one may be made of several runs, `rPh` is how to pronounce it."""

    def __init__(self) -> None:
        self.strings: list[str] = []
        self._line = Line()
        self._in_text = self._spoken = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Notice text."""
        self._spoken = self._spoken or name == "rPh"
        self._in_text = name == "t" and not self._spoken
        self._line.start(name, attributes)

    def end(self, name: str) -> None:
        """End a string."""
        self._in_text = False
        if name == "rPh":
            self._spoken = False
        elif name == "si":
            self.strings.append(characters(self._line.result()))
            self._line = Line()
        else:
            self._line.end(name)

    def text(self, data: str) -> None:
        """Keep what is inside `t`."""
        if self._in_text:
            self._line.text(data)


class Book:
    """Turns what stands in a cell into what is shown."""

    def __init__(self, archive: Archive, main: str):
        self._strings: list[str] | None = None
        for part in part_of(archive, main, "sharedStrings"):
            strings = Strings()
            archive.parse(part, strings)
            self._strings = strings.strings
        self._formats: list[str] = []
        for part in part_of(archive, main, "styles"):
            self._formats = formats(archive.elements(part))
        truths = [found.get("date1904") for _, name, found in archive.elements(main) if name == "workbookPr"]
        self._since_1904 = any(truth in ("1", "true") for truth in truths)

    def shown(self, value: str, kind: str, style: str) -> str:
        """What a cell shows. Raises ParsingFailed when the workbook has lost its strings."""
        if kind == "s" and value:
            return self._string(value)
        if kind == "b" and value:
            return "FALSE" if value == "0" else "TRUE"
        if kind in NUMBERS and value:
            number = int(style) if style.isdecimal() else 0
            code = self._formats[number] if number < len(self._formats) else GENERAL
            return shown(value, code, since_1904=self._since_1904)
        return MIDNIGHT.sub("", value).replace("T", " ") if kind == "d" else characters(value)

    def _string(self, value: str) -> str:
        if self._strings is None:
            raise invalid("The workbook has lost the texts of its cells.")
        number = int(value) if value.isdecimal() else -1
        return self._strings[number] if 0 <= number < len(self._strings) else ""


def part_of(archive: Archive, main: str, kind: str) -> list[str]:
    """The workbook's part of a kind, if it has one; by its usual name if nothing refers to it."""
    usual = f"xl/{kind}.xml"
    return related(archive, main, kind)[:1] or [usual] * archive.has(usual)


def formats(styles: list[tuple[str, str, dict[str, str]]]) -> list[str]:
    """The format code of each cell style."""
    own = {found.get("numFmtId"): found.get("formatCode", "") for _, name, found in styles if name == "numFmt"}
    numbers = [found.get("numFmtId", "0") for parent, name, found in styles if (parent, name) == ("cellXfs", "xf")]
    known = {str(number): code for number, code in BUILT_IN.items()}
    return [own.get(number) or known.get(number, GENERAL) for number in numbers]


def characters(text: str) -> str:
    """A text whose characters may be written as `_x000D_`; what is no character is told by its mark."""
    if "_x" not in text:
        return text
    whole = ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
    return whole.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\0", "")
