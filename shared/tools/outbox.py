"""Delivery into a folder, for a box without a mailbox: one file per mail or event, with what would have been sent."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

from shared.home import make_private
from shared.tools.base import ToolContext


class Outbox:
    """Files of one kind, `email` or `event`, in a folder."""

    def __init__(self, folder: Path, kind: str):
        self._folder, self._kind = folder, kind

    async def deliver(self, body: dict[str, str], context: ToolContext) -> str:
        """Write the file; a call that is repeated writes it again."""
        # Model servers make up call ids, and some start anew in every run.
        name = re.sub(r"[^\w.-]", "_", f"{self._kind}-{context.run_id}-{context.call_id}", flags=re.ASCII)[:200]
        path = self._folder / f"{name}.json"
        await asyncio.to_thread(self._write, path, json.dumps(body, indent=2, ensure_ascii=False))
        return f"This box has no mailbox: the {self._kind} was not sent but written to {path}. Tell the user so."

    def _write(self, path: Path, text: str) -> None:
        make_private(self._folder)
        path.write_text(text + "\n", encoding="utf-8")
