"""Comments on cells and slides."""

from __future__ import annotations

from typing import Final

COMMENTS: Final = {"comment", "threadedComment", "cm"}
#: What old programs are told in place of a thread of comments.
STANDS_IN: Final = "[Threaded comment]"


class Comments:
    """Gathers comments of SpreadsheetML and PresentationML, old and new; cells are named."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._open: list[str] = []
        self._place = ""
        self._parts: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Begin a comment."""
        self._open.append(name)
        if name in COMMENTS:
            self._place, self._parts = attributes.get("ref", ""), []

    def end(self, name: str) -> None:
        """End one."""
        self._open.pop()
        if name == "p":
            self._parts.append(" ")
        if name in COMMENTS:
            text = " ".join("".join(self._parts).split())
            self.lines += [f"{self._place}: {text}" if self._place else text] if text else []
            self._parts = []

    def text(self, data: str) -> None:
        """Keep what is inside `t` or `text`, but not the spaces between its runs, nor how they are pronounced."""
        inside = self._open[-1]
        if (inside == "t" and "rPh" not in self._open) or (inside == "text" and data.strip()):
            self._parts.append(data)
