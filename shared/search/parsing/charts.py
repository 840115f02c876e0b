"""Charts: titles and labels, then the numbers as a table with a row per series."""

from __future__ import annotations

from typing import Final

from shared.search.parsing.number_formats import GENERAL, shown

#: The parts of a series, by the element that holds their values.
CATEGORIES: Final = {"cat", "xVal"}
VALUES: Final = {"val", "yVal", "bubbleSize"}


class Chart:
    """Gathers a chart's text and the values that the file keeps of its source."""

    def __init__(self) -> None:
        self._titles: list[str] = []
        self._categories: list[str] = []
        self._rows: list[list[str]] = []
        self._open: list[str] = []
        self._format = GENERAL
        self._parts: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Begin a series, a value or a paragraph."""
        self._open.append(name)
        if name == "ser":
            self._rows.append([""])
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
        """Titles, categories, series."""
        lines = [*dict.fromkeys(self._titles)]
        if any(self._categories):
            lines.append("\t" + "\t".join(self._categories))
        return "\n".join([*lines, *("\t".join(row) for row in self._rows if any(row))])

    def _value(self, text: str) -> None:
        if "tx" in self._open:
            self._rows[-1][0] = f"{self._rows[-1][0]} {text}".strip()
        elif CATEGORIES & {*self._open}:
            # Every series repeats them; those of the longest are kept.
            label = shown(text, self._format) if "numCache" in self._open else text
            if len(self._rows) == 1:
                self._categories.append(label)
        elif VALUES & {*self._open}:
            self._rows[-1].append(shown(text, self._format))
