"""Files opened in a thread by tasks that may be cancelled meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO


async def open_in_thread(opening: Callable[[], BinaryIO]) -> BinaryIO:
    """The file that `opening` gives. A caller that is cancelled gets none, and none is left open behind it.

    Raises what `opening` raises.
    """
    opened = asyncio.get_running_loop().run_in_executor(None, opening)
    try:
        return await asyncio.shield(opened)
    except asyncio.CancelledError:
        with suppress(Exception):  # that it failed concerns nobody any more
            (await opened).close()
        raise
