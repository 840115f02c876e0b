"""Runs of text in Office files: what their properties and the signs among them say."""

from __future__ import annotations

import re
from typing import Final

from shared.search.parsing.symbols import symbol, translated

#: Soft hyphens are not seen; nobody types the hyphen that keeps its line.
TYPED: Final = {0xAD: None, 0x2011: "-"}
#: What is raised as a power, not as the end of `1st` or a mark behind a name.
POWER: Final = re.compile(r"[-+−–]?\d+|[-+−–]|[A-Za-z]")
BASE: Final = re.compile(r"[\w)\]]")
OFF: Final = ("0", "false", "off")
#: Boxes of forms.
BOXES: Final = {False: "☐", True: "☒"}


class Line:
    """One paragraph's text as it comes, run by run."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._font = ""
        self._raised = self._ticked = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Notice a run's properties, and signs that are no text."""
        if name == "r":
            self._font, self._raised = "", False
        elif name == "vertAlign":
            self._raised = attributes.get("val") == "superscript"
        elif name == "rPr" and "baseline" in attributes:
            self._raised = not attributes["baseline"].startswith(("-", "0"))
        elif name == "rFonts":
            self._font = attributes.get("ascii", "")
        elif name == "sym" and "char" in attributes:
            self.add(symbol(attributes.get("font", ""), attributes["char"]))
        elif name in ("tab", "ptab"):
            self.add("\t")
        elif name == "noBreakHyphen":
            self.add("-")
        elif name == "checkBox":
            self._ticked = False
        elif name in ("default", "checked"):
            self._ticked = attributes.get("val", "1") not in OFF

    def end(self, name: str) -> None:
        """A form's box is shown as it is set."""
        if name == "checkBox":
            self.add(BOXES[self._ticked])
        elif name == "r":
            self._raised = False

    def text(self, data: str) -> None:
        """Add text of a run."""
        data = translated(self._font, data.translate(TYPED))
        if self._raised and POWER.fullmatch(data) and self.parts and BASE.match(self.parts[-1][-1:]):
            data = f"^{data}"
        self.add(data)

    def add(self, text: str) -> None:
        """Add anything."""
        if text:
            self.parts.append(text)

    def result(self) -> str:
        """The line."""
        return "".join(self.parts)
