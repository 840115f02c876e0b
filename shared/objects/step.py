"""The run step, as stored and as answered."""

from __future__ import annotations

from typing import Literal

from msgspec import field

from shared.json_types import Json
from shared.objects.common import Metadata, Usage
from shared.objects.stored import ApiObject, StoredRecord


class RunStep(ApiObject, kw_only=True):
    """A step: a message the run wrote, the tool calls of one model turn, or what the box did beside (`activities`)."""

    id: str
    object: Literal["thread.run.step"] = "thread.run.step"
    created_at: int
    run_id: str
    assistant_id: str
    thread_id: str
    type: Literal["message_creation", "tool_calls", "activities"]
    status: Literal["in_progress", "cancelled", "failed", "completed", "expired"] = "in_progress"
    cancelled_at: int | None = None
    completed_at: int | None = None
    expires_at: int | None = None
    expired_at: int | None = None
    failed_at: int | None = None
    last_error: dict[str, str] | None = None
    step_details: Json
    usage: Usage | None = None
    metadata: Metadata = field(default_factory=dict)


class StepRecord(StoredRecord, kw_only=True):
    """A step's row: the public object and what the prompt of later turns needs.

    A turn that called a function of the client and the code interpreter, after the latter has been carried out:

        step.step_details  as clients see it: {"type": "tool_calls", "tool_calls": [
                           {"id": "call_1", "type": "function",
                            "function": {"name": "weather", "arguments": "{}", "output": None}},
                           {"id": "call_2", "type": "code_interpreter",
                            "code_interpreter": {"input": "1+1", "outputs": [{"type": "logs", "logs": "2"}]}}]}
        items              as the model made it: [{"type": "reasoning", ...}, {"type": "function_call",
                           "call_id": "call_1", "name": "weather", "arguments": "{}"}, ...]
        outputs            what the model is told, by call id: {"call_2": "2"}
    """

    step: RunStep
    #: The number of the thread's next message when the step began: where its calls belong in the prompt.
    position: int
    #: The model's own output items of the turn, replayed to it: calls with the reasoning before them; of a message only
    #: the reasoning.
    items: list[Json] = field(default_factory=list)
    #: Whose reasoning that is, model and endpoint; empty: it is of no use to later runs.
    origin: str = ""
    #: Of a message: `commentary` or `final_answer`, if the model said so.
    phase: str | None = None
    #: Usage of the turn, shown on the step once it completes.
    usage: Usage | None = None
    #: Outputs by call id, as text for the model; a call without an output has only been started.
    outputs: dict[str, str] = field(default_factory=dict)
    #: How often a call was begun, by call id, where an earlier driver died during it or somebody approved it; every
    #: other once at the most.
    attempts: dict[str, int] = field(default_factory=dict)
    #: What was said of calls that waited for it, by call id: {"approve": True, "by": "me", "at": 1767225600}.
    approvals: dict[str, Json] = field(default_factory=dict)
    #: What its searches offered for citation: marker -> file id, or the address of a page.
    sources: dict[str, str] = field(default_factory=dict)
    #: Files its code wrote: path in the sandbox's folder -> file id.
    files: dict[str, str] = field(default_factory=dict)
