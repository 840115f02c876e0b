"""DOCX and PPTX as plain text: a line per paragraph or table row, tabs between cells."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from shared.search.parsing.formats import invalid
from shared.search.parsing.xml import Archive

#: A `Fallback` repeats its sibling `Choice` for old programs; tab stops are defined in `pPr`.
SKIPPED: Final = {"Fallback", "pPr"}


class Paragraphs:
    """Gathers the text of WordprocessingML and DrawingML, whose `t`, `p`, `tab`, `br` and `tc` mean the same."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._in_text = False
        self._skipping = self._cells = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Notice text and cells."""
        if name in SKIPPED or self._skipping:
            self._skipping += 1
        elif name == "t":
            self._in_text = True
        elif name == "tab":
            self.parts.append("\t")
        elif name in ("br", "cr"):
            self.parts.append(self._line_end)
        elif name == "tc":
            self._cells += 1

    def end(self, name: str) -> None:
        """End paragraphs and cells."""
        if self._skipping:
            self._skipping -= 1
        elif name == "t":
            self._in_text = False
        elif name == "p":
            self.parts.append(self._line_end)
        elif name == "tr":
            self.parts.append("\n")
        elif name == "tc":
            self._cells -= 1
            self.parts.append("\t")

    def text(self, data: str) -> None:
        """Keep what is inside `t`."""
        if self._in_text and not self._skipping:
            self.parts.append(data)

    def result(self) -> str:
        """The text, without the tab behind a row's last cell."""
        return re.sub(r"(?<! ) *\t(\n?)", lambda end: end[1] or "\t", "".join(self.parts))

    @property
    def _line_end(self) -> str:
        """A line inside a table's cell would tear the row apart."""
        return " " if self._cells else "\n"


def docx(path: str) -> Iterator[str]:
    """Headers, the document, notes and footers."""
    archive = Archive(path)
    if not archive.has("word/document.xml"):
        raise invalid("The file is not a Word document.")
    names = [*archive.numbered(r"word/header(\d*)\.xml"), "word/document.xml"]
    names += archive.numbered(r"word/(?:footnotes|endnotes|comments)(\d*)\.xml")
    names += archive.numbered(r"word/footer(\d*)\.xml")
    yield from paragraphs(archive, names)


def pptx(path: str) -> Iterator[str]:
    """Slides, then their notes."""
    archive = Archive(path)
    slides = archive.numbered(r"ppt/slides/slide(\d+)\.xml")
    if not slides:
        raise invalid("The file is not a PowerPoint presentation.")
    yield from paragraphs(archive, slides + archive.numbered(r"ppt/notesSlides/notesSlide(\d+)\.xml"))


def paragraphs(archive: Archive, names: list[str]) -> Iterator[str]:
    """The text of some parts."""
    for name in names:
        handler = Paragraphs()
        archive.parse(name, handler)
        yield handler.result()
