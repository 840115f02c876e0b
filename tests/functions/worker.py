"""The worker process: one function app in Microsoft's Python runtime, told by its host what to invoke.

One line of JSON each: first what was indexed, on standard output; then invocations come in and their outcomes go out.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.functions.runtime import Runtime

STREAMS = "PYTHON_ENABLE_INIT_INDEXING"


async def serve(app_dir: Path, say: Callable[[Any], None], lines: int, *, without_streams: bool) -> None:
    """Index the app, then invoke what is asked for until the host closes its end."""
    runtime = Runtime(app_dir)
    await runtime.start()
    if runtime.http_uri:
        await listening(runtime.http_uri)
    http_uri = "" if without_streams else runtime.http_uri
    say({"http_uri": http_uri, "functions": [asdict(function) for function in runtime.functions]})
    functions = {function.name: function for function in runtime.functions}

    async def invoke(id: str, kind: str, function: str, arguments: dict[str, Any]) -> None:
        if kind == "http" and without_streams:
            await asyncio.Event().wait()  # for the request, which never comes
        outcome = await getattr(runtime, f"invoke_{kind}")(functions[function], **arguments)
        say({"id": id, "ok": outcome.ok, "error": outcome.error, "outputs": outcome.outputs})

    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(lines))
    running = set()
    async for line in reader:
        task = asyncio.create_task(invoke(**json.loads(line)))
        running.add(task)
        task.add_done_callback(running.discard)
    os._exit(0)


async def listening(http_uri: str) -> None:
    """Wait until the runtime's HTTP server takes connections: it starts on the side."""
    address = urlsplit(http_uri)
    while True:
        try:
            _, writer = await asyncio.open_connection(address.hostname, address.port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return


def own_channel() -> tuple[int, Callable[[Any], None]]:
    """Standard input and output for the host alone: what the app prints goes to standard error."""
    lines, out = os.dup(0), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)

    def say(value: Any) -> None:
        os.write(out, json.dumps(value).encode() + b"\n")

    return lines, say


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("app_dir", type=Path)
    arguments.add_argument("--stand-in", help="module to use in place of shared.app")
    arguments.add_argument("--python", default="3.13", help="imitate the worker of this version")
    chosen = arguments.parse_args()
    lines, say = own_channel()
    logging.basicConfig(format="%(message)s")
    logging.getLogger("shared").setLevel(logging.INFO)
    if chosen.stand_in:
        sys.modules["shared.app"] = importlib.import_module(chosen.stand_in)
    without_streams = chosen.python in ("3.11", "3.12") and STREAMS not in os.environ
    asyncio.run(serve(chosen.app_dir, say, lines, without_streams=without_streams))


if __name__ == "__main__":
    main()
