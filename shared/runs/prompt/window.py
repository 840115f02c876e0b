"""Which entries of the thread a prompt has: the newest ones that fit, from a place that stays where it is for long.

Providers charge a tenth for a beginning that they have seen before. A window that slid with every message would never
have one: so its start moves in blocks, and follows from the thread alone, whoever computes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from shared.deps import Deps
from shared.json_types import Json
from shared.objects.run import RunRecord

#: Messages a prompt looks back at the most.
WINDOW: Final = 500
#: A window that is full drops a quarter of itself at once.
BLOCKS: Final = 4


@dataclass(frozen=True, slots=True)
class PromptEntry:
    """Input items that stay together, with their place in the thread."""

    #: Sorts calls before the message that followed them.
    position: tuple[int, int, int]
    items: list[Json]
    tokens: int
    #: Whether it belongs to the present run, and so must not be dropped.
    present: bool
    #: What it weighed more while its run went on, before its outputs were shortened.
    shed: int = 0

    @property
    def is_users(self) -> bool:
        """Whether it is a message of the user, where a conversation may begin."""
        return self.items[0].get("role") == "user"


def window(deps: Deps, record: RunRecord) -> int:
    """Tokens the model takes, as far as is known."""
    known = deps.settings.model_context_tokens
    return known if record.window is None else min(known, record.window)


def allowed(record: RunRecord) -> int | None:
    """Prompt tokens that the client still allows; None: as many as the model takes."""
    limit = record.run.max_prompt_tokens
    return None if limit is None else limit - record.spent.prompt_tokens


def lowest(following: int, size: int) -> int:
    """The number from which to look back, where `following` comes next: no more than `size` back, in whole blocks."""
    block = size // BLOCKS
    return max(0, -(-(following - size) // block) * block)


def from_user(entries: list[PromptEntry]) -> list[PromptEntry]:
    """The entries from the first one of the user; all, if the user has said nothing."""
    return entries[next((place for place, entry in enumerate(entries) if entry.is_users), 0) :]


def newest_message(entries: Sequence[PromptEntry]) -> int:
    """The place of the newest message that is not the present run's own: most often its question."""
    return max((place for place, entry in enumerate(entries) if not entry.present), default=0)


def fit(entries: list[PromptEntry], tokens: int) -> list[PromptEntry]:
    """The newest entries that fit; the newest message and the present run's stay in any case.

    Goes through the thread as it grew: whenever it did not fit any more, the window moved on to the first message of
    the user with which three quarters were enough. So it begins where it began for the runs before, also where one of
    them had more to carry than what it left. An exchange in whose middle it had to begin goes once another one follows.
    """
    sums = [0, *accumulate(entry.tokens for entry in entries)]
    newest = newest_message(entries)
    start = shed = 0
    for place, entry in enumerate(entries):
        shed = 0 if entry.is_users else shed + max(0, min(entry.shed, tokens // 2 - entry.tokens))
        weight = sums[place + 1] + shed
        if weight - sums[start] > tokens:
            weights = {each: weight - sums[each] for each in range(start, min(place, newest) + 1)}
            start = _moved(entries, weights, tokens)
    return from_user(entries[start:]) if start else entries


def _moved(entries: list[PromptEntry], weights: dict[int, int], tokens: int) -> int:
    """Where to begin, by what the window would weigh from each place: light enough to stay for a while, if there is."""
    for room in (tokens - tokens // BLOCKS, tokens):
        light = [place for place, weight in weights.items() if weight <= room]
        if light:
            return next((place for place in light if entries[place].is_users), light[0])
    return max(weights)
