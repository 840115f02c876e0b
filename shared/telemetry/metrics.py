"""The box's metrics: what is counted and measured, and of what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from shared.llm.base import TurnUsage
from shared.telemetry import names
from shared.telemetry.numbers import About, Numbers

METRICS: Final = {
    names.OPERATION_DURATION: About(
        "histogram", "s", "Seconds of runs, turns of the model, and calls of the box's own.", names.DURATIONS
    ),
    names.TIME_TO_FIRST_CHUNK: About("histogram", "s", "Seconds until the model says something.", names.FIRST_SECONDS),
    names.TOKEN_USAGE: About("histogram", "{token}", "Tokens of a turn.", names.TOKENS),
    names.RUNS: About("counter", "{run}", "Runs that came into a status."),
    names.DRIVEN: About("sum", "{run}", "Runs that a process carries on at the moment."),
    names.QUEUE_WAIT: About(
        "histogram", "s", "Seconds that messages were due before they were handled.", names.WAIT_SECONDS
    ),
    names.QUEUE_MESSAGES: About("gauge", "{message}", "Messages, hidden ones included."),
    names.QUEUE_POISON: About("gauge", "{message}", "Messages that wait for a person."),
    names.POISONED: About("counter", "{message}", "Messages that failed too often."),
    names.RETRIES: About("counter", "{retry}", "What was tried again after a wait."),
    names.TROUBLES: About("counter", "{trouble}", "Warnings and errors in the log."),
    names.STORAGE: About("counter", "{operation}", "Calls of the storage; what its client repeats is not counted."),
}


class Meters:
    """One process's metrics."""

    def __init__(self, provider: str) -> None:
        """`provider` is whose models answer, as `gen_ai.provider.name`."""
        self.numbers = Numbers(METRICS)
        self._provider = (names.PROVIDER, provider)

    @property
    def driven(self) -> float:
        """Runs whose lease this process holds."""
        return self.numbers.value(names.DRIVEN)

    def turn(self, model: str, seconds: float, first: float | None, used: TurnUsage | None, error: str | None) -> None:
        """A turn is over, after so many seconds; `used` is None for one that failed."""
        about = ((names.OPERATION, names.CHAT), self._provider, (names.MODEL, model))
        self._lasted(seconds, error, *about)
        if first is not None:
            self.numbers.measure(names.TIME_TO_FIRST_CHUNK, first, *about)
        if used is not None:
            self.numbers.measure(names.TOKEN_USAGE, used.input_tokens, *about, (names.TOKEN_TYPE, "input"))
            self.numbers.measure(names.TOKEN_USAGE, used.output_tokens, *about, (names.TOKEN_TYPE, "output"))

    def call(self, tool: str, seconds: float, error: str | None) -> None:
        """A call of the box's own is over."""
        self._lasted(seconds, error, (names.OPERATION, names.EXECUTE_TOOL), self._provider, (names.TOOL_NAME, tool))

    def run(self, model: str, seconds: float, error: str | None) -> None:
        """A run is over."""
        self._lasted(seconds, error, (names.OPERATION, names.INVOKE_AGENT), self._provider, (names.MODEL, model))

    def _lasted(self, seconds: float, error: str | None, *about: tuple[str, str]) -> None:
        why = () if error is None else ((names.ERROR, error),)
        self.numbers.measure(names.OPERATION_DURATION, seconds, *about, *why)

    def status(self, status: str) -> None:
        """A run has come into that status."""
        self.numbers.count(names.RUNS, 1, (names.STATUS, status))

    def drives(self, by: int) -> None:
        """This process carries on one run more, or one less."""
        self.numbers.count(names.DRIVEN, by)

    def waited(self, queue: str, seconds: float) -> None:
        """A message was handled so long after it was due."""
        self.numbers.measure(names.QUEUE_WAIT, seconds, (names.QUEUE, queue))

    def waiting(self, queue: str, messages: int, poison: int) -> None:
        """So many messages are in that queue, and in that of its poison."""
        self.numbers.set(names.QUEUE_MESSAGES, messages, (names.QUEUE, queue))
        self.numbers.set(names.QUEUE_POISON, poison, (names.QUEUE, queue))

    def poisoned(self, queue: str) -> None:
        """A message of that queue has failed too often."""
        self.numbers.count(names.POISONED, 1, (names.QUEUE, queue))

    def retry(self, action: str) -> None:
        """Something is tried again; `action` as in the log."""
        self.numbers.count(names.RETRIES, 1, (names.ACTION, action))

    def trouble(self, action: str) -> None:
        """A warning or an error was logged."""
        self.numbers.count(names.TROUBLES, 1, (names.ACTION, action))

    def operation(self, service: str, method: str) -> Callable[[], None]:
        """To be called whenever the storage is."""
        return self.numbers.counter(names.STORAGE, (names.SERVICE, service), (names.METHOD, method))
