"""HTML as plain text: what a reader would see, a line per block."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Final

HIDDEN: Final = {"script", "style", "template", "svg", "noscript"}
BLOCKS: Final = {
    *("address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "figcaption", "footer", "form"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "option", "p", "pre", "section"),
    *("table", "title", "tr", "ul"),
}


class Visible(HTMLParser):
    """Gathers visible text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a block, or something hidden."""
        if tag in HIDDEN:
            self._hidden += 1
        elif tag in BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        """End a block, a cell or something hidden."""
        if tag in HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif tag in BLOCKS:
            self.parts.append("\n")
        elif tag in ("td", "th"):
            self.parts.append("\t")

    def handle_data(self, data: str) -> None:
        """Keep what is visible."""
        if not self._hidden:
            self.parts.append(data)


def visible_text(source: str) -> str:
    """The text of a page, without runs of empty lines."""
    parser = Visible()
    parser.feed(source)
    parser.close()
    lines = (line.strip() for line in "".join(parser.parts).splitlines())
    return "\n".join(line for line in lines if line)
