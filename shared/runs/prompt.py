"""What the model sees: the thread in order, with earlier tool calls and outputs, cut to what fits.

Reads one range of messages and, only where there were tool calls, one of steps; never the whole thread.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

from shared import layout
from shared.blobs.base import BlobNotFound, read_all
from shared.deps import Caller, Deps
from shared.files import files
from shared.ids import key_at, number_of
from shared.json_types import Json
from shared.llm.base import Turn
from shared.objects.pictures import HEAD_BYTES, head_of_data_url, is_data_url, media_type
from shared.objects.run import RunRecord
from shared.objects.step import StepRecord
from shared.runs.references import References, of_steps, steps
from shared.runs.state import RunState
from shared.sandbox.base import DATA
from shared.store.base import Record

#: Messages a prompt looks back at the most.
WINDOW: Final = 500
CHARACTERS_PER_TOKEN: Final = 4
#: What a picture is taken to weigh; providers count by its size, some 85 to 1,500 tokens.
IMAGE_TOKENS: Final = 1000
#: Attached files the model is told of: the newest ones; each costs a look at its row.
MOST_ATTACHED: Final = 100
#: The output of a call whose run ended before the call did; a call without output is refused by models.
NO_OUTPUT: Final = "(no output: the run ended before this call did)"


@dataclass(frozen=True, slots=True)
class PromptEntry:
    """Input items that stay together, with their place in the thread."""

    #: Sorts calls before the message that followed them.
    position: tuple[int, int, int]
    items: list[Json]
    tokens: int
    #: Whether it belongs to the present run, and so must not be dropped.
    present: bool


@dataclass(frozen=True, slots=True)
class Prompt:
    """The input of a run's next turn."""

    #: Input items, oldest first.
    items: list[Json]
    #: What its tool calls offered.
    references: References


class RunningPrompt:
    """The prompt as one driver keeps it: built from the thread, then continued by each turn while it fits.

    Its items are what the Responses API takes, oldest first: `{"type": "message", "role": "user", "content":
    [{"type": "input_text", "text": "Rain?"}]}`, `{"type": "function_call", "call_id": "call_1", ...}`,
    `{"type": "function_call_output", "call_id": "call_1", "output": "no"}`.
    """

    def __init__(self, deps: Deps, state: RunState, messages: list[Record] | None = None) -> None:
        """`messages` are all that the thread has, if the driver has them."""
        self.deps, self.state, self._messages = deps, state, messages
        self._items: list[Json] | None = None
        self._last_turn: list[Json] = []

    async def items(self) -> list[Json]:
        """The input of the next turn: what there is while it fits, else built anew from the thread."""
        if self._items is None or estimate_tokens(self._items) > budget(self.deps, self.state.record):
            known, self._messages = self._messages, None
            prompt = await build_prompt(self.deps, self.state.record, known)
            self._items = prompt.items
            self.state.refer_to(prompt.references)
        return self._items

    def add_turn(self, turn: Turn) -> None:
        """The model has taken a turn; what it said belongs before its calls."""
        self._last_turn = assistant_items(turn.items)

    def add_outputs(self, step: StepRecord) -> None:
        """The turn's calls all have their outputs."""
        if self._items is not None:
            self._items = [*self._items, *self._last_turn, *answered(step.items, step.outputs)]


async def build_prompt(deps: Deps, record: RunRecord, known: list[Record] | None = None) -> Prompt:
    """The prompt for the run's next turn; `known` are all messages of the thread, if they need not be read."""
    partition = layout.thread(record.owner, record.run.thread_id)
    strategy = record.run.truncation_strategy
    last = strategy.get("last_messages") if strategy["type"] == "last_messages" else None
    low = max(0, record.first.message - last if last is not None else record.next.message - WINDOW)
    first, end = key_at(layout.MESSAGE, low), key_at(layout.MESSAGE, record.next.message)
    if known is None:
        known = await deps.store.scan(partition, first, end, record.next.message - low)
    messages = [row for row in known if row.key >= first]
    names = await attached_names(deps, record.owner, messages)
    finished = [row for row in messages if row.data["status"] != "in_progress"]
    entries = [await message_entry(deps, row, record, names) for row in finished]
    rows = await steps(deps, record)
    entries += (step_entry(row, record) for row in rows if row.data["step"]["type"] == "tool_calls")
    entries = [entry for entry in entries if entry.items and entry.position[0] >= low]
    fitting = fit(sorted(entries, key=attrgetter("position")), budget(deps, record))
    return Prompt([item for entry in fitting for item in entry.items], of_steps(rows))


def budget(deps: Deps, record: RunRecord) -> int:
    """Tokens the prompt may weigh: what the client allowed for the whole run, or what the model takes."""
    allowed = record.run.max_prompt_tokens
    rest = deps.settings.model_context_tokens
    return rest if allowed is None else min(rest, allowed - record.spent.prompt_tokens)


def fit(entries: list[PromptEntry], tokens: int) -> list[PromptEntry]:
    """The entries without the oldest ones that do not fit; the newest message and the present run's stay."""
    kept: list[PromptEntry] = []
    left = tokens
    for index, entry in enumerate(reversed(entries)):
        left -= entry.tokens
        if left < 0 and index > 0 and not entry.present:
            break
        kept.append(entry)
    return kept[::-1]


async def message_entry(deps: Deps, row: Record, record: RunRecord, names: Mapping[str, str]) -> PromptEntry:
    """A message as an input item; `names` are those of attached files."""
    role, number = row.data["role"], number_of(row.key)
    parts = [await content_part(deps, record.owner, role, part) for part in row.data["content"]]
    content = [part for part in parts if part is not None]
    if role == "user":
        content += attached_parts(row.data["attachments"], names)
    items: list[Json] = [{"type": "message", "role": role, "content": content}] if content else []
    return PromptEntry((number, 1, 0), items, estimate_tokens(items), row.data["run_id"] == record.run.id)


async def attached_names(deps: Deps, owner: str, messages: Iterable[Record]) -> dict[str, str]:
    """The names of the files attached to the messages, the newest ones."""
    file_ids = [each["file_id"] for row in messages for each in row.data["attachments"]]
    return await files.names(Caller(deps, owner), file_ids[-MOST_ATTACHED:])


def attached_parts(attachments: Iterable[Json], names: Mapping[str, str]) -> list[Json]:
    """What the model is told of a message's files: which they are, and where its tools find them."""
    tools: dict[str, set[str]] = {}
    for each in attachments:
        tools.setdefault(each["file_id"], set()).update(tool["type"] for tool in each.get("tools") or ())
    remarks = []
    for file_id, kinds in tools.items():
        if file_id in names:
            places = [f"{DATA}/{file_id}"] if "code_interpreter" in kinds else []
            places += ["file_search"] if "file_search" in kinds else []
            remarks.append(f"(attached: {', in '.join([names[file_id], *places])})")
    return [{"type": "input_text", "text": remark} for remark in remarks]


async def content_part(deps: Deps, owner: str, role: str, part: Json) -> Json | None:
    """A content part in the model's terms; the model's own pictures are not shown to it again."""
    match part["type"]:
        case "text":
            kind = "input_text" if role == "user" else "output_text"
            return {"type": kind, "text": part["text"]["value"]} if part["text"]["value"] else None
        case "refusal":
            return {"type": "refusal", "refusal": part["refusal"]}
        case "image_url" if role == "user":
            return linked_picture(part["image_url"])
        case "image_file" if role == "user":
            return await picture(deps, owner, part["image_file"])
    return None


def linked_picture(image: Json) -> Json:
    """A picture by its address, or within it; threads of earlier versions may hold what is no picture."""
    url = image["url"]
    if is_data_url(url) and media_type(head_of_data_url(url)) is None:
        return unreadable("a picture")
    return {"type": "input_image", "image_url": url, "detail": image.get("detail") or "auto"}


async def picture(deps: Deps, owner: str, image: Json) -> Json:
    """An uploaded picture, inline: the provider cannot see our files. It is `name`d for errors; that is not sent."""
    file_id, blob = image["file_id"], layout.file_blob(owner, image["file_id"])
    try:
        kind = media_type(await read_all(deps.blobs, blob, 0, HEAD_BYTES))
        if kind is None:
            return unreadable(f"the file {file_id}")
        data = await read_all(deps.blobs, blob)
    except BlobNotFound:
        return {"type": "input_text", "text": f"(the image {file_id} was deleted)"}
    url = f"data:{kind};base64,{base64.b64encode(data).decode()}"
    return {"type": "input_image", "image_url": url, "detail": image.get("detail") or "auto", "name": file_id}


def unreadable(what: str) -> Json:
    """Words in place of what was shown as a picture and is none; sent as one, it would fail every run of its thread."""
    return {"type": "input_text", "text": f"({what} was left out: it is no PNG, JPEG, GIF or WebP picture)"}


def step_entry(row: Record, record: RunRecord) -> PromptEntry:
    """A turn's calls with their outputs; the model's reasoning only within its own run."""
    number, present = number_of(row.key), row.data["step"]["run_id"] == record.run.id
    kept = [item for item in row.data["items"] if present or item["type"] == "function_call"]
    items = answered(kept, row.data["outputs"])
    return PromptEntry((row.data["position"], 0, number), items, estimate_tokens(items), present)


def answered(items: list[Json], outputs: Mapping[str, str]) -> list[Json]:
    """A turn's items with the outputs of its calls behind them."""
    calls = [item["call_id"] for item in items if item["type"] == "function_call"]
    return items + [
        {"type": "function_call_output", "call_id": call_id, "output": outputs.get(call_id, NO_OUTPUT)}
        for call_id in calls
    ]


def assistant_items(turn_items: Iterable[Json]) -> list[Json]:
    """What the model said in a turn, as it would come back from the thread."""
    return [
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": part["text"]}]}
        for item in turn_items
        if item["type"] == "message"
        for part in item["content"]
        if part.get("text")
    ]


def estimate_tokens(items: Iterable[Json]) -> int:
    """A rough number of tokens."""
    tokens = 0
    for item in items:
        content: list[Any] = item.get("content") or []
        images = sum(part["type"] == "input_image" for part in content)
        text = json.dumps([part for part in content if part["type"] != "input_image"] or item, ensure_ascii=False)
        tokens += images * IMAGE_TOKENS + len(text) // CHARACTERS_PER_TOKEN
    return tokens
