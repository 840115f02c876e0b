"""The model port: one model turn at a time, in the Responses API's terms.

A turn is taken in one of two ways: `stream` holds the connection and yields what the model says; `start`, `poll` and
`cancel` leave it running at the provider. Which tools exist and what becomes of calls is the engine's business.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

from msgspec import Struct

from shared.json_types import Json

#: What is said of a model that answers.
FINE: Final = "answers"
#: The type of items that are searches of the provider's own.
SEARCH: Final = "web_search_call"


@dataclass(frozen=True, slots=True)
class Caching:
    """What a provider must know to find the beginning of a prompt again, and to find out whether that pays."""

    #: Requests with the same key look for one another's beginnings. It tells nobody whose they are.
    key: str
    #: The run that asks.
    run: str
    #: The assistant's instructions without what the run adds; None: the run has instructions or tools of its own.
    instructions: str | None
    #: What the run adds to them.
    additional: str = ""
    #: Whether the thread had a run so lately that what was written then is still there.
    continues: bool = False
    #: Prompt tokens that the run has had from the cache so far.
    read: int = 0


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """What to ask the model. `None` means: say nothing about it."""

    model: str
    instructions: str
    #: Input items as the Responses API takes them: messages, function_call, function_call_output, reasoning.
    #: An `input_image` may have a `name`, by which errors speak of it; that is not sent.
    input: list[Json]
    #: Tools as the Responses API takes them: {"type": "function", "name", "description", "parameters", …}, or its own.
    tools: list[Json] = field(default_factory=list)
    #: "none" | "auto" | "required" | {"type": "function", "name": ...} | {"type": "web_search"}
    tool_choice: Any = "auto"
    parallel_tool_calls: bool = True
    temperature: float | None = None
    top_p: float | None = None
    #: `text.format`: {"type": "text" | "json_object"} or {"type": "json_schema", "name", "schema", "strict"}.
    text_format: Json | None = None
    reasoning_effort: str | None = None
    max_output_tokens: int | None = None
    #: How long the turn may take if it is started in the background, for a discount: "2h" or "8h".
    completion_window: str | None = None
    #: How the provider should serve the turn: "default", "flex", …
    service_tier: str | None = None
    caching: Caching | None = None
    #: Whose turn it is, and the thread it belongs to: who waits takes turns by owner, a thread stays at its endpoint.
    owner: str = ""
    thread: str = ""


class TurnUsage(Struct, frozen=True):
    """Tokens of one turn, as the provider counted them, attempts that failed included."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    #: Of the input: written to the provider's prompt cache.
    cache_write_tokens: int = 0
    #: False: the turn, or an attempt at it, used tokens that the provider did not report.
    is_complete: bool = True

    def plus(self, other: TurnUsage) -> TurnUsage:
        """The sum, complete if both are."""
        return TurnUsage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_tokens + other.cached_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
            self.is_complete and other.is_complete,
        )


#: Of a turn that used tokens which nobody reported.
UNREPORTED: Final = TurnUsage(is_complete=False)


class Turn(Struct, frozen=True):
    """A finished turn: what the model wrote, the calls it makes, and why it stopped."""

    #: Output items in order: `message` (perhaps with `phase`), `function_call` (call_id, name, arguments), `reasoning`,
    #: and what the provider did itself, `web_search_call`.
    items: list[Json]
    usage: TurnUsage
    #: None, or why the model stopped early: `max_output_tokens`, `content_filter`, or another word of the provider's.
    incomplete: str | None = None
    response_id: str | None = None
    #: Of the answer's headers, by which the provider finds the request; and the model as the answer names it.
    request_id: str | None = None
    model: str | None = None
    #: Whether the model makes use of the turn's reasoning in later runs of the thread.
    reasoning_lasts: bool = False
    #: Why reasoning among the input was withheld from the model, in the provider's words, each once.
    withheld: tuple[str, ...] = ()
    #: How the provider served the turn, if it says so.
    service_tier: str | None = None
    #: Which of several endpoints took it, by its name; empty: there is but one.
    endpoint: str = ""
    #: Item number of the turn's events -> place among `items`; empty: they are the same.
    places: dict[int, int] = {}

    @property
    def calls(self) -> list[Json]:
        """The calls to carry out: none of a turn that was cut short."""
        return [] if self.incomplete is not None else [each for each in self.items if each["type"] == "function_call"]


class TextDelta(Struct, frozen=True):
    """More text of the message that is output item `item`."""

    item: int
    text: str
    refusal: bool = False


class CallStarted(Struct, frozen=True):
    """Output item `item` is a function call; its arguments follow."""

    item: int
    call_id: str
    name: str


class ArgumentsDelta(Struct, frozen=True):
    """More of the arguments (JSON text) of the call that is output item `item`."""

    item: int
    text: str


class Searched(Struct, frozen=True):
    """Output item `item`, `call`, is a search of the web that the provider has carried out."""

    item: int
    call: Json


class Cited(Struct, frozen=True):
    """Output item `item`, a message, cites a page: {"type": "url_citation", "url", "title", "start_index", …}."""

    item: int
    annotation: Json


@dataclass(frozen=True, slots=True)
class Retried:
    """The request was refused or got no good answer, and is sent again after a wait of so many seconds."""

    status: int | None
    #: The provider's word for why, or the kind of error.
    code: str
    seconds: float
    #: Of the answer that was no good, as the provider has it.
    request_id: str | None = None


class TurnDone(Struct, frozen=True):
    """The last event of a stream."""

    turn: Turn


TurnEvent = TextDelta | CallStarted | ArgumentsDelta | Searched | Cited | Retried | TurnDone


@dataclass(frozen=True, slots=True)
class ModelHealth:
    """Whether the model would take a turn, and why not: one line without keys, hosts and the provider's words."""

    answers: bool
    words: str = FINE
    #: The same of each endpoint by its name, where there are several.
    endpoints: Mapping[str, str] = field(default_factory=dict)


class OfferedModel(Struct, frozen=True):
    """A model that the provider lists, with what it says of it: unix seconds of its making and of its end."""

    id: str
    created: int | None = None
    ends: int | None = None


class LlmError(Exception):
    """The model could not take the turn, after the adapter's retries.

    `code` is what the run's `last_error` will say; `message` is safe to show to the client. `broke_off` tells that the
    model had begun to answer: the same request may well succeed, if what was heard can be forgotten. `usage` is what
    the attempts used all the same.
    """

    def __init__(
        self,
        code: Literal["server_error", "rate_limit_exceeded", "invalid_prompt"],
        message: str,
        *,
        broke_off: bool = False,
        usage: TurnUsage | None = None,
    ):
        super().__init__(message)
        #: Whether another endpoint may take the same request, and whether this one may at another time.
        self.elsewhere = self.passes = False
        #: Seconds that the endpoint asks to wait.
        self.after: float | None = None
        self.broke_off = broke_off
        self.usage = usage or TurnUsage()
        self.code: Literal["server_error", "rate_limit_exceeded", "invalid_prompt"] = code
        self.message = message


class PromptTooLong(LlmError):
    """The model takes no prompt of that length: a shorter one may succeed."""


class Llm(Protocol):
    """A provider of models, asked turn by turn. Foreign errors come out as LlmError."""

    #: What `make run` prints: which models answer, and from where.
    description: str
    #: Whether `start`, `poll` and `cancel` work.
    can_run_in_background: bool

    def stream(self, request: TurnRequest, deadline: float) -> AsyncGenerator[TurnEvent, None]:
        """Take a turn. Retries (429, 5xx, lost connection) happen inside, before anything is said, never past
        `deadline` (unix seconds), and each is told by a `Retried`. Raises LlmError. Closing the iterator abandons
        the turn."""
        ...

    async def start(self, request: TurnRequest, key: str, deadline: float) -> str:
        """Begin a turn in the background and return its response id; `key` makes a repeated start idempotent where the
        provider supports it. Raises LlmError."""
        ...

    async def poll(self, response_id: str) -> Turn | None:
        """The finished turn, or None while it is under way. Raises LlmError when it failed or is lost."""
        ...

    async def cancel(self, response_id: str) -> TurnUsage:
        """Abandon a background turn; one that is already over is no error. Returns what it has used."""
        ...

    def origin(self, model: str) -> str:
        """Whose reasoning that of the model is, a short text: no other model, and no other endpoint, can read it."""
        ...

    def answering(self, model: str) -> str:
        """The model that answers to a name, as the operator calls it: what is used is booked on it."""
        ...

    async def models(self) -> list[OfferedModel]:
        """The models that the provider lists. Raises LlmError."""
        ...

    async def health(self) -> ModelHealth:
        """Whether it can be asked, found out within seconds and for nothing."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...
