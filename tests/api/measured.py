"""What a request body costs the box: memory at the peak, and the longest time in which nobody else had a turn.

`python -m tests.api.measured` reads one JSON line per request (`path`, and the `body` as a Python expression), carries
each out in a process of its own and prints a line of figures for it. Linux only.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from shared.app import build
from shared.config import Settings
from shared.llm.scripted import ScriptedLlm

#: What a server reads at once.
PIECE = 64 * 1024


def status_of(name: str) -> int:
    """A figure of this process, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def new_peak() -> int:
    """Forget the peak so far; the memory now in use."""
    Path("/proc/self/clear_refs").write_text("5")
    return status_of("VmRSS")


async def answer(app: Any, path: str, body: bytes) -> tuple[int, bytes]:
    """Let the app answer, with the body in pieces."""
    headers = [(b"authorization", b"Bearer key"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b""}
    scope |= {"headers": headers, "http_version": "1.1", "scheme": "http", "server": ("box", 80), "client": ("me", 1)}
    scope |= {"asgi": {"version": "3.0"}, "root_path": "", "extensions": {}}
    status, answered = 0, b""

    def pieces() -> Iterator[dict[str, Any]]:
        for start in range(0, len(body), PIECE):
            piece = body[start : start + PIECE]
            yield {"type": "http.request", "body": piece, "more_body": start + PIECE < len(body)}

    arriving = pieces()

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0)
        return next(arriving, {"type": "http.disconnect"})

    async def send(message: dict[str, Any]) -> None:
        nonlocal status, answered
        status = message.get("status", status)
        answered = answered or message.get("body", b"")[:500]

    await app(scope, receive, send)
    return status, answered


async def measure(home: str, path: str, body: bytes) -> dict[str, Any]:
    """The figures; time is the process's own, so that a busy machine does not count."""
    settings = Settings(_env_file=None, box_home=Path(home), box_api_keys={"me": SecretStr("key")})
    box = build(settings, llm=ScriptedLlm(), tools=[])
    gc.freeze()
    async with box.at_work():
        await answer(box.asgi, path, b"{}")
        longest = 0.0

        async def beat() -> None:
            nonlocal longest
            last = time.process_time()
            while True:
                await asyncio.sleep(0)
                now = time.process_time()
                longest, last = max(longest, now - last), now

        before = new_peak()
        beating = asyncio.create_task(beat())
        await asyncio.sleep(0)
        status, answered = await answer(box.asgi, path, body)
        await asyncio.sleep(0)  # the time up to here counts, too
        beating.cancel()
        peak = status_of("VmHWM") - before
    return {"status": status, "answer": answered.decode(), "size": len(body), "peak": peak, "held": longest}


def main() -> None:
    """A child for each line: what one leaves behind is not counted for the next."""
    for line in sys.stdin:
        wanted = json.loads(line)
        if os.fork() == 0:
            with tempfile.TemporaryDirectory() as home:
                figures = asyncio.run(measure(home, wanted["path"], eval(wanted["body"])))
            print(json.dumps(figures), flush=True)
            os._exit(0)
        os.wait()


if __name__ == "__main__":
    main()
