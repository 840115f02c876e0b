"""Reads a file in a child process: nothing a file does can hang or kill this one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import tempfile
from collections.abc import AsyncIterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.search.base import Chunk
from shared.search.parsing.chunking import Strategy
from shared.search.parsing.formats import ParsingFailed, invalid, reader_of
from shared.search.parsing.readers import Readers


class ReadingInterrupted(Exception):
    """The machine was too busy to read the file in time: not the file's fault, later it may be read."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file's chunks, and what of it holds text that could not be read, in words for its owner."""

    chunks: list[Chunk]
    omitted: list[str]


async def parse(
    filename: str,
    content: AsyncIterable[bytes],
    strategy: Strategy,
    seconds: float = math.inf,
    *,
    owner: str = "",
    readers: Readers | None = None,
) -> Parsed:
    """What there is to know of a file, by a process of the readers. Raises ParsingFailed or ReadingInterrupted."""
    reader_of(filename)
    if readers is None:
        readers = Readers()
        try:
            return await parse(filename, content, strategy, seconds, readers=readers)
        finally:
            await readers.close()
    seconds = min(readers.seconds, seconds)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        with path.open("wb") as file:
            async for piece in content:
                await asyncio.to_thread(file.write, piece)
        question = {"path": str(path), "filename": filename, "size": strategy.size, "overlap": strategy.overlap}
        try:
            async with asyncio.timeout(seconds):
                answer = await readers.ask(owner, question)
        except TimeoutError:
            raise ReadingInterrupted(f"not read within {seconds:.0f} s") from None
    return await asyncio.to_thread(parsed, answer)


def parsed(output: bytes) -> Parsed:
    """What a child printed. Raises ParsingFailed, also for a child that died."""
    lines: list[dict[str, Any]] = []
    # A child that was killed may have been cut off in the middle of a line.
    with contextlib.suppress(ValueError):
        lines = [json.loads(line) for line in output.splitlines() if line]
    last = lines[-1] if lines else {}
    if "code" in last:
        raise ParsingFailed(last["code"], last["message"])
    if last.get("done") != len(lines) - 1:
        raise invalid("The file could not be read within the limits of memory and time.")
    return Parsed([Chunk(line["text"], line["overlap"]) for line in lines[:-1]], last["omitted"])
