"""Where a request waits while its endpoint is busy: in the line of its model, behind those whose turn comes first."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from shared.busy import Admission, BusyLines, TooLong
from shared.llm.base import LlmError
from shared.llm.responses.errors import BUSY


@dataclass(slots=True)
class WaitingPlace:
    """A request's place. While nothing is busy, all of this is a look into an empty dictionary."""

    busy: BusyLines = field(default_factory=BusyLines)
    #: The endpoint, and what it calls the model.
    endpoint: str = ""
    model: str = ""
    owner: str = ""
    _admission: Admission | None = field(default=None, init=False)
    _was_refused: bool = field(default=False, init=False)

    @property
    def has_to_wait(self) -> bool:
        """Whether there may be a line, and the request's turn in it has not come."""
        return self._admission is None and self.busy.is_any

    @property
    def line(self) -> str:
        """What the line is called."""
        return line_of(self.endpoint, self.model)

    async def enter(self, deadline: float) -> None:
        """Wait until the request may go out, if it has to. Raises LlmError when that is past the deadline."""
        if self._admission is None:
            try:
                seconds = max(0.001, deadline - time.time())
                self._admission = await self.busy.enter(self.line, self.owner, seconds, again=self._was_refused)
            except TooLong as error:
                final = LlmError("rate_limit_exceeded", BUSY)
                final.passes = final.elsewhere = True
                final.after = error.seconds
                raise final from error

    def leave(self, *, served: bool = False) -> None:
        """The request has been taken by the endpoint, or it is over."""
        admission, self._admission = self._admission, None
        if admission is not None:
            admission.leave(served=served)

    def refused(self, seconds: float) -> None:
        """The endpoint asks for so many seconds before the next one."""
        self.busy.refused(self.line, seconds)
        self._was_refused = True
        self.leave()


def line_of(endpoint: str, model: str) -> str:
    """What the line for a model of an endpoint is called."""
    return f"{endpoint} {model}"
