"""Office's formulas (OMML) in one line, as Word's own linear form has them: 1/2, x^2, √9, ∑_(i=1)^n a_i.

The functions below the handler make that line from its parts, whoever wrote the formula down.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

#: Elements that say how their object looks.
PROPERTIES: Final = {"chr", "begChr", "endChr", "sepChr", "type"}
#: Letters that are drawn in another style.
STYLED: Final = re.compile("[\U0001d400-\U0001d7ff]")
#: What needs no brackets: a word or number, or one sign.
ATOM: Final = re.compile(r"[\w.,]+|\W|√[\w.]+|\([^()]*\)|\[[^\[\]]*\]")
ROOTS: Final = {"": "√", "2": "√", "3": "∛", "4": "∜"}


@dataclass(slots=True)
class Frame:
    """An element that is open: its children's lines by name, and its properties."""

    name: str
    children: list[tuple[str, str]] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)

    def all(self, name: str) -> list[str]:
        """The lines of the children of a name."""
        return [line for child, line in self.children if child == name]

    def one(self, name: str) -> str:
        """The line of the first child of a name."""
        return next(iter(self.all(name)), "")

    def content(self) -> str:
        """All children in order."""
        return "".join(line for _, line in self.children)


class Formula:
    """Gathers one formula."""

    def __init__(self) -> None:
        self._open = [Frame("")]

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Begin an object, a part of one, or learn how it looks."""
        if name in PROPERTIES and len(self._open) > 1 and "val" in attributes:
            self._open[-2].properties[name] = attributes["val"]
        self._open.append(Frame(name))

    def end(self, name: str) -> None:
        """Write down what ended, as a part of what goes on."""
        frame = self._open.pop()
        line = LINES.get(name, Frame.content)(frame)
        self._open[-1].children.append((name, line))

    def text(self, data: str) -> None:
        """Keep what is inside `t`."""
        if self._open[-1].name == "t":
            self._open[-1].children.append(
                ("", STYLED.sub(lambda found: unicodedata.normalize("NFKC", found[0]), data))
            )

    def result(self) -> str:
        """The line."""
        return re.sub(r"\s+", " ", self._open[0].content()).strip()


def grouped(line: str) -> str:
    """A line that is one thing to what stands before or behind it."""
    line = line.strip()
    return line if not line or ATOM.fullmatch(line) else f"({line})"


def fraction(numerator: str, denominator: str, sign: str = "/") -> str:
    """1/2, (a+b)/c."""
    return f"{grouped(numerator)}{sign}{grouped(denominator)}"


def scripts(base: str, below: str = "", above: str = "") -> str:
    """x_i^2, with what is not there left out."""
    marks = "".join(f"{mark}{grouped(line)}" for mark, line in (("_", below), ("^", above)) if line.strip())
    return grouped(base) + marks


def root(radicand: str, degree: str = "") -> str:
    """√9, √(x+1), ∛8, √(5&x)."""
    sign = ROOTS.get(degree.strip())
    return f"√({degree.strip()}&{radicand.strip()})" if sign is None else f"{sign}{grouped(radicand)}"


def accented(base: str, accent: str) -> str:
    """x̂."""
    return unicodedata.normalize("NFC", base + accent)


def spaced(operator: str, operand: str) -> str:
    """An operator or a function's name and what it works on: ∑_i a_i, sin x."""
    return operator + ("" if operand.startswith(("(", "[")) else " ") + operand


def _fraction(frame: Frame) -> str:
    return fraction(frame.one("num"), frame.one("den"), "¦" if frame.properties.get("type") == "noBar" else "/")


def _nary(frame: Frame) -> str:
    operator = scripts(frame.properties.get("chr", "∫"), frame.one("sub"), frame.one("sup"))
    return spaced(operator, frame.one("e").lstrip())


def _brackets(frame: Frame) -> str:
    first, between, last = (frame.properties.get(name, usual) for name, usual in zip(DELIMITERS, "(|)", strict=True))
    return first + between.join(frame.all("e")) + last


def _scripts(frame: Frame) -> str:
    return scripts(frame.one("e"), frame.one("sub"), frame.one("sup"))


DELIMITERS: Final = ("begChr", "sepChr", "endChr")
LINES: Final[Mapping[str, Callable[[Frame], str]]] = {
    "f": _fraction,
    "sSup": _scripts,
    "sSub": _scripts,
    "sSubSup": _scripts,
    "sPre": lambda frame: scripts("", frame.one("sub"), frame.one("sup")) + frame.one("e"),
    "rad": lambda frame: root(frame.one("e"), frame.one("deg")),
    "nary": _nary,
    "d": _brackets,
    "func": lambda frame: spaced(frame.one("fName"), frame.one("e").lstrip()),
    "limLow": lambda frame: scripts(frame.one("e"), frame.one("lim")),
    "limUpp": lambda frame: scripts(frame.one("e"), "", frame.one("lim")),
    "acc": lambda frame: accented(frame.one("e"), frame.properties.get("chr", "\u0302")),
    "bar": lambda frame: accented(frame.one("e"), "\u0305"),
    "eqArr": lambda frame: "; ".join(frame.all("e")),
    "mr": lambda frame: ", ".join(frame.all("e")),
    "m": lambda frame: "; ".join(frame.all("mr")),
}
