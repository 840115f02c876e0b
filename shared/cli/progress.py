"""How far a long command is: a bar with what is left, for people; nothing where nobody looks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn


@contextmanager
def bar(words: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on standard error; what it gives is told how many more are done."""
    with _shown() as shown:
        task = shown.add_task(words, total=total)
        yield lambda more: shown.advance(task, more)


@contextmanager
def bars() -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each thing that is done: told its words, how much of it is done, and of how much (0: nobody knows)."""
    tasks: dict[str, TaskID] = {}
    with _shown() as shown:

        def tell(words: str, done: int, total: int) -> None:
            if words not in tasks:
                tasks[words] = shown.add_task(words)
            shown.update(tasks[words], completed=done, total=total or None)

        yield tell


def _shown() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
