"""MathML as a line of text: `1/2`, `x^2`, `√(a + b)`. Presentation elements are read, annotations are not."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

#: What needs no parentheses beside a sign: a number, a word, or what has its own.
SIMPLE: Final = re.compile(r"\d[\d.,]*|[^\W\d]+|\([^()]*\)")
#: Function application, invisible times, separator and plus.
INVISIBLE: Final = dict.fromkeys(range(0x2061, 0x2065))
SPACED: Final = re.compile(r"[=<>≤≥≠≈≡∼∈→⇒+−±×·∪∩-]")


@dataclass(slots=True)
class Element:
    """An element with its children, or a leaf with its text."""

    name: str
    text: str = ""
    children: list[Element] = field(default_factory=list)


class MathMl:
    """Gathers one `math` element from a parser's events, and gives it as text."""

    def __init__(self) -> None:
        self._open = [Element("math")]

    def start(self, name: str) -> None:
        """An element begins."""
        element = Element(name)
        self._open[-1].children.append(element)
        self._open.append(element)

    def end(self, name: str) -> None:
        """An element ends, and with it those within that did not; a stray end means nothing."""
        names = [element.name for element in self._open]
        if name in names[1:]:
            del self._open[len(names) - 1 - names[::-1].index(name) :]

    def data(self, text: str) -> None:
        """Characters."""
        self._open[-1].text += text

    def read(self) -> str:
        """The formula in a line."""
        return read(self._open[0])


def read(element: Element) -> str:
    """An element as text."""
    if element.name in ("annotation", "annotation-xml", "mphantom"):
        return ""
    if not element.children:
        return " ".join(element.text.translate(INVISIBLE).split())
    parts = [read(child) for child in element.children]
    shape = SHAPES.get(element.name)
    if shape is not None and len(parts) >= shape[0]:
        return shape[1](parts)
    line = row(element.children, parts)
    return f"√{grouped(line)}" if element.name == "msqrt" else line


def row(children: list[Element], parts: list[str]) -> str:
    """What stands side by side; signs between two things get room."""
    line = ""
    for number, (child, part) in enumerate(zip(children, parts, strict=True)):
        between = 0 < number < len(parts) - 1 and children[number - 1].name != "mo"
        line += f" {part} " if child.name == "mo" and between and SPACED.fullmatch(part) else part
    return line


def grouped(part: str) -> str:
    """In parentheses, if it would fall apart."""
    return part if SIMPLE.fullmatch(part) else f"({part})"


def marked(base: str, above: str) -> str:
    """A letter with an accent, or an upper limit."""
    return base + above if len(above) == 1 and not above.isalnum() else f"{base}^{grouped(above)}"


#: How many children there are at least, and how they read.
SHAPES: Final[dict[str, tuple[int, Callable[[list[str]], str]]]] = {
    "mfrac": (2, lambda parts: f"{grouped(parts[0])}/{grouped(parts[1])}"),
    "msup": (2, lambda parts: f"{grouped(parts[0])}^{grouped(parts[1])}"),
    "msub": (2, lambda parts: f"{parts[0]}_{grouped(parts[1])}"),
    "munder": (2, lambda parts: f"{parts[0]}_{grouped(parts[1])}"),
    "mover": (2, lambda parts: marked(parts[0], parts[1])),
    "msubsup": (3, lambda parts: f"{parts[0]}_{grouped(parts[1])}^{grouped(parts[2])}"),
    "munderover": (3, lambda parts: f"{parts[0]}_{grouped(parts[1])}^{grouped(parts[2])} "),
    "mroot": (2, lambda parts: f"{parts[1]}√{grouped(parts[0])}"),
    "mfenced": (1, lambda parts: f"({', '.join(parts)})"),
    "mtable": (1, "; ".join),
    "mtr": (1, " ".join),
}
