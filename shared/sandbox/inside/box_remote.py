"""Runs calls inside a session in Azure, whose own answers hold 4,096 characters of output and one image.

The reply is one line of JSON on standard output, or the name of a file with it. The file is always there: what child
processes print comes first, and may leave no room for the line.
"""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import sys
from contextlib import suppress
from typing import Any

from box_cells import Cells  # type: ignore[import-not-found]

Json = dict[str, Any]

MARK = "box-reply:"
REPLY = "box-reply.json"
#: Characters of a reply that surely fit into the service's own answer.
SHORT = 3000


class Log(io.TextIOBase):
    """Standard output and error as one text, up to a limit."""

    def __init__(self, limit: int) -> None:
        self._kept: list[str] = []
        self._left, self._limit = limit, limit

    def writable(self) -> bool:
        """It takes text."""
        return True

    def write(self, text: str) -> int:
        """Keep what still fits."""
        if self._left > 0:
            self._kept.append(text[: self._left])
        self._left -= len(text)
        return len(text)

    def text(self) -> str:
        """What was kept."""
        cut = f"\n[output was cut after {self._limit} characters]" if self._left < 0 else ""
        return "".join(self._kept) + cut


class Remote:
    """The calls of one session."""

    def __init__(self, config: Json) -> None:
        self._images: list[str] = []
        self._config = config
        self._cells = Cells(sys.modules["__main__"].__dict__, self._show, config)
        self._calls = 0
        self._alarmed = False

    def configure(self, config: Json) -> None:
        """The limits of the next call."""
        self._config.update(config)

    def run(self, code: str) -> Json:
        """One call: its ending, with logs, images and files."""
        self._calls += 1
        self._images, self._alarmed = [], False
        before, log = files(), Log(self._config["logs"])
        real = sys.stdout, sys.stderr
        sys.stdout = sys.stderr = log
        try:
            alarmed = self._set_alarm()
            ending: Json = self._cells.run(self._calls, code)
            if alarmed:
                signal.setitimer(signal.ITIMER_REAL, 0)
        finally:
            sys.stdout, sys.stderr = real
        after = files()
        changed = [[name, seen[0]] for name, seen in sorted(after.items()) if before.get(name) != seen]
        return ending | {
            "logs": log.text(),
            "images": self._images,
            "files": changed[: self._config["outputs"]],
            "first": self._calls == 1,
            "timed_out": self._alarmed,
        }

    def _set_alarm(self) -> bool:
        """Interrupt the call in time, if this is the thread that gets signals: its variables survive that."""

        def ring(number: int, frame: Any) -> None:
            self._alarmed = True
            self._cells.interrupt(number, frame)

        try:
            signal.signal(signal.SIGALRM, ring)
        except ValueError:
            return False
        signal.setitimer(signal.ITIMER_REAL, self._config["seconds"])
        return True

    def _show(self, frame: Json) -> None:
        self._images.append(frame["image"])


def files() -> dict[str, tuple[int, int]]:
    """The plain files in the data folder as they are now."""
    found = {}
    with os.scandir("/mnt/data") as entries:
        for entry in entries:
            if entry.is_file(follow_symlinks=False) and entry.name != REPLY:
                seen = entry.stat(follow_symlinks=False)
                found[entry.name] = (seen.st_size, seen.st_mtime_ns)
    return found


_remote: Remote | None = None


def call(encoded: str) -> None:
    """Run a call given as base64 of JSON, and print the reply."""
    global _remote
    question = json.loads(base64.b64decode(encoded))
    with suppress(FileNotFoundError):
        os.remove(f"/mnt/data/{REPLY}")  # of the call before
    if _remote is None:
        _remote = Remote(question)
    _remote.configure(question)
    reply = json.dumps(_remote.run(question["code"]) | {"nonce": question["nonce"]})
    try:
        with open(f"/mnt/data/{REPLY}", "w") as file:
            file.write(reply)
    except OSError as error:
        print(f"[no room for a reply: {error.strerror}]")
    if len(reply) > SHORT:
        reply = json.dumps({"file": REPLY})
    print(f"\n{MARK}{question['nonce']}{reply}", flush=True)
