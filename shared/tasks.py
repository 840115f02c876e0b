"""How a loop that is ours alone starts its tasks."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def start_at_once() -> None:
    """Let tasks begin when they are made: many end without ever waiting, and need no turn of the loop's.

    For the running loop; before Python 3.12 nothing changes.
    """
    if sys.version_info >= (3, 12):
        asyncio.get_running_loop().set_task_factory(_eager)


def _eager(loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, T], **named: Any) -> asyncio.Task[T]:
    # A loop that has yet to run, or has to close, cannot begin; uvloop names `eager_start` itself.
    return asyncio.Task(coro, loop=loop, **{**named, "eager_start": loop.is_running()})
