"""Charts: titles and labels, then the numbers as a table with a row per series."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from shared.search.parsing.number_formats import GENERAL, shown

#: The parts of a series, by the element that holds their values.
CATEGORIES: Final = {"cat", "xVal"}
VALUES: Final = {"val", "yVal", "bubbleSize"}


@dataclass(slots=True)
class Series:
    """A row of numbers."""

    name: str = ""
    categories: list[str] = field(default_factory=list)
    values: list[str] = field(default_factory=list)


class Chart:
    """Gathers a chart's text and the values that the file keeps of its source."""

    def __init__(self) -> None:
        self._titles: list[str] = []
        self._series: list[Series] = []
        self._open: list[str] = []
        self._format = GENERAL
        self._parts: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Begin a series, a value or a paragraph."""
        self._open.append(name)
        if name == "ser":
            self._series.append(Series())
        elif name in ("cat", "xVal", "val", "yVal"):
            self._format = GENERAL
        if name in ("v", "formatCode", "p", "pt"):
            self._parts = []

    def end(self, name: str) -> None:
        """Keep what ended where it belongs."""
        text = "".join(self._parts).strip()
        if name == "formatCode":
            self._format = text
        elif name == "p" or (name in ("v", "pt") and "ser" not in self._open):
            self._titles += [text] if text else []
        elif name == "v":
            self._value(text)
        if name in ("v", "formatCode", "p", "pt"):
            self._parts = []
        self._open.pop()

    def text(self, data: str) -> None:
        """Keep what is inside paragraphs and values."""
        if self._open[-1] in ("t", "v", "formatCode", "pt") and (self._open[-1] != "pt" or data.strip()):
            self._parts.append(data)

    def result(self) -> str:
        """Titles, then a row per series; the categories stand above the first that has them."""
        lines = [*dict.fromkeys(self._titles)]
        above: list[str] = []
        for series in self._series:
            if series.categories and series.categories != above:
                above = series.categories
                lines.append("\t".join(["", *above]))
            if series.name or series.values:
                lines.append("\t".join([series.name, *series.values]))
        return "\n".join(lines)

    def _value(self, text: str) -> None:
        series = self._series[-1]
        if "tx" in self._open:
            series.name = f"{series.name} {text}".strip()
        elif CATEGORIES & {*self._open}:
            series.categories.append(shown(text, self._format) if "numCache" in self._open else text)
        elif VALUES & {*self._open}:
            series.values.append(shown(text, self._format))
