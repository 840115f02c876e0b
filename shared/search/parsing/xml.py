"""Office files are zip archives of XML: both are read piece by piece, within a budget, without entities."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from typing import Final, Protocol
from xml.parsers import expat

from shared.search.parsing.formats import invalid

ENTRIES: Final = 10_000
INFLATED: Final = 96 * 1024 * 1024
PIECE: Final = 64 * 1024


class Handler(Protocol):
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


class Archive:
    """An office file whose parts may inflate to `INFLATED` bytes in all."""

    def __init__(self, path: str):
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
            raise invalid("The file is not a valid Office document.") from error
        self._names = self._zip.namelist()
        if len(self._names) > ENTRIES:
            raise invalid("The file has too many parts.")
        self._budget = INFLATED

    def has(self, name: str) -> bool:
        """Whether there is a part of that name."""
        return name in self._names

    def numbered(self, pattern: str) -> list[str]:
        """The parts whose whole name matches, in the order of the number in it."""
        found = [(match, name) for name in self._names if (match := re.fullmatch(pattern, name))]
        return [name for _, name in sorted((int(match[1] or 0), name) for match, name in found)]

    def parse(self, name: str, handler: Handler) -> None:
        """Feed a part to a handler."""
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = refuse_doctype
        parser.StartElementHandler = lambda tag, attributes: handler.start(local(tag), attributes)
        parser.EndElementHandler = lambda tag: handler.end(local(tag))
        parser.CharacterDataHandler = handler.text
        try:
            for piece in self._pieces(name):
                parser.Parse(piece, False)
            parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise invalid("The file contains broken XML.") from error

    def _pieces(self, name: str) -> Iterator[bytes]:
        try:
            with self._zip.open(name) as part:
                while piece := part.read(PIECE):
                    self._budget -= len(piece)
                    if self._budget < 0:
                        raise invalid("The file unpacks to more than can be read.")
                    yield piece
        except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
            raise invalid("The file is a broken or encrypted archive.") from error


def local(tag: str) -> str:
    """A name without its namespace."""
    return tag.rpartition(" ")[2]


def refuse_doctype(*_: object) -> None:
    """No office file needs a document type; entities come with one."""
    raise invalid("The file declares a document type, which is not allowed.")
