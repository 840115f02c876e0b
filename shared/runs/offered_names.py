"""Names of functions for tools whose names are somebody else's: a model takes few characters, and each name once."""

from __future__ import annotations

import hashlib
import re
from itertools import count
from typing import Final

from shared.deps import Deps
from shared.objects.run import RunRecord

#: Characters of a function's name, as models take it.
LONGEST_NAME: Final = 64


def names_taken(deps: Deps, record: RunRecord) -> set[str]:
    """Names that a run's other tools have."""
    declared = {tool["function"]["name"] for tool in record.run.tools if tool["type"] == "function"}
    return declared | {"code_interpreter", "file_search", *deps.toolbox}


def offered_name(label: str, name: str, taken: set[str]) -> str:
    """A function's name for a tool: its own, if models take it and no other has it. It is taken then."""
    plain = _plain(name)
    longer = _plain(f"{label}_{name}")
    found = next((each for each in (plain, longer) if 0 < len(each) <= LONGEST_NAME and each not in taken), None)
    if found is None:
        made = (f"{longer[: LONGEST_NAME - 9]}_{_digest(label, name, number)}" for number in count())
        found = next(each for each in made if each not in taken)
    taken.add(found)
    return found


def plain_name(name: str) -> str:
    """A name that somebody else gave to a function, as a model takes it; two may become one."""
    return _plain(name)[:LONGEST_NAME] or "_"


def _plain(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_-]", "_", name)


def _digest(label: str, name: str, number: int) -> str:
    again = f"\n{number}" if number else ""
    return hashlib.sha256(f"{label}\n{name}{again}".encode()).hexdigest()[:8]
