"""What the code interpreter costs: `python -m bench.sandbox [bwrap | landlock]`. Prints a table, writes JSON.

Start, a warm `1 + 1`, a CSV file of 10 MB through pandas, the memory of a session that waits, and what its
watchdog costs.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import Any

from shared.sandbox.base import Session
from shared.sandbox.interpreter import this_interpreter
from shared.sandbox.local import holdings, procfs
from shared.sandbox.local.isolation.bwrap import Bubblewrap
from shared.sandbox.local.isolation.landlock import Landlock
from shared.sandbox.local.sandbox import LocalSandbox
from shared.sandbox.local.session import LocalSession

STARTS = 9
CALLS = 100
LOOKS = 100
CSV_BYTES = 10_000_000
CHUNK = 256 * 1024
RESULTS = Path(__file__).parent / "results"

LOAD = """
import pandas as pd
frame = pd.read_csv('/mnt/data/rows.csv')
(len(frame), round(frame['value'].mean(), 3))
"""


FORKS = """
import os, time
for _ in range(20):
    if os.fork() == 0:
        time.sleep(60)
"""


def rows() -> bytes:
    """A CSV file of 10 MB: a number, a name, a value."""
    piece = b"".join(b"%06d,name %d,%d.%03d\n" % (n, n % 977, n % 1000, n % 997) for n in range(50_000))
    return b"id,name,value\n" + piece * (CSV_BYTES // len(piece) + 1)


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    """As a blob is read."""
    for start in range(0, len(data), CHUNK):
        yield data[start : start + CHUNK]


async def timed(action: Callable[[], Awaitable[Any]]) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    await action()
    return (time.perf_counter() - began) * 1000


def held(session: Session) -> float:
    """Megabytes that all processes of a session hold, shared pages divided."""
    assert isinstance(session, LocalSession)
    return holdings.resident(procfs.members(session._session_id()), 0) / 1e6


async def starts(sandbox: LocalSandbox, code: str, count: int) -> list[float]:
    """Milliseconds of the first call of a session."""
    found = []
    for number in range(count):
        async with sandbox.session(f"start-{number}") as session:
            found.append(await timed(lambda: session.run(code)))
        await sandbox.evict(f"start-{number}")
    return found


async def measure(sandbox: LocalSandbox) -> dict[str, list[float]]:
    """Name -> figures of single runs."""
    data = rows()
    found = {"start of a session, ms": await starts(sandbox, "1 + 1", STARTS)}
    async with sandbox.session("bench") as session:
        await session.run("1 + 1")
        found["memory of an idle session, MB"] = [held(session)]
        found["warm `1 + 1`, ms"] = [await timed(lambda: session.run("1 + 1")) for _ in range(CALLS)]
        found["upload of a 10 MB CSV, ms"] = [await timed(lambda: session.put_file("rows.csv", pieces(data)))]
        found["10 MB CSV, pandas import included, ms"] = [await timed(lambda: session.run(LOAD))]
        found["10 MB CSV again, ms"] = [await timed(lambda: session.run(LOAD)) for _ in range(5)]
        found["memory with pandas and the CSV, MB"] = [held(session)]
        found["a look of the watchdog, ms"] = looks(session)
        await session.run(FORKS)
        found["a look at 20 more processes, ms"] = looks(session)
        found["end of a session, ms"] = [await timed(lambda: sandbox_end(session))]
    found["start with pandas and pyplot, ms"] = await starts(sandbox, "import pandas, matplotlib.pyplot", 5)
    return found


def looks(session: Session) -> list[float]:
    """Milliseconds of the watchdog's looks; one is taken ten times a second."""
    assert isinstance(session, LocalSession)
    found = []
    for _ in range(LOOKS):
        began = time.perf_counter()
        session._watchdog.look()
        found.append((time.perf_counter() - began) * 1000)
    return found


async def sandbox_end(session: Session) -> None:
    """Kill the interpreter."""
    assert isinstance(session, LocalSession)
    await session.end()


async def main(name: str) -> None:
    """Measure one kind of sandbox."""
    isolator = {"bwrap": Bubblewrap, "landlock": Landlock}[name](this_interpreter())
    with tempfile.TemporaryDirectory() as folder:
        sandbox = LocalSandbox(Path(folder), isolator)
        await sandbox.self_test()
        found = await measure(sandbox)
        await sandbox.close()
    print(f"{name:42}{'min':>9}{'median':>9}{'max':>9}{'runs':>6}")
    for what, figures in found.items():
        print(f"{what:42}{min(figures):9.1f}{median(figures):9.1f}{max(figures):9.1f}{len(figures):6}")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"sandbox-{name}.json").write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "bwrap"))
