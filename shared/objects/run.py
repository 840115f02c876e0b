"""The run, as stored and as answered, and the record that carries it between drivers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, Literal

from msgspec import Struct, field

from shared import layout
from shared.json_types import Json
from shared.objects.common import Metadata, Usage
from shared.objects.stored import ApiObject, StoredRecord
from shared.objects.thread import Counters

RunStatus = Literal[
    "queued",
    "in_progress",
    "requires_action",
    "cancelling",
    "cancelled",
    "failed",
    "completed",
    "incomplete",
    "expired",
]

#: A run that is not over: it locks its thread.
ACTIVE: Final[frozenset[RunStatus]] = frozenset({"queued", "in_progress", "requires_action", "cancelling"})

#: Kinds of calls that search: files, an index, the web.
SEARCHES: Final = frozenset(
    {
        "file_search",
        "azure_ai_search",
        "web_search",
        "web_search_preview",
        "bing_grounding",
        "bing_custom_search",
    }
)


class Run(ApiObject, kw_only=True):
    """A run; model, instructions, tools and the like are resolved when it is created."""

    id: str
    object: Literal["thread.run"] = "thread.run"
    created_at: int
    assistant_id: str
    thread_id: str
    status: RunStatus = "queued"
    started_at: int | None = None
    expires_at: int | None = None
    cancelled_at: int | None = None
    failed_at: int | None = None
    completed_at: int | None = None
    #: {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [{"id": "call_1", "type": "function",
    #: "function": {"name": "weather", "arguments": "{}"}}]}}
    required_action: Json | None = None
    last_error: dict[str, str] | None = None
    model: str
    instructions: str = ""
    tools: list[Json] = field(default_factory=list)
    tool_resources: Json = field(default_factory=dict)
    metadata: Metadata = field(default_factory=dict)
    temperature: float | None = 1.0
    top_p: float | None = 1.0
    reasoning_effort: str | None = None
    max_completion_tokens: int | None = None
    max_prompt_tokens: int | None = None
    truncation_strategy: Json = field(default_factory=lambda: {"type": "auto", "last_messages": None})
    incomplete_details: dict[str, str] | None = None
    usage: Usage | None = None
    response_format: Any = "auto"
    tool_choice: Any = "auto"
    parallel_tool_calls: bool = True

    @property
    def deadline(self) -> float:
        """Unix seconds at which the run's time is over; infinite for a run that has no `expires_at` (any more)."""
        return math.inf if self.expires_at is None else float(self.expires_at)


class Lease(StoredRecord, kw_only=True):
    """Which drive holds the run, and until when (unix seconds) others must keep away."""

    #: Of this one drive: a process that takes a run over from itself is another holder.
    holder: str
    until: float


class RunKey(Struct, frozen=True):
    """Which run of whose thread."""

    owner: str
    thread_id: str
    run_id: str

    @property
    def partition(self) -> str:
        """The thread's partition, in which the run's key is its id."""
        return layout.thread(self.owner, self.thread_id)


class ParentRun(StoredRecord, kw_only=True):
    """The run, of the same owner, by which a run was begun."""

    thread_id: str
    run_id: str


class LinePlace(StoredRecord, kw_only=True):
    """A run's place in its thread's line."""

    #: Messages that came with the run: they are let in with it, or leave the line with it.
    brings: list[str] = field(default_factory=list)
    #: Whether a listener waits for its turn.
    heard: bool = False
    #: When it was last seen to stand there (unix seconds).
    seen: int = 0
    #: When its turn came (unix seconds); None: it waits.
    admitted_at: int | None = None


class RunTrace(StoredRecord, kw_only=True):
    """A run's place in its trace, for whoever carries it on."""

    #: As in the header of that name: the trace, the span that is the whole run, whether it is recorded.
    traceparent: str
    #: The span by which the run was begun; empty: the trace begins with the run.
    parent: str = ""
    #: When the run began (unix seconds).
    began: float
    #: The assistant's name then.
    agent: str = ""
    #: The run's status at its last commit, or what it required then, and since when.
    state: str = "queued"
    since: float
    #: When the turn that is taken in the background was begun.
    asked: float = 0


class RunRecord(StoredRecord, kw_only=True):
    """A run's row: the public object and what its next driver must know."""

    run: Run
    owner: str
    #: The row's key, where that is not the run's id: it brought its id from elsewhere.
    stored_as: str | None = None
    #: The thread's numbers as the run has advanced them; the head has the same.
    next: Counters
    #: The numbers when the run began: its messages and steps are `first.message <= n < next.message`, likewise steps.
    first: Counters
    #: Whether the thread has steps that belong into the prompt: calls, reasoning, phases.
    calls: bool = False
    #: What a later version wrote into the head beside: the run writes it without reading it.
    head_extra: Json = field(default_factory=dict)
    #: What waits for the end of this run, while it holds the thread: ids of messages and runs, in order.
    line: list[str] = field(default_factory=list)
    #: Its own place in such a line; None: it never waited in one.
    place: LinePlace | None = None
    lease: Lease | None = None
    #: When the newest watchdog message becomes visible (unix seconds).
    watched_until: float = 0
    #: Files and stores for the tools, from the assistant or the request; the thread has its own.
    resources: Json = field(default_factory=dict)
    #: Whether the run has model, instructions, tools and format as its assistant has them, for all its other runs.
    as_assistant: bool = False
    #: What the run adds to the assistant's instructions; `run.instructions` has both.
    additional_instructions: str = ""
    #: The model to which the name that was asked for leads; None in rows that were written before this was noted.
    answered_by: str | None = None
    #: Names of tools the box runs itself; `*` means all.
    server_tools: list[str] = field(default_factory=list)
    #: What its owner has given the assistant, by limit.
    budget: dict[str, float] | None = None
    #: How long a turn may take at the provider, for a discount: `2h` or `8h`.
    completion_window: str | None = None
    #: How the provider should serve the turns.
    service_tier: str | None = None
    #: Sum over the turns taken; becomes `run.usage` at the end.
    spent: Usage = field(default_factory=Usage)
    #: Model turns whose outcome is committed.
    turns: int = 0
    #: Calls that the model made, of them searches, and how long code ran for them.
    tool_calls: int = 0
    search_calls: int = 0
    code_milliseconds: int = 0
    #: When the run ended (unix seconds); None as well for what others ended before it was written down.
    ended_at: int | None = None
    #: Of it, what attempts at the next turn have used: its step will say so, too.
    attempted: Usage = field(default_factory=Usage)
    #: An attempt at the next turn used tokens that nobody counted: a driver left in the middle, or no usage came.
    turn_left: bool = False
    #: Tokens that a prompt may weigh since the model refused a longer one.
    window: int | None = None
    #: Calls with side effects that the run was let make, each as `call_of_turn`.
    side_effects: list[str] = field(default_factory=list)
    #: The MCP servers of the run, by label, as they were when it began: `url`, `by_sse` and `tools`, or an `error`.
    mcp_servers: dict[str, Json] = field(default_factory=dict)
    #: Sealed headers for MCP servers while the run is not over: of its `tools` and of `tool_resources`, by label; of
    #: `calls` that were approved with some, by call id.
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    #: The run that waits for this one's answer, and the assistants of all runs above, the uppermost first.
    parent: ParentRun | None = None
    ancestors: list[str] = field(default_factory=list)
    #: What the run waits for, as `GET /v1/approvals` lists it.
    approval: str | None = None
    #: None: nobody asked for traces when the run was created.
    trace: RunTrace | None = None
    #: What happened to the run, oldest first, as `runs/history.py` writes it; and how much of it was left out.
    history: list[str] = field(default_factory=list)
    history_left_out: int = 0
    #: The model response under way in background mode.
    response_id: str | None = None
    #: Responses of the present turn that failed there and were begun anew.
    lost_responses: int = 0
    #: The step, and the message it writes, that are not finished.
    open_step: str | None = None
    open_message: str | None = None
    #: Files the code interpreter drew since the last message; the next message shows them.
    images: list[str] = field(default_factory=list)
    #: Files the code wrote in this run: name in the sandbox -> file id, for `sandbox:` links in the answer.
    files: dict[str, str] = field(default_factory=dict)
    #: What searches offered for citation: marker -> file id, or the address of a page.
    sources: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> RunKey:
        """The identity of the run: owner, thread and run id."""
        return RunKey(self.owner, self.run.thread_id, self.run.id)

    @property
    def booked_model(self) -> str:
        """The model on which what the run uses is booked."""
        return self.run.model if self.answered_by is None else self.answered_by

    @property
    def only_writes(self) -> bool:
        """Whether the model is offered nothing that it could call: it can but write."""
        return self.run.tool_choice == "none" or not (self.run.tools or self.server_tools)

    @property
    def is_in_line(self) -> bool:
        """Whether the run waits until its thread is free."""
        return self.place is not None and self.place.admitted_at is None

    def count_calls(self, calls: list[Json]) -> None:
        """Count calls of a turn, as clients see them."""
        self.tool_calls += len(calls)
        self.search_calls += sum(call["type"] in SEARCHES for call in calls)

    def keep_result(self, images: list[str], files: dict[str, str], sources: dict[str, str], milliseconds: int) -> None:
        """Write down what came of a call, for the answer that follows, and how long code ran for it."""
        self.images.extend(images)
        self.files |= files
        self.sources |= sources
        self.code_milliseconds += milliseconds

    def count_side_effects(self, call_ids: list[str], limit: int) -> None:
        """Write down which calls of the turn just taken may have side effects: no more than so many in the run."""
        for call_id in dict.fromkeys(call_ids):
            if len(self.side_effects) < limit:
                self.side_effects.append(self.call_of_turn(call_id))

    def call_of_turn(self, call_id: str) -> str:
        """A call of the turn just taken: model servers make up call ids, and some start anew in every turn."""
        return f"{self.turns}:{call_id}"


@dataclass(frozen=True, slots=True)
class ChildRun:
    """A run that another one begins, to be told its answer."""

    #: As the parent's driver has it.
    parent: RunRecord
    key: RunKey
    assistant_id: str
    #: What the assistant is asked.
    message: str
