"""HTML as plain text: what a reader would see, a line per block or table row, tabs between cells."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Final

from shared.search.parsing import text
from shared.search.parsing.mathml import MathMl

#: What no reader looks for: it is not shown, or it is on every page.
HIDDEN: Final = {"script", "style", "template", "svg", "noscript", "nav"}
#: The words of a drawing, in small letters; its other parts are shapes, and what is told of them.
LABELS: Final = {"text", "foreignobject"}
#: What holds one of these is no navigation, whatever it is called.
CONTENT: Final = {"main", "article"}
BLOCKS: Final = {
    *("address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "figcaption", "footer", "form"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "option", "p", "pre", "section"),
    *("table", "title", "tr", "ul"),
}
#: Blocks that do not end the line when they are in a table's cell.
IN_CELLS: Final = {"br", "div", "p"}
CELLS: Final = {"td", "th"}
#: Signs of how ruby is pronounced; their end tags may be missing.
SPOKEN: Final = {"rt", "rp"}
#: What is raised to a power; `1st` and `TM` are not.
EXPONENT: Final = re.compile(r"[+−–-]?(\d+|\w)")
TYPED: Final = {
    "",
    "text",
    "number",
    "date",
    "time",
    "month",
    "week",
    "datetime-local",
    "email",
    "tel",
    "url",
    "search",
}
CHARSET: Final = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?([\w-]+)", re.IGNORECASE)
#: How far into a page browsers look for it.
PRESCAN: Final = 1024


@dataclass(frozen=True, slots=True)
class Mark:
    """Where something hidden began, to go back to when it ends: what never ends hides nothing."""

    name: str
    lines: int
    line: list[str]


class Visible(HTMLParser):
    """Gathers lines of visible text."""

    def __init__(self, hidden: Collection[str] = HIDDEN) -> None:
        super().__init__(convert_charrefs=True)
        self._hides = hidden
        self.lines: list[str] = []
        self._line: list[str] = []
        self._hidden: list[Mark] = []
        self._raised: list[int] = []
        self._formula: MathMl | None = None
        self._label: list[str] | None = None
        self._labels: list[str] = []
        self._cells = 0
        self._in_cell = self._verbatim = self._unread = self._spoken = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a block, a cell, a formula, or something hidden."""
        if self._formula is not None and tag not in BLOCKS:
            self._formula.start(tag)
            return
        if tag in BLOCKS:
            self._end_formula()
            self._block(tag)
            self._verbatim = self._verbatim or tag == "pre"
        if tag in self._hides:
            self._hidden.append(Mark(tag, len(self.lines), [*self._line]))
            self._unread = tag in self.CDATA_CONTENT_ELEMENTS
        elif tag in CONTENT:
            self._hidden = [mark for mark in self._hidden if mark.name != "nav"]
        elif tag in CELLS:
            self._cell()
        elif tag in LABELS and any(mark.name == "svg" for mark in self._hidden):
            self._label = []
        self._inline(tag, dict(attrs))

    def handle_endtag(self, tag: str) -> None:
        """End a block, a cell, a formula or something hidden."""
        if self._formula is not None:
            self._formula.end(tag)
            if tag == "math":
                self._end_formula()
            return
        if tag in BLOCKS:
            self._block(tag)
            self._verbatim = self._verbatim and tag != "pre"
        if tag in self._hides:
            self._reveal(tag)
        elif tag in CELLS:
            self._in_cell = False
        elif tag in LABELS and self._label is not None:
            self._labels.append(" ".join(" ".join(self._label).split()))
            self._label = None
        elif tag == "sup" and self._raised:
            self._raise()
        if tag in SPOKEN or tag == "ruby":
            self._spoken = False

    def handle_data(self, data: str) -> None:
        """Keep what is visible; where a line ends in the source means nothing, unless it is `pre`."""
        if self._unread or self._spoken:
            return
        if self._label is not None:
            self._label.append(data)
        if self._formula is not None:
            self._formula.data(data)
        elif not self._verbatim:
            self._line.append(re.sub(r"\s+", " ", data))
        else:
            *lines, rest = data.split("\n")
            for line in lines:
                self._line.append(line)
                self.end_line()
            self._line.append(rest)

    def end_line(self) -> None:
        """What was gathered since the last one is a line, if it is not empty."""
        line = "".join(self._line)
        if not self._verbatim:
            line = re.sub(r" *\t *", "\t", re.sub(" +", " ", line)).strip(" ")
        if line.strip():
            self.lines.append(line.rstrip())
        self._line, self._raised = [], []

    def end_page(self) -> None:
        """Whatever is open ends."""
        self.close()
        self._end_formula()
        self.end_line()

    def _inline(self, tag: str, attributes: dict[str, str | None]) -> None:
        """What changes how a piece of a line reads."""
        if tag == "math":
            self._formula = MathMl()
        elif tag == "input":
            self._line.append(shown_input(attributes))
        elif tag == "img" and attributes.get("alt") and attributes.get("aria-hidden") != "true":
            self.handle_data(f" {attributes['alt']} ")
        elif tag == "sup":
            self._raised.append(len(self._line))
        elif tag in SPOKEN or tag in ("rb", "rtc"):
            self._spoken = tag in SPOKEN

    def _cell(self) -> None:
        if self._cells:
            self._line.append("\t")
        self._cells += 1
        self._in_cell = True

    def _reveal(self, tag: str) -> None:
        """Go back to where the hidden element began."""
        self._unread = False
        while any(mark.name == tag for mark in self._hidden):
            mark = self._hidden.pop()
            if mark.name == tag:
                del self.lines[mark.lines :]
                self._line = mark.line
                break
        if tag == "svg":
            self._draw()

    def _draw(self) -> None:
        """A drawing that ended is its labels, each in a line."""
        labels, self._label, self._labels = [each for each in self._labels if each], None, []
        for label in labels:
            self._block("div")
            self._line.append(label)
        if labels:
            self._block("div")

    def _raise(self) -> None:
        """`10<sup>6</sup>` is not 106."""
        start = self._raised.pop()
        if EXPONENT.fullmatch("".join(self._line[start:]).strip()) and re.search(
            r"[\w)]$", "".join(self._line[:start])
        ):
            self._line.insert(start, "^")

    def _end_formula(self) -> None:
        if self._formula is not None:
            self._line.append(self._formula.read())
            self._formula = None

    def _block(self, tag: str) -> None:
        if self._in_cell and tag in IN_CELLS:
            self._line.append(" ")
            return
        self.end_line()
        if tag in ("tr", "table"):
            self._cells, self._in_cell = 0, False


def shown_input(attributes: dict[str, str | None]) -> str:
    """A form's field as a reader sees it."""
    kind = (attributes.get("type") or "").lower()
    if kind in ("checkbox", "radio"):
        return "☒ " if "checked" in attributes else "☐ "
    return attributes.get("value") or "" if kind in TYPED else ""


def decode(data: bytes) -> str:
    """The page's source; what it says of its encoding counts when it is not UTF-8. Raises ParsingFailed."""
    declared = CHARSET.search(data[:PRESCAN])
    return text.decode(data, None if declared is None else declared[1].decode())


def visible_text(source: str) -> str:
    """The text of a page, without empty lines; a page that is all navigation is shown."""
    return read(source, HIDDEN) or read(source, HIDDEN - {"nav"})


def read(source: str, hidden: Collection[str]) -> str:
    """The text outside of these elements."""
    parser = Visible(hidden)
    parser.feed(source)
    parser.end_page()
    return "\n".join(parser.lines)
