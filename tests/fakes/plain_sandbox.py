"""A sandbox that isolates nothing: it runs the demo model's own programs, which tests trust."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from shared.sandbox.base import DATA, CellResult, FileInfo, Limits, SandboxInfo

_PRELUDE = """
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
plt.show = lambda: plt.savefig({chart!r})
"""


class PlainSandbox:
    """Sessions are folders; every call is a process of its own."""

    info = SandboxInfo("plain", "none", Limits())

    def __init__(self, home: Path):
        self.home = home

    @asynccontextmanager
    async def session(self, key: str) -> AsyncIterator[PlainSession]:
        folder = self.home / key
        folder.mkdir(parents=True, exist_ok=True)
        yield PlainSession(folder)

    async def self_test(self) -> None: ...

    async def evict(self, key: str) -> None: ...

    async def close(self) -> None: ...


class PlainSession:
    """A folder with a thread's files."""

    def __init__(self, folder: Path):
        self.folder = folder

    async def put_file(self, name: str, pieces: AsyncIterable[bytes], *, also: str | None = None) -> None:
        content = b"".join([piece async for piece in pieces])
        for each in filter(None, (name, also)):
            (self.folder / each).write_bytes(content)

    async def holds(self, name: str) -> bool:
        return (self.folder / name).exists()

    async def run(self, code: str, timeout: float | None = None) -> CellResult:
        chart = self.folder.parent / "chart.png"
        program = (_PRELUDE.format(chart=str(chart)) if "plt." in code else "") + code.replace(DATA, str(self.folder))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, err = await process.communicate()
        images = (chart.read_bytes(),) if chart.exists() else ()
        chart.unlink(missing_ok=True)
        failed = process.returncode != 0
        return CellResult(
            "error" if failed else "ok", out.decode(), error=err.decode() if failed else None, images=images
        )

    async def list_files(self) -> list[FileInfo]:
        return [FileInfo(path.name, path.stat().st_size) for path in sorted(self.folder.iterdir())]

    async def read_file(self, name: str) -> AsyncIterator[bytes]:
        yield (self.folder / name).read_bytes()
