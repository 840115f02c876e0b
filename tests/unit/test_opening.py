"""A file that was being opened for somebody who left is closed; an unclosed one is a warning, and so a failure."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from pathlib import Path

import pytest

from shared.blobs.folder import FolderBlobs


@pytest.mark.skipif(sys.platform == "win32", reason="a pipe is what takes its time to open")
async def test_a_reader_who_leaves_early_leaves_no_file_open(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    os.mkfifo(pipe := tmp_path / "slow")
    reading = asyncio.ensure_future(anext(blobs.read("slow")))
    await asyncio.sleep(0.05)

    reading.cancel()
    await asyncio.sleep(0)
    writer = await asyncio.to_thread(os.open, pipe, os.O_WRONLY)

    with pytest.raises(asyncio.CancelledError):
        await reading
    # The only reader's end is closed: a write finds nobody.
    with pytest.raises(BrokenPipeError):
        os.write(writer, b"x")
    os.close(writer)
    gc.collect()
