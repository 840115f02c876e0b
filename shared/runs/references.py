"""What answers of a thread may refer to: sources that were offered for citation, files that code wrote.

Every step keeps its own; a run reads those of earlier runs together with the steps of its prompt, so they cost nothing
more and need no copy.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from shared import layout
from shared.deps import Deps
from shared.ids import key_at
from shared.objects.run import RunRecord
from shared.runs.prompt.window import lowest
from shared.store.base import Record

#: Steps that are looked back at, at the most.
WINDOW = 500


@dataclass(frozen=True, slots=True)
class References:
    """What may be referred to."""

    #: Marker -> file id, or the address of a page.
    sources: dict[str, str] = field(default_factory=dict)
    #: Path in the sandbox's folder -> file id of its newest state.
    files: dict[str, str] = field(default_factory=dict)


async def steps(deps: Deps, record: RunRecord) -> list[Record]:
    """The thread's newest steps in order; none where they hold nothing for a prompt."""
    if not record.calls and record.turns == 0:
        return []
    bounds = key_at(layout.STEP, lowest(record.next.step, WINDOW)), key_at(layout.STEP, record.next.step)
    return await deps.store.scan(layout.thread(record.owner, record.run.thread_id), *bounds, WINDOW)


def of_steps(rows: Iterable[Record]) -> References:
    """What the steps offered; of a file written twice, the newest state."""
    found = References()
    for row in rows:
        found.sources.update(row.data.get("sources") or {})
        found.files.update(row.data.get("files") or {})
    return found
