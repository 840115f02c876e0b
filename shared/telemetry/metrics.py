"""The box's metrics: what is counted and measured, in instruments of OpenTelemetry.

What comes with every run is kept in plain numbers, which are read when somebody collects: an instrument costs more than
the storage operation it would count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation

from shared.llm.base import TurnUsage
from shared.telemetry import names


class Meters:
    """One process's instruments; attributes are those of `names`."""

    def __init__(self, provider: MeterProvider, model_provider: str) -> None:
        """`model_provider` is whose models answer, as `gen_ai.provider.name`."""
        meter = provider.get_meter("api-in-a-box", schema_url=names.SCHEMA_URL)
        self._provider = model_provider
        self._duration = meter.create_histogram(
            names.OPERATION_DURATION,
            "s",
            "Seconds of runs, turns of the model, and calls of the box's own.",
            explicit_bucket_boundaries_advisory=names.SECONDS,
        )
        self._first = meter.create_histogram(
            names.TIME_TO_FIRST_CHUNK,
            "s",
            "Seconds until the model says something.",
            explicit_bucket_boundaries_advisory=names.FIRST_SECONDS,
        )
        self._tokens = meter.create_histogram(
            names.TOKEN_USAGE, "{token}", "Tokens of a turn.", explicit_bucket_boundaries_advisory=names.TOKENS
        )
        self._waited = meter.create_histogram(
            names.QUEUE_WAIT,
            "s",
            "Seconds that messages were due before they were handled.",
            explicit_bucket_boundaries_advisory=names.WAIT_SECONDS,
        )
        self._messages = meter.create_gauge(names.QUEUE_MESSAGES, "{message}", "Messages, hidden ones included.")
        self._poison = meter.create_gauge(names.QUEUE_POISON, "{message}", "Messages that wait for a person.")
        self._poisoned = meter.create_counter(names.POISONED, "{message}", "Messages that failed too often.")
        self._retries = meter.create_counter(names.RETRIES, "{retry}", "What was tried again after a wait.")
        self._troubles = meter.create_counter(names.TROUBLES, "{trouble}", "Warnings and errors in the log.")
        self._statuses: Counter[str] = Counter()
        self._operations: Counter[tuple[str, str]] = Counter()
        #: Runs whose lease this process holds.
        self.driven = 0
        meter.create_observable_counter(
            names.RUNS, [self._runs], "{run}", "Runs that came into a status, in this process."
        )
        meter.create_observable_up_down_counter(
            names.DRIVEN, [self._driven], "{run}", "Runs that this process carries on at the moment."
        )
        meter.create_observable_counter(
            names.STORAGE, [self._storage], "{operation}", "Calls of the storage, retries of its client not counted."
        )

    def turn(self, model: str, seconds: float, first: float | None, used: TurnUsage | None, error: str | None) -> None:
        """A turn is over, after so many seconds; `used` is None for one that failed."""
        about = {names.OPERATION: names.CHAT, names.PROVIDER: self._provider, names.MODEL: model}
        self._duration.record(seconds, about if error is None else {**about, names.ERROR: error})
        if first is not None:
            self._first.record(first, about)
        if used is not None:
            self._tokens.record(used.input_tokens, {**about, names.TOKEN_TYPE: "input"})
            self._tokens.record(used.output_tokens, {**about, names.TOKEN_TYPE: "output"})

    def call(self, tool: str, seconds: float, error: str | None) -> None:
        """A call of the box's own is over."""
        about = {names.OPERATION: names.EXECUTE_TOOL, names.PROVIDER: self._provider, names.TOOL_NAME: tool}
        self._duration.record(seconds, about if error is None else {**about, names.ERROR: error})

    def run(self, model: str, seconds: float, error: str | None) -> None:
        """A run is over."""
        about = {names.OPERATION: names.INVOKE_AGENT, names.PROVIDER: self._provider, names.MODEL: model}
        self._duration.record(seconds, about if error is None else {**about, names.ERROR: error})

    def status(self, status: str) -> None:
        """A run has come into that status."""
        self._statuses[status] += 1

    def waited(self, queue: str, seconds: float) -> None:
        """A message was handled so long after it was due."""
        self._waited.record(seconds, {names.QUEUE: queue})

    def waiting(self, queue: str, messages: int, poison: int) -> None:
        """So many messages are in that queue, and in that of its poison."""
        self._messages.set(messages, {names.QUEUE: queue})
        self._poison.set(poison, {names.QUEUE: queue})

    def poisoned(self, queue: str) -> None:
        """A message of that queue has failed too often."""
        self._poisoned.add(1, {names.QUEUE: queue})

    def retry(self, action: str) -> None:
        """Something is tried again; `action` as in the log."""
        self._retries.add(1, {names.ACTION: action})

    def trouble(self, action: str) -> None:
        """A warning or an error was logged."""
        self._troubles.add(1, {names.ACTION: action})

    def operation(self, service: str, method: str) -> None:
        """The storage is called."""
        self._operations[service, method] += 1

    def _runs(self, options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(count, {names.STATUS: status}) for status, count in [*self._statuses.items()]]

    def _driven(self, options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(self.driven)]

    def _storage(self, options: CallbackOptions) -> Iterable[Observation]:
        counts: Mapping[tuple[str, str], int] = dict(self._operations)
        return [
            Observation(count, {names.SERVICE: service, names.METHOD: method})
            for (service, method), count in counts.items()
        ]
