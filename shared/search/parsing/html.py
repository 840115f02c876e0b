"""HTML as plain text: what a reader would see, a line per block or table row, tabs between cells."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

from shared.search.parsing import text

#: What no reader looks for: it is not shown, or it is on every page.
HIDDEN: Final = {"script", "style", "template", "svg", "noscript", "nav"}
BLOCKS: Final = {
    *("address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "figcaption", "footer", "form"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "ol", "option", "p", "pre", "section"),
    *("table", "title", "tr", "ul"),
}
#: Blocks that do not end the line when they are in a table's cell.
IN_CELLS: Final = {"br", "div", "p"}
CELLS: Final = {"td", "th"}
CHARSET: Final = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?([\w-]+)", re.IGNORECASE)
#: How far into a page browsers look for it.
PRESCAN: Final = 1024


class Visible(HTMLParser):
    """Gathers lines of visible text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = []
        self._line: list[str] = []
        self._hidden = 0
        self._cells = 0
        self._in_cell = self._verbatim = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a block, a cell, or something hidden."""
        if tag in HIDDEN:
            self._hidden += 1
        elif tag in CELLS:
            if self._cells:
                self._line.append("\t")
            self._cells += 1
            self._in_cell = True
        elif tag in BLOCKS:
            self._block(tag)
            self._verbatim = self._verbatim or tag == "pre"

    def handle_endtag(self, tag: str) -> None:
        """End a block, a cell or something hidden."""
        if tag in HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif tag in CELLS:
            self._in_cell = False
        elif tag in BLOCKS:
            self._block(tag)
            self._verbatim = self._verbatim and tag != "pre"

    def handle_data(self, data: str) -> None:
        """Keep what is visible; where a line ends in the source means nothing, unless it is `pre`."""
        if self._hidden:
            return
        if not self._verbatim:
            self._line.append(re.sub(r"\s+", " ", data))
            return
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
        self._line = []

    def _block(self, tag: str) -> None:
        if self._in_cell and tag in IN_CELLS:
            self._line.append(" ")
            return
        self.end_line()
        if tag in ("tr", "table"):
            self._cells, self._in_cell = 0, False


def decode(data: bytes) -> str:
    """The page's source; what it says of its encoding counts when it is not UTF-8. Raises ParsingFailed."""
    declared = CHARSET.search(data[:PRESCAN])
    return text.decode(data, text.WINDOWS if declared is None else declared[1].decode())


def visible_text(source: str) -> str:
    """The text of a page, without empty lines."""
    parser = Visible()
    parser.feed(source)
    parser.close()
    parser.end_line()
    return "\n".join(parser.lines)
