"""Telemetry that stays in this process, and the traces it has, as people draw them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.config import Settings
from shared.telemetry.recording import Recording
from shared.telemetry.setup import recorded


class Told:
    """What telemetry has told."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self._tellers: list[Recording] = []

    def telemetry(self, settings: Settings, clock: Callable[[], float]) -> Recording:
        """Telemetry that tells it here; several boxes may share one `Told`, as processes share a collector."""
        self._tellers.append(recorded(settings, [SimpleSpanProcessor(self._spans)], [], clock))
        return self._tellers[-1]

    def settled(self, runs: int = 1) -> None:
        """Wait until so many runs are over, and nobody drives any: clients may hear of an end first."""
        until = time.monotonic() + 10
        while time.monotonic() < until:
            over = sum(each.name.startswith("invoke_agent") for each in self.spans())
            if over >= runs and not any(each.meters.driven for each in self._tellers):
                return
            time.sleep(0.01)
        raise AssertionError(f"not over:\n{trees(self.spans())}")

    def spans(self) -> Sequence[ReadableSpan]:
        return self._spans.get_finished_spans()

    def span(self, name: str) -> ReadableSpan:
        """The only span whose name begins so."""
        [found] = [each for each in self.spans() if each.name.startswith(name)]
        return found

    def trees(self, runs: int = 1) -> str:
        """Each trace as a tree, in the order in which spans began, when so many runs are over; what failed says why."""
        self.settled(runs)
        return trees(self.spans())

    def metrics(self) -> dict[str, list[Any]]:
        """The points of each metric, of the first box."""
        return {metric["name"]: metric["points"] for metric in self._tellers[0].meters.numbers.all()}


def trees(spans: Sequence[ReadableSpan]) -> str:
    ours = {each.context.span_id for each in spans}
    lines: list[str] = []

    def draw(span: ReadableSpan, depth: int) -> None:
        error = (span.attributes or {}).get("error.type")
        lines.append("  " * depth + span.name + (f" !{error}" if error else ""))
        for each in below(span.context.span_id):
            draw(each, depth + 1)

    def below(span_id: int) -> list[ReadableSpan]:
        found = [each for each in spans if each.parent is not None and each.parent.span_id == span_id]
        return sorted(found, key=lambda each: each.start_time or 0)

    tops = [each for each in spans if each.parent is None or each.parent.span_id not in ours]
    for top in sorted(tops, key=lambda each: each.start_time or 0):
        draw(top, 0)
    return "\n".join(lines)
