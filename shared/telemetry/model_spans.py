"""Turns of the model as spans: those that are taken here, and those that the provider takes in the background."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType

from shared.llm.base import LlmError, Turn, TurnRequest
from shared.objects.run import RunRecord
from shared.telemetry import content, names, traces
from shared.telemetry.metrics import Meters
from shared.telemetry.traces import OpenSpan, Traces
from shared.telemetry.words import Attribute, about_turn, finish_reason, outcome_of, word_of


class ModelSpans:
    """Tells of turns."""

    def __init__(self, spans: Traces, meters: Meters, provider: str, *, contents: bool) -> None:
        self._spans, self._meters, self._provider, self._contents = spans, meters, provider, contents

    def chat(self, record: RunRecord, request: TurnRequest) -> Chat:
        """A turn that is taken in the block."""
        about = about_turn(record, self._provider)
        if self._contents:
            about |= content.of_request(request)
        span = self._spans.start(f"{names.CHAT} {record.run.model}", about)

        def tell(seconds: float, first: float | None, turn: Turn | None, error: str | None) -> None:
            self._meters.turn(record.run.model, seconds, first, None if turn is None else turn.usage, error)

        return Chat(span, self._outcome, tell)

    def answered(self, record: RunRecord, outcome: Turn | LlmError, since: float, until: float) -> None:
        """This came of a turn in the background."""
        model, failed = record.run.model, isinstance(outcome, LlmError)
        more = {names.ERROR: outcome.code} if isinstance(outcome, LlmError) else self._outcome(outcome)
        self._spans.tell(f"{names.CHAT} {model}", about_turn(record, self._provider) | more, since, until)
        used = None if isinstance(outcome, LlmError) else outcome.usage
        self._meters.turn(model, until - since, None, used, str(more[names.ERROR]) if failed else None)

    def _outcome(self, turn: Turn) -> dict[str, Attribute]:
        return outcome_of(turn) | (content.of_turn(turn, finish_reason(turn)) if self._contents else {})


class Chat:
    """A turn, while it lasts."""

    __slots__ = ("_first", "_outcome", "_span", "_started", "_tell", "_turn", "_within")

    def __init__(
        self,
        span: OpenSpan,
        outcome: Callable[[Turn], dict[str, Attribute]],
        tell: Callable[[float, float | None, Turn | None, str | None], None],
    ) -> None:
        """`tell` is told the seconds, those until the first words, the turn, and why there is none."""
        self._span, self._outcome, self._tell = span, outcome, tell
        self._first: float | None = None
        self._turn: Turn | None = None

    def __enter__(self) -> Chat:
        self._within = traces.within(self._span.context)
        self._within.__enter__()
        self._started = time.perf_counter()
        return self

    def heard(self) -> None:
        """Note when the first word of the turn came."""
        if self._first is None:
            self._first = time.perf_counter() - self._started

    def done(self, turn: Turn) -> None:
        """Note what the turn came to: its usage and how it ended."""
        self._turn = turn

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._within.__exit__(None, None, None)
        seconds, why = time.perf_counter() - self._started, None
        if self._turn is None:
            why = "no_answer" if error is None else word_of(error)
        more: dict[str, Attribute] = {names.ERROR: why or ""} if self._turn is None else self._outcome(self._turn)
        if self._first is not None:
            more[names.FIRST_CHUNK] = self._first
        self._span.attributes |= more
        self._span.end()
        self._tell(seconds, self._first, self._turn, why)
