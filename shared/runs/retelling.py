"""What a run has said, for a listener who comes late: whole messages and steps instead of deltas."""

from __future__ import annotations

from shared import ids, layout
from shared.json_types import Json
from shared.runs.events import Event
from shared.runs.recorder import Recorder
from shared.runs.tool_call_views import answered_step


async def tell(recorder: Recorder) -> None:
    """Tell the recorder's listener of every message and step of the run, as they are."""
    assert recorder.listener is not None
    record, store = recorder.record, recorder.deps.store

    async def rows(kind: str, first: int, end: int) -> list[Json]:
        bounds = ids.key_at(kind, first), ids.key_at(kind, end)
        return [each.data for each in await store.scan(record.key.partition, *bounds, max(1, end - first))]

    found = await rows(layout.MESSAGE, record.first.message, record.next.message)
    messages = {each["id"]: each for each in found if each["run_id"] == record.run.id}
    for row in await rows(layout.STEP, record.first.step, record.next.step):
        step = row["step"]
        message = messages.get(step["step_details"].get("message_creation", {}).get("message_id"))
        if message is not None:
            recorder.emit(Event(f"thread.message.{message['status']}", message))
        recorder.emit(Event(f"thread.run.step.{step['status']}", answered_step(step, recorder.listener.include)))
