"""What commands print: a table for people, JSON for programs."""

from __future__ import annotations

import json as json_module
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared.json_types import Json

#: Characters of a line that goes into a file or another program: nothing is folded there.
UNFOLDED: Final = 10_000


def print_json(value: Any) -> None:
    """A JSON document."""
    print(json_module.dumps(value, indent=2, ensure_ascii=False))


def print_objects(
    found: Sequence[Json], heads: Sequence[str], row: Callable[[Json], Sequence[object]], *, json: bool
) -> None:
    """What a command found: a JSON document of the objects, or a table with a row of each."""
    if json:
        print_json(found)
    else:
        print_table(heads, map(row, found))


def print_outcomes(done: Sequence[Json], *, json: bool) -> None:
    """What became of objects: a JSON document, or a line of each with its id and `outcome`."""
    if json:
        print_json(done)
    else:
        for each in done:
            print_outcome(each, json=False)


def print_outcome(done: Json, *, json: bool) -> None:
    """The same of one object."""
    if json:
        print_json(done)
    else:
        print(f"{done['id']}  {done['outcome']}")


def print_table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Rows under their heads; ids and dates are never folded."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, head in enumerate(heads):
        table.add_column(head, overflow="fold", no_wrap=number < len(heads) - 1)
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else UNFOLDED)
    with console.capture() as drawn:
        console.print(table)
    print("\n".join(line.rstrip() for line in drawn.get().splitlines()))


def moment(seconds: float | None) -> str:
    """A time, given in unix seconds, in the form of 2026-11-28 22:15:03 (UTC); `-` for none."""
    return "-" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


def pairs(metadata: dict[str, str]) -> str:
    """Metadata in a cell."""
    return ", ".join(f"{key}={value}" for key, value in metadata.items())
