"""What a look at one thing found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    #: It works, and somebody should know.
    WARNING = "warning"
    #: Something that the box needs does not work.
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, in words without secrets."""

    check: str
    state: State
    words: str


def ok(check: str, words: str) -> Finding:
    """A check that found nothing wrong."""
    return Finding(check, State.OK, words)


def warning(check: str, words: str) -> Finding:
    """A check that found something which somebody should know."""
    return Finding(check, State.WARNING, words)


def broken(check: str, words: str) -> Finding:
    """A check that found something which the box needs and which does not work."""
    return Finding(check, State.BROKEN, words)
