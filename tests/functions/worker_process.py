"""The host's side of the worker process: starts it, invokes functions in it, and replaces it when it dies or hangs."""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.functions.runtime import Function, Outcome
from tests.warm import warm

#: Ours, also where another checkout is served by links to these tests.
ROOT = Path(__file__).resolve().parents[2]
#: Seconds until the host has noticed that its worker is gone and starts another.
RESTART_SECONDS = 0.5
#: Seconds that an invocation whose time is over has left to end.
GRACE_SECONDS = 2.0
#: Bytes of a line: all functions, or the message of an error.
LINE = 2**24


def program(module: str, app: str, *arguments: str) -> list[str]:
    """The command of a program for an app. A copy of ours brings modules of its own, so its programs start afresh."""
    is_copy = Path(app) != ROOT and (Path(app) / "shared").exists()
    return [sys.executable, "-m", module, app, *arguments] if is_copy else warm(module, app, *arguments)


@dataclass
class WorkerProcess:
    """One worker at a time, and what is being invoked in it."""

    #: Of the worker's program.
    arguments: Sequence[str]
    #: Seconds of an invocation; None: without end.
    function_timeout: float | None
    functions: list[Function] = field(default_factory=list)
    http_uri: str = ""
    #: How many workers there have been.
    started: int = 0
    _process: asyncio.subprocess.Process | None = None
    _ready: asyncio.Event = field(default_factory=asyncio.Event)
    #: Invocation -> the function, and how it will have ended.
    _running: dict[str, tuple[str, asyncio.Future[Outcome]]] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start a worker and learn its functions."""
        command = program("tests.functions.worker", *self.arguments)
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=LINE)
        assert self._process.stdout is not None
        ready = await self._process.stdout.readline()
        if not ready:
            raise ChildProcessError("the worker did not accept the app")
        told = json.loads(ready)
        self.functions, self.http_uri = [Function(**each) for each in told["functions"]], told["http_uri"]
        self.started += 1
        self._ready.set()
        self._keep(self._attend(self._process))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def ready(self) -> None:
        """Wait for a worker, if the last one is gone."""
        await self._ready.wait()

    async def invoke(self, function: Function, kind: str, arguments: dict[str, Any], id: str = "") -> Outcome:
        """Invoke a function. One that takes too long has failed; if it goes on, the worker is restarted."""
        await self.ready()
        id = id or str(uuid.uuid4())
        assert self._process is not None
        assert self._process.stdin is not None
        ended: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._running[id] = function.name, ended
        call = {"id": id, "kind": kind, "function": function.name, "arguments": arguments}
        self._process.stdin.write(json.dumps(call).encode() + b"\n")
        await asyncio.wait([ended], timeout=self.function_timeout)
        if ended.done():
            return ended.result()
        self._keep(self._give_grace(self._process, ended))
        return Outcome(function.name, ok=False, error=f"Timeout value of {self.function_timeout} s was exceeded")

    async def _give_grace(self, process: asyncio.subprocess.Process, ended: asyncio.Future[Outcome]) -> None:
        await asyncio.wait([ended], timeout=GRACE_SECONDS)
        if not ended.done():
            process.kill()

    async def _attend(self, process: asyncio.subprocess.Process) -> None:
        """Hear how invocations end, until the worker does; then start another."""
        assert process.stdout is not None
        async for line in process.stdout:
            told = json.loads(line)
            function, ended = self._running.pop(told["id"])
            ended.set_result(Outcome(function, told["ok"], told["error"], told["outputs"]))
        self._ready.clear()
        for function, ended in self._running.values():
            ended.set_result(Outcome(function, ok=False, error="the worker process exited"))
        self._running.clear()
        await process.wait()
        await asyncio.sleep(RESTART_SECONDS)
        await self.start()

    def _keep(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
