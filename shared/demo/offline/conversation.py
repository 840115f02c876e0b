"""What the rules look at: the user's last message, the tools on offer, and what they gave since that message."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from shared.json_types import Json
from shared.llm.base import TurnRequest

_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
#: What the box adds to the output of a program: charts, files, restarts.
_REMARKS = re.compile(r"^\((?:\d+ chart|File |The interpreter)[^\n]*\)$", re.MULTILINE)
_LINK = re.compile(r"link it as (sandbox:[^\s)]+?)\.?\)")
#: What the box tells of a message's files: the name, then where tools find it.
_ATTACHED = re.compile(r"\(attached: (?P<name>[^\n]{1,260}?)(?P<places>(?:, in (?:/mnt/data/[^\s,]+|file_search))*)\)")
#: What the box tells where nothing isolates code.
_CANNOT_RUN = "The code interpreter cannot run here"
_DATA_FILE = re.compile(r"[\w-]+\.(?:csv|tsv)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PastCall:
    """A function the model calls, with its arguments."""

    name: str
    arguments: Json


@dataclass(frozen=True, slots=True)
class Done:
    """A call that was carried out."""

    name: str
    output: str

    @property
    def printed(self) -> str:
        """What a program printed, without the box's remarks."""
        return _REMARKS.sub("", self.output).strip()

    @property
    def links(self) -> str:
        """Links to the files that a program wrote, in the words of the box's remarks."""
        return "".join(f"\n[{path.rpartition('/')[2]}]({path})" for path in _LINK.findall(self.output))

    def json(self) -> Json | None:
        """The output, if it is a JSON object; programs may print other things around it."""
        for line in [self.output, *reversed(self.output.splitlines())]:
            try:
                value = json.loads(line)
            except ValueError:
                continue
            if isinstance(value, dict):
                return value
        return None


@dataclass(frozen=True, slots=True)
class Conversation:
    """One question, and how far the work on it is."""

    text: str
    instructions: str
    #: Function tools by name.
    tools: Mapping[str, Json]
    #: Calls since the question, oldest first.
    done: tuple[Done, ...] = ()
    #: What the assistant said before the question.
    previous: str = ""
    #: What the user said before, and which files came along.
    earlier: str = ""

    def offers(self, *names: str) -> bool:
        """Whether all these tools may be called."""
        return all(name in self.tools for name in names)

    def outputs(self, name: str) -> list[Done]:
        """What a tool gave since the question."""
        return [each for each in self.done if each.name == name]

    @property
    def why_no_code(self) -> str | None:
        """Why no program can be run on this machine, once the box has said so."""
        told = (each.output.removeprefix("Error: ") for each in self.outputs("code_interpreter"))
        return next((each for each in told if each.startswith(_CANNOT_RUN)), None)

    def asks(self, pattern: str) -> bool:
        """Whether the question has words of this pattern."""
        return re.search(rf"\b(?:{pattern})", self.text, re.IGNORECASE) is not None

    def call(self, name: str, value: object) -> PastCall:
        """A call with one argument, under the name that the tool's schema gives it."""
        properties = (self.tools[name].get("parameters") or {}).get("properties") or {}
        return PastCall(name, {next(iter(properties), "input"): value})

    def without(self, name: str) -> Conversation:
        """The same conversation with one tool less."""
        return replace(self, tools={each: tool for each, tool in self.tools.items() if each != name})

    @property
    def address(self) -> str | None:
        """An e-mail address in the question, or else in the instructions."""
        found = _ADDRESS.search(self.text) or _ADDRESS.search(self.instructions)
        return None if found is None else found[0]

    @property
    def has_table(self) -> bool:
        """Whether a table was named now or before."""
        return self.data_file is not None or _DATA_FILE.search(self.earlier) is not None

    @property
    def has_document(self) -> bool:
        """Whether the question came with a file that can be searched and is no table."""
        return _is_document(next(iter(_ATTACHED.finditer(self.text)), None))

    @property
    def goes_on_about_a_document(self) -> bool:
        """Whether the file that came last, with an earlier question, can be searched and is no table."""
        *_, last = [None, *_ATTACHED.finditer(self.earlier)]
        return _ATTACHED.search(self.text) is None and _is_document(last)

    @property
    def data_file(self) -> str | None:
        """The name of a table among the question, the instructions and what the tools say about themselves."""
        told = (self.text, self.instructions, *(str(tool.get("description")) for tool in self.tools.values()))
        found = _DATA_FILE.search("\n".join(told))
        return None if found is None else found[0]


#: What a rule wants: calls to be made, or the answer.
Reply = list[PastCall] | str


def read(request: TurnRequest) -> Conversation:
    """The conversation that a request carries."""
    last = max((i for i, item in enumerate(request.input) if item.get("role") == "user"), default=0)
    names = {item["call_id"]: item["name"] for item in request.input if item.get("type") == "function_call"}
    done = tuple(
        Done(names.get(item["call_id"], ""), str(item["output"]))
        for item in request.input[last:]
        if item.get("type") == "function_call_output"
    )
    tools = {} if request.tool_choice == "none" else {tool["name"]: tool for tool in request.tools if "name" in tool}
    text = _text(request.input[last]) if request.input else ""
    said = [item for item in request.input[:last] if item.get("role") == "assistant"]
    earlier = "\n".join(_text(item) for item in request.input[:last] if item.get("role") == "user")
    return Conversation(text, request.instructions, tools, done, _text(said[-1]) if said else "", earlier)


def _is_document(attached: re.Match[str] | None) -> bool:
    if attached is None or _DATA_FILE.search(attached["name"]):
        return False
    return "file_search" in attached["places"]


def _text(item: Json) -> str:
    content = item.get("content", "")
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content if isinstance(part.get("text"), str))
