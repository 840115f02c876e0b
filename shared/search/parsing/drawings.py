"""What a page, slide or sheet shows that lies in parts of its own: text boxes, charts, SmartArt, embedded files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeVar

from shared.search.parsing.charts import Chart
from shared.search.parsing.paragraphs import Paragraphs
from shared.search.parsing.relations import related
from shared.search.parsing.tables import Text
from shared.search.parsing.xml import Archive, BrokenPart, ElementHandler

#: What is drawn on a sheet, and SmartArt; how that is drawn only repeats it.
SHAPES: Final = ("drawing", "diagramData")
CHARTS: Final = ("chart", "chartEx")
#: Files inside the file.
EMBEDDED: Final = ("package", "oleObject", "aFChunk")

Any_Handler = TypeVar("Any_Handler", bound=ElementHandler)


class Elsewhere:
    """Reads parts beside the main ones; a broken one is left out, and said."""

    def __init__(self, archive: Archive):
        self.archive = archive
        self.omitted: dict[str, None] = {}
        self._seen: set[str] = set()

    def read(self, part: str, handler: Any_Handler) -> Any_Handler:
        """The handler with what it gathered before the part ended or turned out to be broken."""
        try:
            self.archive.parse(part, handler)
        except BrokenPart:
            self.omitted[f"{part} is broken"] = None
        return handler

    def first(self, part: str) -> bool:
        """Whether nobody has asked for this part before."""
        seen = part.lower() in self._seen
        self._seen.add(part.lower())
        return not seen


def drawn(told: Elsewhere, part: str) -> Iterator[Text]:
    """The texts that lie on a part, each once; files that are embedded there are named among what is left out."""
    for name in related(told.archive, part, *SHAPES):
        yield from shapes(told, name)
    for name in related(told.archive, part, *CHARTS):
        yield from chart(told, name)
    for name in related(told.archive, part, *EMBEDDED):
        told.omitted[f"the file {name.rpartition('/')[2]} inside it was not read"] = None


def unclaimed(told: Elsewhere, folder: str) -> Iterator[Text]:
    """The texts of SmartArt and charts that no page refers to: some writers forget to."""
    for name in told.archive.numbered(rf"{folder}/diagrams/data(\d*)\.xml"):
        yield from shapes(told, name)
    for name in told.archive.numbered(rf"{folder}/charts/chart(\d*)\.xml"):
        yield from chart(told, name)


def shapes(told: Elsewhere, part: str) -> Iterator[Text]:
    """Text boxes or SmartArt, and what lies on them in turn."""
    if told.first(part):
        yield told.read(part, Paragraphs()).result()
        yield from drawn(told, part)


def chart(told: Elsewhere, part: str) -> Iterator[Text]:
    """A chart and the text boxes on it; the workbook inside it holds what it shows."""
    if told.first(part):
        yield Text(told.read(part, Chart()).result())
        for name in related(told.archive, part, "chartUserShapes"):
            yield from shapes(told, name)
