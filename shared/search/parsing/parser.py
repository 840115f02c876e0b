"""Reads a file in a child process: nothing a file does can hang or kill this one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import sys
import tempfile
from collections.abc import AsyncIterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from shared.search.base import Chunk
from shared.search.parsing.chunking import Strategy
from shared.search.parsing.formats import ParsingFailed, invalid, reader_of

#: On the clock; the child itself is bounded by processor time. Less than a message of the queue stays hidden.
SECONDS: Final = 100.0
#: Bytes of output at most: 5 million tokens, each twice because of the overlap, and JSON's escapes.
OUTPUT: Final = 256 * 1024 * 1024
#: A fresh interpreter without site configuration; it gets this one's module path and no secrets.
PROGRAM: Final = (
    "import json, sys; sys.path[:0] = json.loads(sys.argv[1]); "
    "from shared.search.parsing.child import main; main(*sys.argv[2:])"
)
INHERITED: Final = ("SYSTEMROOT", "LD_LIBRARY_PATH")


class ReadingInterrupted(Exception):
    """The machine was too busy to read the file in time: not the file's fault, later it may be read."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file's chunks, and what of it holds text that could not be read, in words for its owner."""

    chunks: list[Chunk]
    omitted: list[str]


async def parse(filename: str, content: AsyncIterable[bytes], strategy: Strategy, seconds: float = math.inf) -> Parsed:
    """What there is to know of a file. Raises ParsingFailed or ReadingInterrupted."""
    reader_of(filename)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        with path.open("wb") as file:
            async for piece in content:
                await asyncio.to_thread(file.write, piece)
        output = await run(str(path), filename, strategy, min(SECONDS, seconds))
    return await asyncio.to_thread(parsed, output)


async def run(path: str, filename: str, strategy: Strategy, seconds: float) -> bytes:
    """What the child prints within the time. Raises ParsingFailed or ReadingInterrupted."""
    module_path = json.dumps([entry for entry in sys.path if entry])
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-IB", "-c", PROGRAM, module_path, path, filename, str(strategy.size), str(strategy.overlap)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={name: os.environ[name] for name in INHERITED if name in os.environ},
    )
    assert child.stdout is not None
    try:
        async with asyncio.timeout(seconds):
            return await read_bounded(child.stdout)
    except TimeoutError:
        raise ReadingInterrupted(f"not read within {seconds:.0f} s") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()


async def read_bounded(stream: asyncio.StreamReader) -> bytes:
    """Everything the stream gives. Raises ParsingFailed when that is too much."""
    parts: list[bytes] = []
    left = OUTPUT
    while piece := await stream.read(1 << 18):
        parts.append(piece)
        left -= len(piece)
        if left < 0:
            raise invalid("The file has too much text.")
    return b"".join(parts)


def parsed(output: bytes) -> Parsed:
    """What a child printed. Raises ParsingFailed, also for a child that died."""
    lines: list[dict[str, Any]] = []
    # A child that was killed may have been cut off in the middle of a line.
    with contextlib.suppress(ValueError):
        lines = [json.loads(line) for line in output.splitlines()]
    last = lines[-1] if lines else {}
    if "code" in last:
        raise ParsingFailed(last["code"], last["message"])
    if last.get("done") != len(lines) - 1:
        raise invalid("The file could not be read within the limits of memory and time.")
    return Parsed([Chunk(line["text"], line["overlap"]) for line in lines[:-1]], last["omitted"])
