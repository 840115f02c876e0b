"""What the model sees: the thread in order, with earlier tool calls and outputs, cut to what fits.

Reads one range of messages and, only where steps hold calls or reasoning, one of steps; never the whole thread.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter

from shared import layout
from shared.deps import Deps
from shared.ids import key_at, number_of
from shared.json_types import Json
from shared.llm.base import Turn
from shared.objects.run import RunRecord
from shared.objects.step import StepRecord
from shared.runs.prompt.earlier import citations
from shared.runs.prompt.entries import answered, extras, message_entry, said_items, step_entry
from shared.runs.prompt.estimate import estimate_tokens, request_tokens
from shared.runs.prompt.shorten import LEAST_TOKENS, squeezed
from shared.runs.prompt.thoughts import Thoughts
from shared.runs.prompt.window import WINDOW, allowed, fit, from_user, lowest, window
from shared.runs.references import References, of_steps, steps
from shared.runs.request import text_format
from shared.runs.state import RunState
from shared.store.base import Record


@dataclass(frozen=True, slots=True)
class Prompt:
    """The input of a run's next turn."""

    #: Input items, oldest first.
    items: list[Json]
    #: What they weigh.
    tokens: int
    #: What its tool calls offered.
    references: References
    #: Whether a run shortly before had a prompt with the same beginning.
    continues: bool


class RunningPrompt:
    """The prompt as one driver keeps it: built from the thread, then continued by each turn while it fits.

    Its items are what the Responses API takes, oldest first: `{"type": "message", "role": "user", "content":
    [{"type": "input_text", "text": "Rain?"}]}`, `{"type": "function_call", "call_id": "call_1", ...}`,
    `{"type": "function_call_output", "call_id": "call_1", "output": "no"}`.
    """

    def __init__(self, deps: Deps, state: RunState, tools: list[Json], messages: list[Record] | None = None) -> None:
        """`tools` are sent beside the items; `messages` are those that it may look at, if the driver has them."""
        self.deps, self.state, self._messages, run = deps, state, messages, state.run
        self.beside = request_tokens(run.instructions, tools, text_format(run.response_format))
        self._items: list[Json] | None = None
        self._tokens = 0
        self._last_turn: list[Json] = []
        #: Whether the prompt's beginning is likely to be in the provider's cache; known with the items.
        self.continues = False

    async def items(self) -> list[Json]:
        """The input of the next turn: what there is while it fits, else built anew from the thread."""
        record = self.state.record
        if self._items is None or self._tokens > room(self.deps, record, self.beside):
            known, self._messages = self._messages, None
            prompt = await build_prompt(self.deps, record, self.beside, known)
            self._items, self._tokens, self.continues = prompt.items, prompt.tokens, prompt.continues
            self.state.earlier = prompt.references
        return self._items

    @property
    def tokens(self) -> int:
        """About what the next turn's request weighs, once its items are known."""
        return self.beside + self._tokens

    @property
    def is_allowed(self) -> bool:
        """Whether the client allows that many: what the run cannot do without may be more."""
        limit = allowed(self.state.record)
        return limit is None or self.tokens <= limit

    async def halve(self) -> bool:
        """Let the items weigh half of what they did; False if the strategy forbids it, or there is little to leave out.

        No more than half, rather, in steps: later runs of the thread come to the same weight, and so their prompts
        begin where this one does. The caller commits: whoever goes on with the run must not begin with the whole again.
        """
        await self.items()
        record, half = self.state.record, step_below(self.deps.settings.model_context_tokens, self._tokens // 2)
        gone_before = record.window is not None and self.beside + half >= record.window
        if record.run.truncation_strategy["type"] != "auto" or half < LEAST_TOKENS or gone_before:
            return False
        record.window, record.response_id = self.beside + half, None
        self._items = None
        return True

    def add_turn(self, turn: Turn) -> None:
        """The model has taken a turn; what it said belongs before its calls."""
        self._last_turn = said_items(turn.items)

    def add_outputs(self, step: StepRecord) -> None:
        """The turn's calls all have their outputs."""
        if self._items is not None:
            added = [*self._last_turn, *answered(step.items, step.outputs)]
            self._items = [*self._items, *added]
            self._tokens += estimate_tokens(added)


def step_below(tokens: int, most: int) -> int:
    """The tokens less a quarter, and a quarter of the rest, until they are no more than `most`."""
    while tokens > most:
        tokens = tokens * 3 // 4
    return tokens


def room(deps: Deps, record: RunRecord, beside: int) -> int:
    """Tokens that the items may weigh, with so many for what is sent beside them."""
    limit, most = allowed(record), window(deps, record)
    return (most if limit is None else min(most, limit)) - beside


async def build_prompt(deps: Deps, record: RunRecord, beside: int, known: list[Record] | None = None) -> Prompt:
    """The prompt for the run's next turn; `known` are the messages that it may look at, if they need not be read."""
    strategy = record.run.truncation_strategy
    last = strategy.get("last_messages") if strategy["type"] == "last_messages" else None
    if last is None:
        low = lowest(record.next.message, WINDOW)
        messages = await _messages(deps, record, low) if known is None else _since(known, low)
    else:
        low, messages = await _last_messages(deps, record, last, known)
    found = await extras(deps, record.owner, messages)
    finished = [row for row in messages if row.data["status"] != "in_progress"]
    rows, cited, origin = await steps(deps, record), citations(finished), deps.llm.origin(record.run.model)
    thoughts = Thoughts(rows, record.run.id, origin)
    entries = [thoughts.with_message(row.key, await message_entry(deps, row, record, found)) for row in finished]
    entries += (step_entry(row, record, cited, origin) for row in rows if row.data["step"]["type"] == "tool_calls")
    entries = [entry for entry in entries if entry.items and entry.position[0] >= low]
    entries.sort(key=attrgetter("position"))
    most = window(deps, record)
    entries = squeezed(from_user(entries) if last is None and low > 0 else entries, most, most - beside)
    fitting = fit(entries, room(deps, record, beside))
    items, tokens = [item for entry in fitting for item in entry.items], sum(entry.tokens for entry in fitting)
    slides = last is not None and low > 0
    continues = not slides and ran_lately(
        deps, record, [*(row.data for row in messages), *(row.data["step"] for row in rows)]
    )
    return Prompt(items, tokens, of_steps(rows), continues)


async def _last_messages(
    deps: Deps, record: RunRecord, last: int, known: list[Record] | None
) -> tuple[int, list[Record]]:
    """So many messages from before the run, and its own; with the number from which on there are no more of them.

    Deleted ones have left gaps in the numbers, so it may be necessary to look further back.
    """
    start, back = key_at(layout.MESSAGE, record.first.message), last
    while True:
        low = max(0, record.first.message - back)
        messages = await _messages(deps, record, low) if known is None else _since(known, low)
        earlier = sum(row.key < start for row in messages)
        if earlier >= last or low == 0:
            break
        back *= 2
    messages = messages[max(0, earlier - last) :]
    return (low if earlier <= last else number_of(messages[0].key)), messages


async def messages_before(deps: Deps, record: RunRecord, added: int) -> list[Record] | None:
    """The messages that the first prompt of a run looks back at, without the last ones, which are `added` with it.

    None: how far it must look, is not known before. Raises StoreError.
    """
    if record.run.truncation_strategy["type"] == "last_messages":
        return None
    end = key_at(layout.MESSAGE, record.first.message - added)
    return [row for row in await _messages(deps, record, lowest(record.next.message, WINDOW)) if row.key < end]


async def _messages(deps: Deps, record: RunRecord, low: int) -> list[Record]:
    """The thread's messages from that number on."""
    bounds = key_at(layout.MESSAGE, low), key_at(layout.MESSAGE, record.next.message)
    partition = layout.thread(record.owner, record.run.thread_id)
    return await deps.store.scan(partition, *bounds, record.next.message - low)


def _since(known: list[Record], low: int) -> list[Record]:
    first = key_at(layout.MESSAGE, low)
    return [row for row in known if row.key >= first]


def ran_lately(deps: Deps, record: RunRecord, written: Iterable[Json]) -> bool:
    """Whether an earlier run of the thread wrote one of these messages and steps so lately that caches still have it.

    Only then is there reason to believe that another one will follow before they have forgotten this one.
    """
    others = (each["created_at"] for each in written if each["run_id"] not in (None, record.run.id))
    return record.run.created_at - max(others, default=-math.inf) < deps.settings.prompt_cache_seconds
