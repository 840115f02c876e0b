"""Office files are zip archives of XML: both are read piece by piece, within a budget, without entities."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from typing import Final, Protocol
from xml.parsers import expat

from shared.search.parsing.formats import ParsingFailed, invalid

#: Entries of a ZIP file, bytes of all once they are inflated, and bytes of one read.
ENTRIES: Final = 10_000
INFLATED: Final = 96 * 1024 * 1024
PIECE: Final = 64 * 1024


class BrokenPart(ParsingFailed):
    """A part of the file that cannot be read; others may."""

    def __init__(self, message: str):
        super().__init__("invalid_file", message)


class ElementHandler(Protocol):
    """What reads a document's events; names come without their namespace."""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        ...

    def end(self, name: str) -> None:
        """An element ends."""
        ...

    def text(self, data: str) -> None:
        """Characters between tags."""
        ...


class Elements:
    """Gathers elements: the parent's name, their own, their attributes."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str, dict[str, str]]] = []
        self._open = [""]

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Keep it."""
        self.found.append((self._open[-1], name, attributes))
        self._open.append(name)

    def end(self, name: str) -> None:
        """Go back to the parent."""
        self._open.pop()

    def text(self, data: str) -> None:
        """Text does not matter here."""


class Archive:
    """An office file whose parts may inflate to `INFLATED` bytes in all; the case of their names does not matter."""

    def __init__(self, path: str):
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
            raise invalid("The file is not a valid Office document.") from error
        names = self._zip.namelist()
        if len(names) > ENTRIES:
            raise invalid("The file has too many parts.")
        self._names = {name.lower(): name for name in reversed(names)}
        self._budget = INFLATED
        self._relations: dict[str, list[tuple[str, str, dict[str, str]]]] = {}

    def has(self, name: str) -> bool:
        """Whether there is a part of that name."""
        return name.lower() in self._names

    def numbered(self, pattern: str) -> list[str]:
        """The parts whose whole name matches, in the order of the number in it."""
        found = [
            (match, name) for name in self._names.values() if (match := re.fullmatch(pattern, name, re.IGNORECASE))
        ]
        return [name for _, name in sorted((int(match[1] or 0), name) for match, name in found)]

    def elements(self, name: str) -> list[tuple[str, str, dict[str, str]]]:
        """The elements of a part, which may be missing: their parents, names and attributes. Relations are kept."""
        found = self._relations.get(name)
        if found is None:
            handler = Elements()
            if self.has(name):
                self.parse(name, handler)
            found = handler.found
            if name.endswith(".rels"):
                self._relations[name] = found
        return found

    def parse(self, name: str, handler: ElementHandler) -> None:
        """Feed a part to a handler. Raises BrokenPart, or ParsingFailed for what is hostile or too large."""
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = refuse_doctype
        names = LocalNames()
        parser.StartElementHandler = lambda tag, attributes: handler.start(names[tag], unqualified(attributes))
        parser.EndElementHandler = lambda tag: handler.end(names[tag])
        parser.CharacterDataHandler = handler.text
        try:
            for piece in self._pieces(name):
                parser.Parse(piece, False)
            parser.Parse(b"", True)
        except (expat.ExpatError, LookupError) as error:  # also of an encoding that nobody knows
            raise BrokenPart("The file contains broken XML.") from error

    def _pieces(self, name: str) -> Iterator[bytes]:
        try:
            with self._zip.open(self._names[name.lower()]) as part:
                while piece := part.read(PIECE):
                    self._budget -= len(piece)
                    if self._budget < 0:
                        raise invalid("The file unpacks to more than can be read.")
                    yield piece
        except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
            raise BrokenPart("The file is a broken or encrypted archive.") from error


class LocalNames(dict[str, str]):
    """Names without their namespaces, each looked at once: a sheet has millions of elements of a few names."""

    def __missing__(self, tag: str) -> str:
        return self.setdefault(tag, tag.rpartition(" ")[2])


def unqualified(attributes: dict[str, str]) -> dict[str, str]:
    """Attributes without their namespaces; of two that are called alike, the one with a namespace."""
    for name in attributes:
        if " " in name:
            break
    else:
        return attributes
    qualified = {name.rpartition(" ")[2]: value for name, value in attributes.items() if " " in name}
    return {**attributes, **qualified}


def refuse_doctype(*_: object) -> None:
    """No office file needs a document type; entities come with one."""
    raise invalid("The file declares a document type, which is not allowed.")
