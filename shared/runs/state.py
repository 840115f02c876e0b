"""A run between two commits: its record, what is open, and what the next commit must write. Pure, without a store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from shared import ids, layout
from shared.json_types import Json
from shared.objects.common import Metadata, Usage
from shared.objects.message import Message
from shared.objects.run import Run, RunRecord, RunStatus
from shared.objects.step import StepRecord
from shared.runs import drafts, lease, lifecycle
from shared.runs.changes import Changes
from shared.runs.events import Event
from shared.runs.references import References
from shared.runs.tool_calls import ToolResult, set_outputs
from shared.runs.usage import UNKNOWN, count_turn, count_usage
from shared.store.base import EXISTING, Delete, Existing, Put


class RunState:
    """A run's record with its open step and open message, and every change that can be made to them.

    Methods change the objects and note rows for `changes()`, `reasons`, and events for `committed()`. Callers commit.
    """

    def __init__(self, record: RunRecord, now: Callable[[], int], include: Collection[str] | None = None) -> None:
        """`include` is what a listener asked to be told besides (`include[]`); None: nobody listens."""
        self.record, self._now, self._changes = record, now, Changes(include)
        self.step: StepRecord | None = None
        self.message: Message | None = None
        #: What the thread's earlier steps offered to its answers.
        self.earlier = References()
        #: Counted since the last commit; and whether a turn was, of which nothing may be known.
        self.unsaved, self.has_turned = Usage(), False
        #: Why somebody must look at the run after the next commit, in words of queue messages: they go out before it.
        self.reasons: list[str] = []
        #: The step that stays open beneath a message which the model wrote after calls.
        self._beneath: StepRecord | None = None
        #: What is stored of a message that the model has not begun.
        self._reserved: tuple[StepRecord, Message] | None = None

    @property
    def run(self) -> Run:
        """The run as clients would see it after the next commit."""
        return self.record.run

    def reopen(self, step: StepRecord | None, message: Message | None) -> None:
        """Go on with what an earlier commit left open."""
        if step is not None:
            self.step = step
            self._changes.has_stored(step.step.id)
        if message is not None:
            self.message = message
            self._changes.has_stored(message.id)

    def changes(self, version: str | None, head: str | Existing | None = EXISTING) -> list[Put | Delete]:
        """Everything since the last commit, as `Changes.rows`."""
        return self._changes.rows(self.record, version, head)

    def committed(self) -> list[Event]:
        """The changes are stored: forget them, and return the events that tell of them."""
        self.unsaved, self.has_turned, self.reasons = Usage(), False, []
        return self._changes.committed()

    def told(self) -> list[Event]:
        """Events of what is stored without another commit: forget them."""
        return self._changes.events()

    def reserve_message(self) -> None:
        """Store the message that the model can but write, empty, and its step: then the first word need not wait."""
        step, message = self._reserved = drafts.new_answer(self.record, self._now())
        self._changes.put(step.step.id, step.to_json())
        self._changes.put(message.id, message.to_json())

    def open_message(self) -> bool:
        """Begin an empty message and the step that writes it; whether they are stored, since they were reserved."""
        reserved, self._reserved = self._reserved, None
        step, self.message = reserved or drafts.new_answer(self.record, self._now())
        self._begin_step(step)
        self._put_message("thread.message.created", "thread.message.in_progress")
        return reserved is not None

    def show(self, content: list[Json]) -> None:
        """Keep what clients have been shown of the open message, in case that it stays unfinished. Nothing is noted."""
        if self.message is not None:
            self.message.content = content

    def close_message(
        self, content: list[Json], usage: Usage | None = None, incomplete: str | None = None
    ) -> StepRecord:
        """Finish the open message with all its content, and its step. `incomplete` says why the text ends early."""
        assert self.message is not None
        self.message = drafts.closed_message(self.message, content, incomplete, self._now())
        self._put_message(f"thread.message.{self.message.status}")
        self.message, self.record.open_message, self.record.images = None, None, []
        return self.close_step(usage)

    def keep(self, step: StepRecord, items: list[Json], origin: str, phase: str | None) -> None:
        """Keep with a step what the model thought before it wrote, and the message's phase. Clients are not told."""
        step.items, step.origin, step.phase = items, origin, phase
        self.record.calls = True
        self._changes.put(step.step.id, step.to_json())

    def open_step(self, kind: str = "tool_calls", content: Sequence[Json] = ()) -> None:
        """Begin a step: for the turn's tool calls, which follow by deltas and `set_calls`, or for what is there."""
        if self._reserved is not None:
            self.discard_open()
        details, position = {kind: list(content)}, self.record.next.message
        self._begin_step(drafts.new_step(self.record, kind, details, position, self._now()))

    def set_calls(self, items: list[Json], calls: list[Json], usage: Usage, origin: str = "") -> None:
        """Write down the turn that made the calls: its items, its calls as clients see them, its tokens."""
        assert self.step is not None
        self.step.items, self.step.usage, self.step.origin = items, usage, origin
        self.record.count_calls(calls)
        self._show_calls(calls)

    def set_usage(self, usage: Usage) -> None:
        """Write down the tokens of a turn whose calls were cut short; they come with the step's end."""
        if self.step is not None:
            self.step.usage = usage

    def remark(self, remarks: Metadata) -> None:
        """Say something of its turn in the open step's metadata; it is told with the step's next change."""
        if self.step is not None:
            self.step.step.metadata |= remarks

    def count_attempts(self, attempts: dict[str, int]) -> None:
        """Write down how often calls of the open step have been begun, by call id. Clients see no difference."""
        assert self.step is not None
        self.step.attempts |= attempts
        self._put_step()

    def add_result(self, call_id: str, result: ToolResult) -> int:
        """Write down what came of a call; returns its place in the step. Clients have had it by deltas."""
        assert self.step is not None
        self.step.outputs[call_id] = result.output
        self.step.files |= result.files
        self.step.sources |= result.sources
        made = (item["call_id"] for item in self.step.items if item["type"] == "function_call")
        places = [index for index, each in enumerate(made) if each == call_id]
        shown = list(self.step.step.step_details["tool_calls"])
        for index in places:
            shown[index] = result.call
        self._show_calls(shown)
        self.record.keep_result(result.images, result.files, result.sources, result.milliseconds)
        return places[0]

    def take_outputs(self, outputs: dict[str, str]) -> None:
        """Write the client's outputs, by call id, into the step that waits for them, and finish it."""
        assert self.step is not None
        self.step.outputs.update(outputs)
        set_outputs(self.step.step.step_details["tool_calls"], outputs)
        self.close_step(self.step.usage)

    def close_step(self, usage: Usage | None) -> StepRecord:
        """Finish the open step as completed, with the tokens of its turn."""
        assert self.step is not None
        closed = self.step
        drafts.close_step(closed, "completed", usage, self._now())
        if self.step.step.type == "tool_calls":
            self.record.calls = True
        self._put_step("thread.run.step.completed")
        self.step, self._beneath = self._beneath, None
        self.record.open_step = None if self.step is None else self.step.step.id
        return closed

    def discard_open(self) -> None:
        """Forget what was reserved, or what a dead driver had begun of a turn, which is taken again."""
        self._changes.delete(self.record.open_step, self.record.open_message)
        self._forget_open()

    def announce(self, created: Json) -> None:
        """Note the events of a run that is new, as it is created."""
        self._changes.note(("thread.run.created", "thread.run.queued"), created)

    def set_metadata(self, metadata: Metadata) -> None:
        """Replace the run's metadata."""
        self.run.metadata = metadata

    def count_turn(self, usage: Usage) -> None:
        """One more model turn is over, wherever it was taken."""
        self.unsaved, self.has_turned = self.unsaved.plus(usage), True
        count_turn(self.record, usage)

    def count_usage(self, usage: Usage, remarks: Metadata) -> None:
        """Count what a turn used that is not over: for the run, and for its step, now or when there is one."""
        self.unsaved = self.unsaved.plus(usage)
        count_usage(self.record, self.step, usage, remarks)

    def await_response(self, response_id: str) -> None:
        """Leave the turn to the provider: nobody drives the run until the response is there."""
        self.record.response_id = response_id
        self.reasons.append("poll")
        lease.release(self.record)

    def require_action(self, calls: list[Json], kind: str = "submit_tool_outputs") -> None:
        """Wait for what the client must say of these calls, which are as it is asked."""
        self.advance("requires_action", required_action={"type": kind, kind: {"tool_calls": calls}})
        self.reasons.append("expiry")

    def require_approval(self, calls: list[Json], seconds: int) -> None:
        """Wait so long until somebody approves these calls, or does not."""
        self.record.approval = ids.newest_first(layout.APPROVAL)
        self._expire_in(seconds)
        self.require_action(calls, "submit_tool_approval")

    def take_approvals(self, said: dict[str, Json], seconds: int) -> None:
        """Write down who approved which calls of the open step; the run has so long from now on."""
        assert self.step is not None
        self.step.approvals |= said
        self.record.approval = None
        self._expire_in(seconds)
        self._show_calls(self.step.step.step_details["tool_calls"])

    def advance(
        self,
        status: RunStatus,
        *,
        last_error: dict[str, str] | None = None,
        incomplete: str | None = None,
        required_action: Json | None = None,
    ) -> None:
        """Bring the run into its next status; a terminal one closes what is open and frees the thread.

        `last_error` is `{"code": ..., "message": ...}`, `incomplete` the reason. Raises IllegalTransitionError.
        """
        ends = not lifecycle.is_active(status)
        if ends and self._reserved is not None:
            self.discard_open()
        if status in lifecycle.ENDINGS:
            self._end_open(status, last_error)
        if ends:
            self.record.response_id, self.record.ended_at = None, self._now()
            self._changes.ends = True
        if ends or status == "requires_action":
            lease.release(self.record)
        self.record.run = lifecycle.advance(
            self.run,
            status,
            self._now(),
            required_action=required_action,
            last_error=last_error,
            incomplete=incomplete,
            usage=self.record.spent if ends else None,
        )
        self._changes.note((f"thread.run.{status}",), self.run)

    def _expire_in(self, seconds: int) -> None:
        assert self.step is not None
        self.run.expires_at = self.step.step.expires_at = self._now() + seconds
        self._put_step()

    def _begin_step(self, step: StepRecord) -> None:
        self._beneath, self.step, self.record.open_step = self.step, step, step.step.id
        self._put_step("thread.run.step.created", "thread.run.step.in_progress")

    def _end_open(self, status: str, last_error: dict[str, str] | None) -> None:
        step_status, reason = lifecycle.ENDINGS[status]
        if self.message is not None:
            self.message = drafts.closed_message(self.message, self.message.content, reason, self._now())
            self._put_message("thread.message.incomplete")
        if self.step is not None:
            if self.step.usage is None:
                self.remark(UNKNOWN)
            drafts.close_step(self.step, step_status, self.step.usage, self._now(), last_error)
            self._put_step(f"thread.run.step.{step_status}")
        self._forget_open()

    def _forget_open(self) -> None:
        self.step = self.message = self._beneath = self._reserved = None
        self.record.open_step = self.record.open_message = None

    def _show_calls(self, calls: list[Json]) -> None:
        assert self.step is not None
        said = self.step.approvals
        shown = [call | {"approval": said[call["id"]]} if call["id"] in said else call for call in calls]
        self.step.step.step_details = {"type": "tool_calls", "tool_calls": shown}
        self._put_step()

    def _put_step(self, *events: str) -> None:
        assert self.step is not None
        self._changes.put(self.step.step.id, data := self.step.to_json())
        self._changes.note(events, data["step"])

    def _put_message(self, *events: str) -> None:
        assert self.message is not None
        self._changes.put(self.message.id, data := self.message.to_json())
        self._changes.note(events, data)
