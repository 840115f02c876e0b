"""Boxes that a Word document draws as the bullets of lists: a task that is done, one that is not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shared.search.parsing.relations import related
from shared.search.parsing.symbols import translated
from shared.search.parsing.xml import Archive

#: By the list's id and the level in it: the bullet.
Bullets = Mapping[tuple[str, str], str]
#: Bullets that say something; others only look nice.
TELLING: Final = "☐☑☒✓✗"


def bullets(archive: Archive, main: str) -> Bullets:
    """The lists whose bullets say something."""
    lists: dict[str, str] = {}
    levels: dict[str, dict[str, str]] = {}
    list_id = kind = level = ""
    for part in related(archive, main, "numbering"):
        for parent, name, found in archive.elements(part):
            value = found.get("val", "")
            if name == "abstractNum":
                kind = found.get("abstractNumId", "")
            elif name == "lvl" and parent == "abstractNum":
                level = found.get("ilvl", "")
            elif name == "lvlText" and value:
                levels.setdefault(kind, {})[level] = value
            elif name == "rFonts" and level in levels.get(kind, {}):
                levels[kind][level] = translated(found.get("ascii", ""), levels[kind][level])
            elif name == "num":
                list_id = found.get("numId", "")
            elif (parent, name) == ("num", "abstractNumId"):
                lists[list_id] = value
    found_bullets = {(id, level): mark for id, kind in lists.items() for level, mark in levels.get(kind, {}).items()}
    return {place: mark for place, mark in found_bullets.items() if mark in TELLING}
