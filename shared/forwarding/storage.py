"""What of a body would reach into the provider's storage, where nothing belongs to one owner of the box.

All owners are one account there: files, stored answers, conversations, containers and whatever else has an id could be
somebody else's. References to them are refused by the form of their names, so that new ones are, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from shared.errors import InvalidRequest
from shared.json_types import Json

REFERENCE: Final = re.compile(r"(?:^|_)ids?$")
ITEM: Final = re.compile(r"input\[[0-9]+\]")
TOOL: Final = re.compile(r"tools\[[0-9]+\]")
#: Ids within the request itself, and names that are the same for everybody.
HARMLESS: Final = frozenset(
    {"id", "approval_request_id", "call_id", "caller_id", "connector_id", "continuation_id", "tool_call_id"}
)
#: Schemas, labels and what earlier answers said: their keys mean nothing to the provider.
UNREAD: Final = frozenset({"annotations", "headers", "metadata", "parameters", "schema"})
#: Of a whole request to `/responses`, or of any.
STORED: Final = ("previous_response_id", "conversation", "prompt")
#: Parameters by which the provider reads for the caller what the box's own identity may read.
WITH_OUR_RIGHTS: Final = frozenset({"agent", "agent_reference", "data_sources"})
#: Tools by which it does so: some call any address as the box, others name what is kept instead of giving its id.
TOOLS_WITH_OUR_RIGHTS: Final = frozenset({"azure_function", "memory_search", "memory_search_preview", "openapi"})

OUR_RIGHTS: Final = "is read by the model's provider with the box's own rights"

ADVICE: Final = {
    "previous_response_id": " Answers are not stored: send the earlier items in 'input'.",
    "conversation": " Send the earlier items in 'input', or use a thread.",
    "prompt": " Send its text in 'instructions'.",
    "background": " Answers are not stored, and could not be asked for: leave it out, or use a run.",
    "file_id": " Send the content itself ('file_data', a data URL), or use a thread with the box's own files.",
    "vector_store_ids": " Use an assistant with the box's own vector stores.",
}
#: Items that are read again from the storage when what they hold is not there.
HOLDS: Final = {"reasoning": ("encrypted_content", "content"), "image_generation_call": ("result",)}


def check(body: Json, *, in_responses: bool) -> None:
    """Raises InvalidRequest for the first reference into the provider's storage."""
    for name in WITH_OUR_RIGHTS & body.keys():
        raise _refused(name, OUR_RIGHTS)
    if in_responses:
        for name in STORED:
            if body.get(name):
                raise _elsewhere(name, name)
        if body.get("background"):
            raise _refused("background", "has the answer stored at the model's provider")
    for path, name, value in _members(body):
        if REFERENCE.search(name) and name not in HARMLESS and _is_reference(value):
            raise _elsewhere(path, name)
        if (name == "container" and isinstance(value, str)) or (name == "audio" and _is_stored(value)):
            raise _elsewhere(path, name)
        if TOOL.fullmatch(path) and isinstance(value, dict) and value.get("type") in TOOLS_WITH_OUR_RIGHTS:
            raise _refused(path, OUR_RIGHTS)
        in_input = in_responses and ITEM.fullmatch(path) is not None
        if isinstance(value, dict) and _is_item_reference(value, in_input=in_input):
            raise _elsewhere(path, "item")


def check_field(name: str) -> None:
    """The same for the name of a form's field."""
    last = name.removesuffix("[]").removesuffix("]").rpartition("[")[2]
    if REFERENCE.search(last) and last not in HARMLESS:
        raise _elsewhere(name, last)


def _members(body: Json) -> Iterator[tuple[str, str, Any]]:
    """Path, name and value of everything in the body; entries of a list have the list's name."""
    waiting: list[tuple[str, str, Any]] = [("", "", body)]
    while waiting:
        path, name, here = waiting.pop()
        if path:
            yield path, name, here
        if isinstance(here, dict):
            dot = f"{path}." if path else ""
            waiting += [(f"{dot}{key}", key, value) for key, value in here.items() if key not in UNREAD]
        elif isinstance(here, list):
            waiting += [
                (f"{path}[{number}]", name, value)
                for number, value in enumerate(here)
                if isinstance(value, dict | list)
            ]


def _is_reference(value: object) -> bool:
    if isinstance(value, list):
        return any(isinstance(each, str) for each in value)
    return isinstance(value, str) and value != ""


def _is_stored(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("id"), str)


def _is_item_reference(item: Json, *, in_input: bool) -> bool:
    """Whether an item is only named; in a list of items, a type is not needed for that."""
    kind = item.get("type")
    if kind == "item_reference":
        return True
    if not in_input or not isinstance(item.get("id"), str):
        return False
    if kind is None:
        return "role" not in item
    return kind in HOLDS and not any(item.get(name) for name in HOLDS[kind])


def _elsewhere(path: str, name: str) -> InvalidRequest:
    return _refused(path, "refers to what the model's provider keeps for all owners of this box", name)


def _refused(path: str, why: str, name: str = "") -> InvalidRequest:
    message = f"'{path}' is not passed on: it {why}.{ADVICE.get(name or path, '')}"
    return InvalidRequest(message, param=path, code="not_passed_on")
