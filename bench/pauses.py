"""What a pause costs: processor time of a GET, asked in a row and after pauses, in which caches go cold.

`python -m bench pauses [CHECKOUT ...]` measures folders or git revisions. Beside them stand a bare protocol (the lean
model) and a uvicorn app that only greets: what those cost after a pause is the price of waking up. `python -m
bench.pauses` with the word `greeting` is that app.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Final

import uvicorn
import uvloop
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from bench import lean, processes
from bench.compare import checkout, commit

#: Seconds between two requests -> how many are asked.
PAUSES: Final = {0.0: 2000, 0.02: 250}
#: Everything is measured in turn, so often.
ROUNDS: Final = 3
GREETING: Final = "greeting"


async def greet(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer every request alike."""
    await JSONResponse({"id": GREETING})(scope, receive, send)


def serve() -> None:
    """Serve the app that greets until killed."""
    port = processes.free_port()
    print(f"http://127.0.0.1:{port}/v1", flush=True)
    uvicorn.run(greet, port=port, log_level="critical", lifespan="off")


async def milliseconds(url: str, pid: int, path: str) -> list[float]:
    """Processor time of a GET, for each of the pauses."""
    found = []
    async with lean.clients(url, 1) as [box]:
        for pause, count in PAUSES.items():
            await box.get(path)
            before = processes.cpu_seconds(pid)
            for _ in range(count):
                await asyncio.sleep(pause)
                await box.get(path)
            found.append(1000 * (processes.cpu_seconds(pid) - before) / count)
    return found


async def made(url: str) -> str:
    """The path of an assistant."""
    async with lean.clients(url, 1) as [box]:
        return f"assistants/{await lean.assistant(box)}"


def main(names: Sequence[str]) -> None:
    """Print medians, a line for each that is asked."""
    with ExitStack() as stack:
        model, model_pid = stack.enter_context(processes.started(*lean.MODEL))
        greeting = stack.enter_context(processes.started(["-m", "bench.pauses", GREETING], lean.MODEL[1]))
        asked = {"a bare protocol": (model, model_pid, ""), "uvicorn, greeting": (*greeting, "")}
        for name in names:
            tree, home = stack.enter_context(checkout(name)), stack.enter_context(tempfile.TemporaryDirectory())
            url, pid = stack.enter_context(processes.box(model, Path(home), tree))
            asked[f"box {commit(tree)}"] = url, pid, uvloop.run(made(url))
        rounds = [{name: uvloop.run(milliseconds(*each)) for name, each in asked.items()} for _ in range(ROUNDS)]
    print("ms of processor time for a GET " + "".join(f"{f'pause {pause:g} s':>14}" for pause in PAUSES))
    for name in asked:
        medians = map(median, zip(*(each[name] for each in rounds), strict=True))
        print(f"{name:31}" + "".join(f"{value:14.2f}" for value in medians), flush=True)


if __name__ == "__main__":
    if sys.argv[1:] == [GREETING]:
        serve()
    else:
        main(sys.argv[1:] or [str(processes.HERE.folder)])
