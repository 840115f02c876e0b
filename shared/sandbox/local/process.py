"""One interpreter in its sandbox, seen from the host: start it, talk to it, stop it between calls, kill it.

Whatever comes back is hostile: frames are bounded in size and number, and an answer to no question is ignored.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from shared.json_types import Json
from shared.sandbox.base import Limits, Reason, SandboxUnavailable
from shared.sandbox.local import procfs
from shared.sandbox.local.control_group import ControlGroup
from shared.sandbox.local.isolation.base import Isolator, Place
from shared.sandbox.local.output import Output
from shared.sandbox.untrusted_json import parsed

logger = logging.getLogger(__name__)

#: Bytes of a message of the interpreter.
_LARGEST_FRAME: Final = 8 * 1024 * 1024
#: What a frame has of brackets and commas, besides those in its texts.
_MARKS: Final = 100
_PNG: Final = b"\x89PNG\r\n\x1a\n"
#: Seconds an interpreter may take to start, on a busy machine.
_START: Final = 30.0
#: Seconds an interrupted call may take to end by itself.
_GRACE: Final = 2.0
#: Seconds within which every process of a session must have stopped.
_STOPPING: Final = 2.0


class Gone(Exception):
    """The interpreter has ended, so that there is no answer to come."""


class Hostile(Exception):
    """The interpreter broke the protocol."""


@dataclass(slots=True)
class CellOutcome:
    """What came of a cell: the kernel's answer, or how the interpreter was lost."""

    ending: Json | None = None
    images: list[bytes] = field(default_factory=list)
    timed_out: bool = False
    #: Set when the interpreter had to be killed, or was found dead.
    reason: Reason | None = None
    alive: bool = True


class Process:
    """A running interpreter; stopped except during a call."""

    def __init__(self, child: subprocess.Popen[bytes], control: socket.socket, output: Output, limits: Limits):
        self.session = child.pid
        self.output = output
        self._child, self._control, self._limits = child, control, limits
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._kernel = child.pid
        self._calls = 0
        self._dead = False

    @classmethod
    async def start(
        cls,
        isolator: Isolator,
        place: Place,
        limits: Limits,
        launcher: ThreadPoolExecutor,
        group: ControlGroup | None = None,
    ) -> Process:
        """Start an interpreter, in a group if there is one, and wait until it has confined itself.

        Raises SandboxUnavailable.
        """
        ours, theirs = socket.socketpair()
        reading, writing = os.pipe()
        plan = isolator.plan(place, theirs.fileno(), limits)
        command = plan.command if group is None else group.entered(plan.command)

        def launch() -> subprocess.Popen[bytes]:
            return subprocess.Popen(  # noqa: S603 - the command is our own
                command,
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                pass_fds=(theirs.fileno(),),
                env=dict(plan.environment),
                cwd="/",
                start_new_session=True,
            )

        try:
            # Always from the same thread: the child is killed when the thread that forked it ends.
            child = await asyncio.get_running_loop().run_in_executor(launcher, launch)
        except OSError as error:
            ours.close()
            os.close(reading)
            raise SandboxUnavailable(f"{isolator.name} cannot be started: {error.strerror}") from error
        finally:
            theirs.close()
            os.close(writing)
        ours.setblocking(False)
        process = cls(child, ours, Output(reading, limits.logs), limits)
        await process._begin(plan.config, isolator.name)
        return process

    async def _begin(self, config: Json, name: str) -> None:
        try:
            async with asyncio.timeout(_START):
                await self._send(config)
                await self._frame()
        except (Gone, Hostile, OSError, TimeoutError) as error:
            await self.kill()
            said = self.output.take().strip().splitlines()
            raise SandboxUnavailable(f"{name} does not work here: {said[-1] if said else error!r}") from error
        except BaseException:
            await self.kill()
            raise
        if sys.platform == "linux":
            everyone = procfs.members(self.session)
            parents = {member.parent for member in everyone}
            self._kernel = next((member.pid for member in everyone if member.pid not in parents), self._kernel)

    async def call(self, code: str, timeout: float, watch: Callable[[], Awaitable[Reason]]) -> CellOutcome:
        """Run code until it ends, `timeout` is over, or `watch` finds a reason to kill the session."""
        outcome = CellOutcome()
        self._calls += 1
        self._signal_all(signal.SIGCONT)
        answer = asyncio.ensure_future(self._exchange({"id": self._calls, "code": code}, outcome))
        guard = asyncio.ensure_future(watch())
        try:
            done, _ = await asyncio.wait({answer, guard}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                outcome.timed_out = True
                self._interrupt()
                done, _ = await asyncio.wait({answer, guard}, timeout=_GRACE, return_when=asyncio.FIRST_COMPLETED)
            if guard in done:
                outcome.reason = guard.result()
            elif answer in done:
                outcome.reason = answer.result()
            if outcome.reason is not None or not done or not await self._stop():
                outcome.alive = False
        except BaseException:
            outcome.alive = False
            raise
        finally:
            answer.cancel()
            guard.cancel()
            await asyncio.gather(answer, guard, return_exceptions=True)
            if not outcome.alive:
                await self.kill()
            self.output.drain()
        return outcome

    async def kill(self) -> None:
        """End every process of the session; not cut short by a cancelled caller."""
        if self._dead:
            return  # the session id may have gone to somebody else
        self._dead = True
        await asyncio.shield(self._loop.run_in_executor(None, self._slay))
        self._control.close()
        self.output.close()

    def _slay(self) -> None:
        if sys.platform == "linux":
            procfs.kill_all(self.session)
        else:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.session, signal.SIGKILL)
        self._child.wait()

    async def _stop(self) -> bool:
        """Stop every process, so that nothing works between calls. False: some would not stop."""
        if sys.platform != "linux":
            return True
        seen: set[int] = set()
        calm = 0
        deadline = self._loop.time() + _STOPPING
        while self._loop.time() < deadline:
            everyone = procfs.members(self.session)
            awake = [m for m in everyone if m.pid not in seen or m.state not in procfs.STILL]
            for member in awake:
                procfs.send(member, signal.SIGSTOP)
                seen.add(member.pid)
            # One look takes its time, and the end of a process can wake another behind our back.
            calm = 0 if awake else calm + 1
            if calm == 2:
                return True
            await asyncio.sleep(0.001)
        return False

    def _signal_all(self, number: int) -> None:
        for member in procfs.members(self.session) if sys.platform == "linux" else ():
            procfs.send(member, number)

    def _interrupt(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._kernel, signal.SIGINT)

    async def _exchange(self, question: Json, outcome: CellOutcome) -> Reason | None:
        """Ask, and collect frames into the outcome until the ending."""
        try:
            await self._send(question)
            received = 0
            while True:
                frame = await self._frame()
                received += 1
                if received > self._limits.images + 100:
                    raise Hostile("too many frames")
                if frame.get("id") != question["id"]:
                    continue
                if "image" in frame:
                    self._add_image(frame["image"], outcome)
                elif frame.get("status") in ("ok", "error"):
                    outcome.ending = frame
                    return None
        except (Gone, OSError):
            return "crash"
        except (Hostile, ValueError):
            return "protocol"

    def _add_image(self, text: object, outcome: CellOutcome) -> None:
        with suppress(binascii.Error):
            data = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
            fits = len(outcome.images) < self._limits.images and len(data) <= self._limits.image_size
            if fits and data.startswith(_PNG):
                outcome.images.append(data)

    async def _send(self, frame: Json) -> None:
        data = json.dumps(frame).encode()
        await self._loop.sock_sendall(self._control, len(data).to_bytes(4, "big") + data)

    async def _frame(self) -> Json:
        size = int.from_bytes(await self._exactly(4), "big")
        if size > _LARGEST_FRAME:
            raise Hostile("a frame is too large")
        frame = parsed(await self._exactly(size), 2 * self._limits.value + _MARKS)
        if frame is None:
            raise Hostile("a frame is no object of ours")
        return frame

    async def _exactly(self, size: int) -> bytes:
        while len(self._received) < size:
            piece = await self._loop.sock_recv(self._control, 65536)
            if not piece:
                raise Gone
            self._received += piece
        data = bytes(self._received[:size])
        del self._received[:size]
        return data
