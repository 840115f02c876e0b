"""What a smoke test found: a line for each step, with what was wrong in words and where to look."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Final

TROUBLE_PAGE: Final = "docs/troubleshooting.md"


class Look(StrEnum):
    """Where to look: headings of the page on trouble."""

    ADDRESS = "nothing-answers"
    FUNCTIONS = "404-everywhere"
    INSTANCE = "503"
    KEY = "401-or-403"
    STORAGE = "503-on-everything-that-is-stored"
    MODEL = "runs-fail"
    QUEUE = "runs-do-not-start"
    TOOLS = "tools-of-the-box"
    CODE = "code-does-not-run"
    SEARCH = "nothing-is-found-or-cited"
    UPLOADS = "large-files-do-not-arrive"
    STREAMS = "streams-are-held-back-or-cut"
    REST = "something-was-left-behind"


class Wrong(Exception):
    """What is wrong, in words, and where to look."""

    def __init__(self, words: str, look: Look):
        super().__init__(words)
        self.look = look


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """How a step went."""

    step: str
    ok: bool
    seconds: float
    #: Measured, by name; those in seconds end in `_seconds`.
    figures: dict[str, float] = field(default_factory=dict)
    #: What was wrong, and the heading to look under.
    wrong: str = ""
    look: Look | None = None

    def line(self) -> str:
        """For people."""
        if self.ok:
            told = ", ".join(in_words(*figure) for figure in self.figures.items())
            return f"✓ {self.step:34} {self.seconds:6.1f} s  {told}".rstrip()
        where = "" if self.look is None else f"\n    see {TROUBLE_PAGE}#{self.look}"
        return f"✗ {self.step:34} {self.seconds:6.1f} s  {self.wrong}{where}"


def in_words(name: str, figure: float) -> str:
    """A figure for people: `first_event_seconds` is first event 0.1 s."""
    what, seconds, _ = name.partition("_seconds")
    return f"{what.replace('_', ' ')} {figure:g}" + (" s" if seconds else "")


def as_json(url: str, outcomes: list[StepOutcome], seconds: float) -> str:
    """For programs."""
    steps = [asdict(each) | {"look": each.look and f"{TROUBLE_PAGE}#{each.look}"} for each in outcomes]
    whole = {"url": url, "ok": all(each.ok for each in outcomes), "seconds": round(seconds, 1), "steps": steps}
    return json.dumps(whole, indent=2, ensure_ascii=False)
