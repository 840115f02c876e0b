"""How the parts of an Office file refer to one another: names are free, only a part's relations say what is what."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from shared.search.parsing.xml import Archive


@dataclass(frozen=True, slots=True)
class Relation:
    """A part that another one refers to."""

    id: str
    #: The last word of the relation's type: `slide`, `comments`, `chart` …
    kind: str
    part: str


def relations(archive: Archive, part: str) -> Iterator[Relation]:
    """What a part refers to inside the archive; the empty part is the file as a whole."""
    folder, name = posixpath.split(part)
    for _, element, found in archive.elements(posixpath.join(folder, "_rels", f"{name}.rels")):
        if element == "Relationship" and found.get("TargetMode") != "External":
            target = posixpath.normpath(posixpath.join("/", folder, unquote(found.get("Target", ""))))
            yield Relation(found.get("Id", ""), found.get("Type", "").rpartition("/")[2], target.lstrip("/"))


def main_part(archive: Archive, usual: str) -> str:
    """The part that the file is about; `usual` if it does not say."""
    named = [relation.part for relation in relations(archive, "") if relation.kind == "officeDocument"]
    return next((part for part in named if archive.has(part)), usual)


def related(archive: Archive, part: str, *kinds: str) -> list[str]:
    """The parts of some kinds that a part refers to and that are there, kind by kind."""
    found = [*relations(archive, part)]
    parts = [relation.part for kind in kinds for relation in found if relation.kind == kind]
    return [name for name in dict.fromkeys(parts) if archive.has(name)]
