"""A thread as items of a conversation, as the Responses and Conversations APIs take them. Pure.

Messages keep their role and annotations, calls of functions, of the code interpreter and of MCP servers and searches in
files stand where the model made them. What those APIs have no word for is named, never dropped in silence.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from shared.ids import number_of
from shared.json_types import Json
from shared.moving.function_calls import function_of
from shared.moving.outgoing import ReadThread
from shared.objects.step import StepRecord
from shared.runs.file_search import queries_of
from shared.runs.prompt.entries import NO_OUTPUT

#: What nothing of a thread has a counterpart for; said once in the manifest.
NOT_INCLUDED: Final = (
    "runs themselves: model, instructions, tools, usage, times (their messages and calls are items)",
    "times of messages, and ids of those of users",
    "the model's reasoning between the turns of a run",
)


@dataclass(slots=True)
class ThreadItems:
    """A thread's items in order, and what of it could not become one."""

    #: File id -> name, of the files that there are.
    names: Mapping[str, str]
    items: list[Json] = field(default_factory=list)
    #: Id of the message, run or call, and what of it is left out.
    left_out: list[tuple[str, str]] = field(default_factory=list)
    _calls: Counter[str] = field(default_factory=Counter)

    def add_message(self, message: Json, phase: str | None = None) -> None:
        """A message; one without anything to show becomes no item."""
        is_user = message["role"] == "user"
        if message["metadata"]:
            self._leave_out(message["id"], "metadata of a message")
        content = self._user_content(message) if is_user else self._answer_content(message)
        if not content:
            self._leave_out(message["id"], "a message without content")
        elif is_user:
            self.items.append({"type": "message", "role": "user", "content": content})
        else:
            status = message["status"] if message["status"] == "completed" else "incomplete"
            said = {"type": "message", "id": message["id"], "role": "assistant", "status": status, "content": content}
            self.items.append(said | ({} if phase is None else {"phase": phase}))

    def add_step(self, record: StepRecord, shown: frozenset[str]) -> None:
        """The calls of a turn, with their outputs; `shown` are the pictures that messages show."""
        status = "completed" if record.step.status == "completed" else "incomplete"
        for call in record.step.step_details.get("tool_calls") or ():
            call_id, kind = str(call.get("id")), call["type"]
            of = call.get(kind)
            of = of if isinstance(of, dict) else {}
            match kind:
                case "function":
                    self._add_function(call_id, of, status)
                case "code_interpreter":
                    self._add_code(call_id, of, status, record, shown)
                case "file_search":
                    self._add_search(call_id, of, status, record)
                case "mcp":
                    self._add_mcp(call_id, call, of)
                case _ if (made := function_of(call)) is not None:
                    self._add_function(call_id, made._asdict(), status)
                case _:
                    self._leave_out(call_id, f"a call of the tool {kind}")

    def add_run(self, run: Json) -> None:
        """A run is no item; how it ended is told where it was not well."""
        if run["status"] != "completed":
            self._leave_out(run["id"], f"a run that is {run['status']}")
        if run["metadata"]:
            self._leave_out(run["id"], "metadata of a run")

    def _user_content(self, message: Json) -> list[Json]:
        content: list[Json] = []
        for part in message["content"]:
            match part:
                case {"type": "text", "text": {"value": str(text), **more}}:
                    content += [{"type": "input_text", "text": text}] if text else []
                    if more.get("annotations"):
                        self._leave_out(message["id"], "annotations of a user's message")
                case {"type": "image_file", "image_file": {"file_id": str(file_id), **more}}:
                    if self._is_there(message["id"], file_id):
                        detail = more.get("detail") or "auto"
                        content.append({"type": "input_image", "file_id": file_id, "detail": detail})
                case {"type": "image_url", "image_url": {"url": url, **more}}:
                    content.append({"type": "input_image", "image_url": url, "detail": more.get("detail") or "auto"})
                case _:
                    self._leave_out(message["id"], f"content of type {part['type']}")
        attached = dict.fromkeys(each["file_id"] for each in message["attachments"])
        there = [each for each in attached if self._is_there(message["id"], each)]
        return [*content, *({"type": "input_file", "file_id": each} for each in there)]

    def _answer_content(self, message: Json) -> list[Json]:
        """Texts with annotations; the pictures between them are files that the text behind them refers to."""
        content: list[Json] = []
        pictures: list[str] = []
        for part in message["content"]:
            match part:
                case {"type": "text", "text": {"value": str(text)}} if text:
                    paths = [_path(each) for each in pictures]
                    annotations = [*paths, *self._annotations(message["id"], part["text"].get("annotations") or ())]
                    content.append({"type": "output_text", "text": text, "annotations": _counted(annotations)})
                    pictures = []
                case {"type": "text"}:
                    pass
                case {"type": "refusal", "refusal": refusal}:
                    content.append({"type": "refusal", "refusal": refusal})
                case {"type": "image_file", "image_file": {"file_id": str(file_id)}}:
                    pictures += [file_id] if self._is_there(message["id"], file_id) else []
                case _:
                    self._leave_out(message["id"], f"content of type {part['type']}")
        if pictures:
            text = ", ".join(self.names[each] for each in pictures)
            paths = [_path(each) for each in pictures]
            content.append({"type": "output_text", "text": text, "annotations": _counted(paths)})
        if message["attachments"]:
            self._leave_out(message["id"], "attachments of an answer")
        return content

    def _annotations(self, message_id: str, annotations: Iterable[Json]) -> list[Json]:
        found: list[Json] = []
        for each in annotations:
            match each:
                case {"type": "file_citation", "file_citation": {"file_id": str(file_id), **more}}:
                    if self._is_there(message_id, file_id):
                        cited = {"type": "file_citation", "file_id": file_id, "filename": self.names[file_id]}
                        found.append(cited | {"index": each.get("start_index") or 0})
                    if more.get("quote"):
                        self._leave_out(message_id, "the quote of a citation")
                case {"type": "file_path", "file_path": {"file_id": str(file_id)}}:
                    found += [_path(file_id)] if self._is_there(message_id, file_id) else []
                case {"type": "url_citation", "url_citation": {"url": str(url), **more}}:
                    where = {"start_index": each.get("start_index") or 0, "end_index": each.get("end_index") or 0}
                    found.append({"type": "url_citation", "url": url, "title": more.get("title") or url, **where})
                case _:
                    self._leave_out(message_id, f"an annotation of type {each.get('type')}")
        return found

    def _add_function(self, call_id: str, of: Json, status: str) -> None:
        # Some servers begin to count anew in every turn.
        self._calls[call_id] += 1
        unique = call_id if self._calls[call_id] == 1 else f"{call_id}-{self._calls[call_id]}"
        name, arguments, output = _text(of.get("name")), _text(of.get("arguments")), of.get("output")
        called = {"type": "function_call", "call_id": unique, "name": name, "arguments": arguments or "{}"}
        if output is None:
            self._leave_out(call_id, "the output of a call that never got one")
        answer = {
            "type": "function_call_output",
            "call_id": unique,
            "output": NO_OUTPUT if output is None else _text(output),
        }
        self.items += [called | {"status": status}, answer]

    def _add_code(self, call_id: str, of: Json, status: str, record: StepRecord, shown: frozenset[str]) -> None:
        outputs = []
        for each in _objects(of.get("outputs")):
            match each:
                case {"type": "logs", "logs": str(logs)}:
                    outputs.append({"type": "logs", "logs": logs})
                case {"type": "image", "image": {"file_id": file_id}} if file_id in shown:
                    pass
                case _:
                    self._leave_out(call_id, f"an output of code of type {each.get('type')} that no answer shows")
        where = f"cntr_{record.step.thread_id.removeprefix('thread_')}"
        code = {"type": "code_interpreter_call", "id": _as("ci_", call_id), "code": _text(of.get("input"))}
        self.items.append(code | {"container_id": where, "outputs": outputs, "status": status})

    def _add_search(self, call_id: str, of: Json, status: str, record: StepRecord) -> None:
        asked = [each.get("arguments") or "" for each in record.items if each.get("call_id") == call_id]
        queries = [query for arguments in asked for query in queries_of(arguments)]
        if not queries:
            self._leave_out(call_id, "the queries of a search: the API did not give them out")
        results = [
            {
                "file_id": _text(each.get("file_id")),
                "filename": _text(each.get("file_name")),
                "score": each["score"] if isinstance(each.get("score"), int | float) else 0.0,
                "text": "\n".join(_text(part.get("text")) for part in _objects(each.get("content"))),
            }
            for each in _objects(of.get("results"))
        ]
        search = {"type": "file_search_call", "id": _as("fs_", call_id), "queries": queries}
        self.items.append(search | {"results": results, "status": status})

    def _add_mcp(self, call_id: str, call: Json, of: Json) -> None:
        made: Json = {"type": "mcp_call", "id": _as("mcp_", call_id)}
        for name in ("server_label", "name", "arguments", "output"):
            made[name] = _text(call.get(name) or of.get(name))
        self.items.append(made | {"arguments": made["arguments"] or "{}"})

    def _is_there(self, identifier: str, file_id: str) -> bool:
        if file_id not in self.names:
            self._leave_out(identifier, "a file that does not exist any more")
        return file_id in self.names

    def _leave_out(self, identifier: str, what: str) -> None:
        self.left_out.append((identifier, what))


def items_of(read: ReadThread, names: Mapping[str, str]) -> ThreadItems:
    """The thread as items; `names` are those of the files that there are, by id."""
    made = ThreadItems(names)
    records = [StepRecord.from_json(row.data) for row in read.steps]
    before: defaultdict[int, list[StepRecord]] = defaultdict(list)
    phases: dict[str, str | None] = {}
    for record in records:
        created = record.step.step_details.get("message_creation")
        if isinstance(created, dict):
            phases[str(created.get("message_id"))] = record.phase
        before[record.position].append(record)
    shown = frozenset(_pictures(row.data for row in read.messages))
    last = -1
    for row in read.messages:
        number = number_of(row.key)
        for position in range(last + 1, number + 1):
            for record in before.pop(position, ()):
                made.add_step(record, shown)
        made.add_message(row.data, phases.get(row.data["id"]))
        last = number
    for position in sorted(before):
        for record in before[position]:
            made.add_step(record, shown)
    for run in read.runs:
        made.add_run(run.data["run"])
    return made


def file_ids(read: ReadThread) -> set[str]:
    """The files that messages cite, show or have attached."""
    found: set[str] = set()

    def look(value: Any) -> None:
        if isinstance(value, dict):
            found.update({value["file_id"]} if isinstance(value.get("file_id"), str) else ())
            for each in value.values():
                look(each)
        elif isinstance(value, list):
            for each in value:
                look(each)

    look([[row.data["content"], row.data["attachments"]] for row in read.messages])
    return found


def _path(file_id: str) -> Json:
    return {"type": "file_path", "file_id": file_id, "index": 0}


def _counted(annotations: Iterable[Json]) -> list[Json]:
    """Annotations whose paths say which file of the text they are."""
    counted, number = [], 0
    for each in annotations:
        counted.append(each | {"index": number} if each["type"] == "file_path" else each)
        number += each["type"] == "file_path"
    return counted


def _pictures(messages: Iterable[Json]) -> Iterable[str]:
    for message in messages:
        for part in message["content"]:
            if part["type"] == "image_file":
                yield part["image_file"]["file_id"]


def _text(value: Any) -> str:
    """What stands where a text belongs: dumps have texts, nothing, or the value that the text says."""
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


def _objects(value: Any) -> list[Json]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _as(prefix: str, call_id: str) -> str:
    """A call's id as an item's of that kind."""
    return prefix + call_id.removeprefix("call_")
