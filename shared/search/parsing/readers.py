"""Processes that read files: one is kept for the next file of the same owner as long as all its files ended well.

A verdict against a file is only believed from a fresh process: what an earlier file left behind may not decide it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from typing import Final

from shared.json_types import Json
from shared.search.parsing.formats import invalid

#: Files that one host reads at once with all its processes, each in a process that may take a gigabyte.
AT_ONCE: Final = 2
#: Of one file, on the clock; its process is bounded by processor time. Less than a message of the queue stays hidden.
READING_SECONDS: Final = 100.0
#: Seconds that a process waits for another file before it is ended.
IDLE_SECONDS: Final = 5.0
#: Bytes of output at most: 5 million tokens, each twice because of the overlap, and JSON's escapes.
OUTPUT: Final = 256 * 1024 * 1024
#: A fresh interpreter without site configuration; it gets this one's module path and no secrets.
PROGRAM: Final = (
    "import json, sys; sys.path[:0] = json.loads(sys.argv[1]); from shared.search.parsing.child import main; main()"
)
INHERITED: Final = ("SYSTEMROOT", "LD_LIBRARY_PATH")


class FileReader:
    """One process, asked about one file after the other."""

    def __init__(self, owner: str, process: asyncio.subprocess.Process):
        self.owner, self.process = owner, process
        self.farewell: asyncio.TimerHandle | None = None

    @staticmethod
    async def start(owner: str) -> FileReader:
        """A fresh process for this owner's files."""
        module_path = json.dumps([entry for entry in sys.path if entry])
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-IB", "-c", PROGRAM, module_path),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={name: os.environ[name] for name in INHERITED if name in os.environ},
        )
        return FileReader(owner, process)

    async def ask(self, question: Json) -> bytes:
        """Its answer, up to the empty line, or what came before it died. Raises ParsingFailed when that is too much."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.process.stdin.write(json.dumps(question).encode() + b"\n")
            await self.process.stdin.drain()
        answer = bytearray()
        while piece := await self.process.stdout.read(1 << 18):
            answer += piece
            if len(answer) > OUTPUT:
                raise invalid("The file has too much text.")
            if answer.endswith(b"\n\n"):
                break
        return bytes(answer)

    def kill(self) -> None:
        """End it, without waiting."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()

    async def end(self) -> None:
        """End it, and wait until it is gone."""
        self.kill()
        await self.process.wait()


class Readers:
    """The processes of one host. Hold the gate while a file is read."""

    def __init__(self, seconds: float = READING_SECONDS, at_once: int = AT_ONCE) -> None:
        #: What a file may take.
        self.seconds = seconds
        self.at_once = at_once
        self.gate = asyncio.Semaphore(at_once)
        self._idle: list[FileReader] = []

    async def ask(self, owner: str, question: Json) -> bytes:
        """What a process says of a file. Raises ParsingFailed."""
        kept = [each for each in self._idle if each.owner == owner]
        answer = await self._ask(self._take(kept[0]) if kept else await self._fresh(owner), question)
        if kept and not well(answer):
            answer = await self._ask(await FileReader.start(owner), question)
        return answer

    async def _fresh(self, owner: str) -> FileReader:
        """A new one, in the place of all that are kept for others."""
        for other in [*self._idle]:
            await self._take(other).end()
        return await FileReader.start(owner)

    def _take(self, reader: FileReader) -> FileReader:
        self._idle.remove(reader)
        if reader.farewell is not None:
            reader.farewell.cancel()
        return reader

    async def _ask(self, reader: FileReader, question: Json) -> bytes:
        """Ask, and keep the process if it may read more."""
        goes_on = False
        try:
            answer = await reader.ask(question)
            goes_on = well(answer) and last_line(answer).get("more") is True
        finally:
            if not goes_on:
                await reader.end()
        if goes_on:
            self._keep(reader)
        return answer

    def _keep(self, reader: FileReader) -> None:
        self._idle.append(reader)
        reader.farewell = asyncio.get_running_loop().call_later(IDLE_SECONDS, lambda: self._take(reader).kill())

    async def close(self) -> None:
        """End every process that is kept."""
        for reader in [*self._idle]:
            await self._take(reader).end()


def last_line(answer: bytes) -> Json:
    """The last line of an answer, which says how the reading ended; nothing if it never ended."""
    if not answer.endswith(b"\n\n"):
        return {}
    last: Json = json.loads(answer[answer.rfind(b"\n", 0, -2) + 1 :])
    return last


def well(answer: bytes) -> bool:
    """Whether the file was read."""
    return "done" in last_line(answer)
