"""What happened to a run, as lines: when, what, for how long, by whom, and what else is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from shared.cli.calls import printable
from shared.json_types import Json

DURATION: Final = "duration_ms"


def timeline(events: Sequence[Json]) -> Iterator[str]:
    """A line for each event; times are seconds since the first one, by the clocks of the hosts that wrote them."""
    began = events[0]["created_at_ms"] if events else 0
    for each in events:
        at = f"{(each['created_at_ms'] - began) / 1000:+9.3f} s"
        took = f"{each['details'][DURATION] / 1000:.3f} s" if DURATION in each["details"] else ""
        by = f"by {each['by']}" if each["by"] else ""
        known = [by, *_known(each["details"].items())]
        yield printable(f"  {at}  {each['type']:<18} {took:>10}  {'  '.join(filter(None, known))}").rstrip()


def _known(details: Iterable[tuple[str, object]]) -> Iterator[str]:
    for name, value in details:
        if name != DURATION:
            yield f"{name}={','.join(map(str, value)) if isinstance(value, list) else value}"
