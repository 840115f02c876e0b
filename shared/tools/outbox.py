"""Delivery into a folder, for a box without a mailbox: one file per mail or event, with what would have been sent."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

from shared.home import make_private
from shared.tools.base import ToolContext

#: Characters of a file's name, without its number and ending.
_LONGEST_NAME = 200


def plain(text: str) -> str:
    """The text as part of a file's name."""
    return re.sub(r"[^\w.-]", "_", text, flags=re.ASCII)


class Outbox:
    """Files of one kind, `email` or `event`, in a folder."""

    def __init__(self, folder: Path, kind: str):
        self._folder, self._kind = folder, kind

    async def deliver(self, body: dict[str, str], context: ToolContext) -> str:
        """Write a file that was not there before."""
        name = (self._of_run(context.run_id) + plain(context.call_id))[:_LONGEST_NAME]
        path = await asyncio.to_thread(self._write, name, json.dumps(body, indent=2, ensure_ascii=False))
        return f"This box has no mailbox: the {self._kind} was not sent but written to {path}. Tell the user so."

    async def forget(self, run_id: str) -> None:
        """Remove the files that a run has written."""
        await asyncio.to_thread(self._remove, self._of_run(run_id))

    def _of_run(self, run_id: str) -> str:
        """How the names of a run's files begin."""
        return f"{self._kind}-{plain(run_id)}-"

    def _remove(self, beginning: str) -> None:
        for path in self._folder.glob(f"{beginning}*.json"):
            path.unlink(missing_ok=True)

    def _write(self, name: str, text: str) -> Path:
        """A call is made once, but model servers make up call ids, and some start anew in every turn."""
        make_private(self._folder)
        number = 1
        while True:
            path = self._folder / (f"{name}.json" if number == 1 else f"{name}-{number}.json")
            try:
                with path.open("x", encoding="utf-8") as file:
                    file.write(text + "\n")
            except FileExistsError:
                number += 1
            else:
                return path
