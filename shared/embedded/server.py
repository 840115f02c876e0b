"""How the embedded host's programs listen, stop and speak; what they serve is the business of `host`."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn

from shared import logs
from shared.embedded.door import Door
from shared.embedded.handed import Handed
from shared.program_name import NAME
from shared.runs import endings

#: For answers under way when the box is stopped.
GRACE_SECONDS: Final = 3

#: Of TCP; the lowest that every user may have; and one that is free on most machines.
HIGHEST_PORT: Final = 65535
LOWEST_PORT: Final = 1024
OTHER_PORT: Final = 7072
#: Number of an error of the system -> why an address cannot be had, and what to do.
REASONS: Final = {
    errno.EADDRINUSE: "something uses it already. End that",
    errno.EACCES: "this user may not have it. Start the box as another user",
}

Say = Callable[[str], None]


def tell(words: str) -> None:
    """Say something to people."""
    print(words, flush=True)


class Server(uvicorn.Server):
    """A server that greets once it listens, or once connections may be handed to it."""

    def __init__(self, config: uvicorn.Config, greeting: str, handed: Handed | None):
        super().__init__(config)
        self.greeting, self.handed = greeting, handed
        self.say = tell if handed is None else handed.say
        self.greeted = asyncio.Event()
        self._door: Door | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then print the greeting. Raises SystemExit, with advice, when the address cannot be had."""
        log = logging.getLogger("uvicorn.error")
        log.addFilter(_is_no_error)
        try:
            await super().startup(None if self.handed is None else [])
        except SystemExit as exit_:
            # uvicorn ends so in the handler of the error, which it only logs.
            print(cannot_listen(self.config.host, self.config.port, exit_.__context__), file=sys.stderr)
            raise
        finally:
            log.removeFilter(_is_no_error)
        if self.handed is not None:
            self._door = Door(self.handed.link, self._protocol, lambda: self.handle_exit(signal.SIGTERM, None))
        if self.started:
            self.say(self.greeting)
            self.greeted.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no connections any more, and wait for answers under way."""
        if self._door is not None:
            self._door.close()
        await super().shutdown(sockets)

    def _protocol(self) -> asyncio.Protocol:
        make: Any = self.config.http_protocol_class
        protocol: asyncio.Protocol = make(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return protocol

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at a signal and leave it at that: uvicorn would raise it once more, and nobody could close the box."""
        with signals(lambda number: self.handle_exit(number, None)):
            yield


def _is_no_error(record: logging.LogRecord) -> bool:
    """Whether a line of uvicorn's is more than an error of the system in the system's words."""
    return not isinstance(record.msg, OSError)


def cannot_listen(host: str, port: int, error: BaseException | None) -> str:
    """Why an address cannot be had, and what to do about it, with commands to copy."""
    number = (error.errno if isinstance(error, OSError) else None) or 0
    # Below 0 are those of looking up a name.
    if number < 0 or number == errno.EADDRNOTAVAIL:
        return f"Cannot listen at {host}:{port}: this machine has no such address. Change BOX_HOST."
    reason = REASONS.get(number, f"{os.strerror(number).lower()}. Change BOX_HOST")
    other = port + 1 if LOWEST_PORT <= port < HIGHEST_PORT else OTHER_PORT
    command = f"{NAME} run --port {other}" if NAME == "box" else f"BOX_PORT={other} make run"
    return f"Cannot listen at {host}:{port}: {reason}, or take another port: `{command}`."


@contextmanager
def signals(stop: Callable[[int], None]) -> Iterator[None]:
    """Call `stop` at Ctrl-C and when the system asks the process to end."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def until_stopped(program: Coroutine[Any, Any, None], say: Say = tell) -> int:
    """Run a program until it ends or is interrupted. Returns the exit code."""
    os.umask(0o077)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    logs.set_up("%(asctime)s %(levelname)s %(name)s: %(message)s")
    # A line for each run is for alerts that count lines; here the runs' own records, /metrics and usage tell.
    endings.logger.setLevel(logging.WARNING)
    try:
        with asyncio.Runner(loop_factory=uvicorn.Config(app="").get_loop_factory()) as runner:
            runner.run(program)
    except KeyboardInterrupt:
        pass
    say("Stopped.")
    return 0
