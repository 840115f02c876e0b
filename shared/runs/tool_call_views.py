"""How a tool call looks in a run step, and how it appears piece by piece in a stream; what answers leave out of it.

Clients concatenate every repeated string, so id and name occur in the first delta only.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final, Protocol

from pydantic_core import from_json

from shared.json_types import Json

#: The only value of `include[]` there is.
RESULT_CONTENT: Final = "step_details.tool_calls[*].file_search.results[*].content"


class CallView(Protocol):
    """The client's view of one call."""

    def opening(self) -> Json:
        """The first delta, without its `index`."""
        ...

    def feed(self, arguments: str) -> Json | None:
        """The delta for more of the model's arguments, if clients get to see it."""
        ...

    def call(self, arguments: str) -> Json:
        """The whole call as the step has it before its outcome is known."""
        ...

    def asked(self, arguments: str) -> Json:
        """The call as clients are asked to approve it."""
        ...


@dataclass(frozen=True, slots=True)
class DetailsView:
    """A call of a function, of whatever kind: `{"id", "type", kind: {"name", "arguments", "output"}}`."""

    call_id: str
    kind: str
    name: str
    #: What the details have besides.
    more: Json = field(default_factory=dict)

    def opening(self) -> Json:
        return self.call("")

    def feed(self, arguments: str) -> Json | None:
        return {"type": self.kind, self.kind: {"arguments": arguments}}

    def call(self, arguments: str) -> Json:
        return self._with({"name": self.name, "arguments": arguments, "output": None} | self.more)

    def asked(self, arguments: str) -> Json:
        return self._with({"name": self.name, "arguments": arguments} | self.more)

    def _with(self, details: Json) -> Json:
        return {"id": self.call_id, "type": self.kind, self.kind: details}


@dataclass(slots=True)
class Written:
    """A text among the arguments, while the model writes them."""

    member: str
    _raw: str = ""
    _shown: int = 0

    def more(self, arguments: str) -> str:
        """What more of the arguments adds to the text."""
        self._raw += arguments
        more = text_of(self._raw, self.member, partial=True)[self._shown :]
        self._shown += len(more)
        return more


@dataclass(frozen=True, slots=True)
class CodeView:
    """A code interpreter call: the code while the model writes it, then outputs."""

    call_id: str
    _code: Written = field(default_factory=lambda: Written("code"))

    def opening(self) -> Json:
        return self._with("")

    def feed(self, arguments: str) -> Json | None:
        more = self._code.more(arguments)
        return {"type": "code_interpreter", "code_interpreter": {"input": more}} if more else None

    def call(self, arguments: str) -> Json:
        return self._with(code_of(arguments))

    def asked(self, arguments: str) -> Json:
        return self.call(arguments)

    def _with(self, code: str) -> Json:
        return {
            "id": self.call_id,
            "type": "code_interpreter",
            "code_interpreter": {"input": code, "outputs": []},
        }


@dataclass(frozen=True, slots=True)
class SearchView:
    """A file search call: how it ranks, then what it found. The queries are not shown."""

    call_id: str
    #: `ranker` and `score_threshold`.
    ranking: Json

    def opening(self) -> Json:
        return self.call("")

    def feed(self, arguments: str) -> Json | None:
        return None

    def call(self, arguments: str) -> Json:
        return {
            "id": self.call_id,
            "type": "file_search",
            "file_search": {"ranking_options": self.ranking, "results": []},
        }

    def asked(self, arguments: str) -> Json:
        return self.call(arguments)


def code_of(arguments: str) -> str:
    """The code in the arguments of a call of the code interpreter; "" where there is none."""
    return text_of(arguments, "code")


def text_of(arguments: str, member: str, *, partial: bool = False) -> str:
    """A text in a call's arguments, which may still be on their way; "" where there is none."""
    try:
        parsed = from_json(arguments, allow_partial="trailing-strings" if partial else False)
    except ValueError:
        return ""
    text = parsed.get(member) if isinstance(parsed, dict) else None
    return text if isinstance(text, str) else ""


def answered_step(step: Json, include: Collection[str]) -> Json:
    """A step as answered: the text of search results only where `include[]` asks for it."""
    details = step["step_details"]
    if details["type"] != "tool_calls" or RESULT_CONTENT in include:
        return step
    calls = [without_content(call) if call["type"] == "file_search" else call for call in details["tool_calls"]]
    return {**step, "step_details": {**details, "tool_calls": calls}}


def without_content(call: Json) -> Json:
    """A file search call without the text it found."""
    search = call["file_search"]
    results = [{key: value for key, value in each.items() if key != "content"} for each in search.get("results") or []]
    return {**call, "file_search": {**search, "results": results}}
