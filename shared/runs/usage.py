"""What a turn has used, in the API's words, and what its step says in its metadata of how the turn went."""

from __future__ import annotations

from typing import Final

from shared.llm.base import UNREPORTED, Turn, TurnUsage
from shared.objects.common import Metadata, Usage
from shared.objects.run import RunRecord
from shared.objects.step import StepRecord
from shared.runs import waiting

#: The remarks of a step whose turn, or an attempt at it, used tokens that nobody reported; they are not counted.
NOT_REPORTED: Final = "not reported"
UNKNOWN: Final[Metadata] = {"usage": NOT_REPORTED}
PARTIAL: Final[Metadata] = {"usage": "partly reported"}
#: Characters of a value in metadata.
LONGEST_REMARK: Final = 512


def of_turn(record: RunRecord, turn: Turn, *, summary: bool) -> tuple[Usage, Metadata]:
    """What the run's turn used, without earlier attempts at it, and what its step says (`summary`: thoughts, too)."""
    used = turn.usage.plus(UNREPORTED) if record.turn_left else turn.usage
    remarks = remarks_on(used) | remarks_of(turn, summary=summary)
    if record.completion_window is not None:
        remarks[waiting.COMPLETION_WINDOW] = record.completion_window
    if record.completion_window is not None or record.service_tier is not None:
        remarks[waiting.SERVICE_TIER] = turn.service_tier or NOT_REPORTED
    return usage_of(used), remarks


def of_attempts(used: TurnUsage) -> tuple[Usage, Metadata]:
    """The same for attempts of which no turn came."""
    return usage_of(used), remarks_on(used)


def usage_of(used: TurnUsage) -> Usage:
    """The tokens in the API's words."""
    written = {"cache_write_tokens": used.cache_write_tokens} if used.cache_write_tokens else {}
    return Usage(
        prompt_tokens=used.input_tokens,
        completion_tokens=used.output_tokens,
        total_tokens=used.input_tokens + used.output_tokens,
        prompt_token_details={"cached_tokens": used.cached_tokens, **written},
        completion_tokens_details={"reasoning_tokens": used.reasoning_tokens},
    )


def remarks_on(used: TurnUsage) -> Metadata:
    """What the step says of its usage: nothing, if it is complete."""
    if used.is_complete:
        return {}
    return PARTIAL if used.input_tokens else UNKNOWN


def remarks_of(turn: Turn, *, summary: bool) -> Metadata:
    """What else the step says: which endpoint answered, why the model was not given earlier reasoning, what it told."""
    remarks: Metadata = {"endpoint": turn.endpoint} if turn.endpoint else {}
    if turn.withheld:
        remarks["reasoning_withheld"] = ", ".join(turn.withheld)[:LONGEST_REMARK]
    told = "\n\n".join(part["text"] for item in turn.items for part in item.get("summary") or ())
    if summary and told:
        remarks["reasoning_summary"] = told if len(told) <= LONGEST_REMARK else told[: LONGEST_REMARK - 1] + "…"
    return remarks


def count_turn(record: RunRecord, usage: Usage) -> None:
    """A turn is over, which used that much beside what its attempts did."""
    record.spent, record.attempted = record.spent.plus(usage), Usage()
    record.turns, record.response_id = record.turns + 1, None
    record.turn_left, record.lost_responses = False, 0


def count_usage(record: RunRecord, step: StepRecord | None, usage: Usage, remarks: Metadata) -> None:
    """An attempt at a turn used that much; `step` is the turn's, if it has come that far."""
    record.spent = record.spent.plus(usage)
    if step is not None:
        step.usage = (step.usage or Usage()).plus(usage)
        step.step.metadata |= remarks
    else:
        record.attempted = record.attempted.plus(usage)
        record.turn_left = record.turn_left or bool(remarks)
