"""The thread's messages and steps as the model reads them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from shared.deps import Caller, Deps
from shared.files import files
from shared.ids import number_of
from shared.json_types import Json
from shared.objects.run import RunRecord
from shared.runs.prompt.earlier import short_outputs
from shared.runs.prompt.estimate import estimate_tokens
from shared.runs.prompt.pictures import Place, linked_picture, picture, too_many, without_room
from shared.runs.prompt.thoughts import before_messages, recalled
from shared.runs.prompt.window import PromptEntry, lowest
from shared.sandbox.base import DATA
from shared.store.base import Record

#: Attached files the model is told of: the newest ones; each costs a look at its row.
MOST_ATTACHED: Final = 100
#: The output of a call whose run ended before the call did; a call without output is refused by models.
NO_OUTPUT: Final = "(no output: the run ended before this call did)"


@dataclass(frozen=True, slots=True)
class Extras:
    """What is known of all messages' files and pictures."""

    #: File id -> name, of attached files.
    names: Mapping[str, str]
    #: Pictures that are not shown any more.
    left_out: Collection[Place] = ()


async def extras(deps: Deps, owner: str, messages: list[Record]) -> Extras:
    """Looked up for all messages at once."""
    return Extras(await attached_names(deps, owner, messages), await too_many(deps, owner, messages))


async def message_entry(deps: Deps, row: Record, record: RunRecord, known: Extras) -> PromptEntry:
    """A message as an input item."""
    role, number = row.data["role"], number_of(row.key)
    parts = [
        without_room(part) if (row.key, index) in known.left_out else await content_part(deps, record.owner, role, part)
        for index, part in enumerate(row.data["content"])
    ]
    content = [part for part in parts if part is not None]
    if role == "user":
        content += attached_parts(row.data["attachments"], known.names)
    items: list[Json] = [{"type": "message", "role": role, "content": content}] if content else []
    return PromptEntry((number, 1, 0), items, estimate_tokens(items), row.data["run_id"] == record.run.id)


async def attached_names(deps: Deps, owner: str, messages: Iterable[Record]) -> dict[str, str]:
    """The names of the files attached to the messages, the newest ones; older ones lose theirs in blocks."""
    file_ids = [each["file_id"] for row in messages for each in row.data["attachments"]]
    if not file_ids:
        return {}
    return await files.names(Caller(deps, owner), file_ids[lowest(len(file_ids), MOST_ATTACHED) :])


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


def step_entry(row: Record, record: RunRecord, cited: Mapping[str, Collection[str]], origin: str) -> PromptEntry:
    """A turn's calls with their outputs, those of earlier runs shortened, and their reasoning if its `origin` is this.

    `cited` are the places of sources that each run's answers cited.
    """
    number, run_id = number_of(row.key), row.data["step"]["run_id"]
    present = run_id == record.run.id
    kept = recalled(row.data, record.run.id, origin)
    whole, short = row.data["outputs"], row.data["outputs"]
    if not present:
        short = short_outputs(row.data, cited.get(run_id, ()))
    items = answered(kept, short)
    tokens = estimate_tokens(items)
    shed = 0 if short == whole else max(0, estimate_tokens(answered(kept, whole)) - tokens)
    return PromptEntry((row.data["position"], 0, number), items, tokens, present, shed)


def answered(items: list[Json], outputs: Mapping[str, str]) -> list[Json]:
    """A turn's items with the outputs of its calls behind them."""
    calls = [item["call_id"] for item in items if item["type"] == "function_call"]
    return items + [
        {"type": "function_call_output", "call_id": call_id, "output": outputs.get(call_id, NO_OUTPUT)}
        for call_id in calls
    ]


def said_items(turn_items: Sequence[Json]) -> list[Json]:
    """What the model said in a turn and thought before it, as both would come back from the thread."""
    thoughts, _ = before_messages(turn_items)
    said: list[Json] = []
    for place, before in thoughts.items():
        message = turn_items[place]
        content = [part for part in message["content"] if part.get("text") or part.get("refusal")]
        phase = {} if message.get("phase") is None else {"phase": message["phase"]}
        if content:
            said += [*before, {"type": "message", "role": "assistant", "content": content, **phase}]
    return said
