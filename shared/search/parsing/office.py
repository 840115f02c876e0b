"""DOCX and PPTX as plain text: a line per paragraph or table row, tabs between cells."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shared.search.parsing.formats import invalid
from shared.search.parsing.xml import Archive


class Paragraphs:
    """Gathers the text of WordprocessingML and DrawingML, whose `t`, `p`, `tab`, `br` and `tc` mean the same."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._in_text = False
        self._skipping = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Notice text; a `Fallback` repeats its sibling `Choice` for old programs."""
        if name == "Fallback" or self._skipping:
            self._skipping += 1
        elif name == "t":
            self._in_text = True
        elif name == "tab":
            self.parts.append("\t")
        elif name in ("br", "cr"):
            self.parts.append("\n")

    def end(self, name: str) -> None:
        """End paragraphs and cells."""
        if self._skipping:
            self._skipping -= 1
        elif name == "t":
            self._in_text = False
        elif name in ("p", "tr"):
            self.parts.append("\n")
        elif name == "tc":
            self.parts.append("\t")

    def text(self, data: str) -> None:
        """Keep what is inside `t`."""
        if self._in_text and not self._skipping:
            self.parts.append(data)

    def result(self) -> str:
        """The text; the paragraph's end inside a table cell is no line of its own."""
        return re.sub(r"\n\t", "\t", "".join(self.parts))


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
