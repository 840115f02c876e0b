"""Which entries of the thread a prompt has: the newest ones that fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.deps import Deps
from shared.json_types import Json
from shared.objects.run import RunRecord

#: Messages a prompt looks back at the most.
WINDOW: Final = 500


@dataclass(frozen=True, slots=True)
class PromptEntry:
    """Input items that stay together, with their place in the thread."""

    #: Sorts calls before the message that followed them.
    position: tuple[int, int, int]
    items: list[Json]
    tokens: int
    #: Whether it belongs to the present run, and so must not be dropped.
    present: bool


def budget(deps: Deps, record: RunRecord) -> int:
    """Tokens the prompt may weigh: what the client allowed for the whole run, or what the model takes."""
    allowed = record.run.max_prompt_tokens
    rest = deps.settings.model_context_tokens
    return rest if allowed is None else min(rest, allowed - record.spent.prompt_tokens)


def fit(entries: list[PromptEntry], tokens: int) -> list[PromptEntry]:
    """The entries without the oldest ones that do not fit; the newest message and the present run's stay."""
    kept: list[PromptEntry] = []
    left = tokens
    for index, entry in enumerate(reversed(entries)):
        left -= entry.tokens
        if left < 0 and index > 0 and not entry.present:
            break
        kept.append(entry)
    return kept[::-1]
