"""Tasks that begin before the event loop comes to them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


def begun(work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
    """A task that has begun; one that needs no waiting, as where storage is a file, is done.

    What is done at once costs the event loop no turn. Python 3.11 cannot: there the task begins as any other does.
    """
    if sys.version_info < (3, 12):
        return asyncio.create_task(work)
    return asyncio.Task(work, loop=asyncio.get_running_loop(), eager_start=True)
