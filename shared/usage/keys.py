"""Where an owner's usage is stored, and what of a budget is used up: beside `layout.py`, which has all the rest."""

from __future__ import annotations

from typing import Final

#: How the keys of an owner's usage begin: of a run, of all runs of a day, and of a day's bytes of files.
RUN: Final = "run-"
DAY: Final = "day-"
STORED: Final = "stored-"
#: Up to which day the owner's runs are added up.
ADDED_UP: Final = "added-up"
#: An owner's whole budget; an assistant's key begins so.
BUDGET: Final = "budget"


def usage(owner: str) -> str:
    """The partition of what an owner has used."""
    return f"{owner}:usage"


def budget(owner: str) -> str:
    """The partition of what is used up of an owner's budget."""
    return f"{owner}:budget"
