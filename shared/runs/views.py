"""How a tool call looks in a run step, and how it appears piece by piece in a stream.

Clients concatenate every repeated string, so id and name occur in the first delta only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from shared.objects.common import Json


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


@dataclass(frozen=True, slots=True)
class FunctionView:
    """A function call: name, arguments and, once known, output."""

    call_id: str
    name: str

    def opening(self) -> Json:
        return self._with({"name": self.name, "arguments": "", "output": None})

    def feed(self, arguments: str) -> Json | None:
        return {"type": "function", "function": {"arguments": arguments}}

    def call(self, arguments: str) -> Json:
        return self._with({"name": self.name, "arguments": arguments, "output": None})

    def _with(self, function: Json) -> Json:
        return {"id": self.call_id, "type": "function", "function": function}
