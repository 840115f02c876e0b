"""Markers of what a call found, by which answers cite it: no two of a thread are alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.ids import number_of
from shared.objects.run import RunRecord
from shared.search.citations import marker


@dataclass(slots=True)
class Markers:
    """Numbers the results of a run's calls of one kind, which may be carried out side by side."""

    record: RunRecord
    #: Where its numbers begin: other kinds, whose calls may be carried out meanwhile, have others.
    first: int = 0
    _next: int = field(default=0)

    def reserve(self, names: Sequence[str]) -> list[str]:
        """A marker for each result, of its name."""
        # Numbers of steps never come again in a thread: what an earlier run offered has another marker.
        step = 0 if self.record.open_step is None else number_of(self.record.open_step) + 1
        first = max(self._next, self.first + len(self.record.sources))
        self._next = first + len(names)
        return [marker(step, number, name) for number, name in enumerate(names, first)]
