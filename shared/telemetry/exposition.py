"""Metrics for Prometheus: each process of a box writes its own into the home, and whoever is asked answers with all.

A file is what `Numbers.all` gives, as JSON.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from shared import json_text
from shared.json_types import Json
from shared.telemetry.numbers import Numbers

#: Seconds between two times that a process writes its metrics down.
WRITTEN_SECONDS: Final = 5.0
FOLDER: Final = "metrics"
_UNITS: Final = {"s": "_seconds"}


class Exposition:
    """What all processes of the box have written down, this one just now."""

    def __init__(self, home: Path, numbers: Numbers) -> None:
        self._folder, self._numbers = home / FOLDER, numbers
        self._file = self._folder / f"{os.getpid()}.json"
        #: The beat writes, and so does whoever is asked.
        self._writing = threading.Lock()

    def write(self) -> None:
        """Write this process's numbers down."""
        draft = self._file.with_suffix(".new")
        with self._writing, suppress(OSError):  # the disk is full: the next time, perhaps
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft.write_bytes(json_text.ascii_bytes(self._numbers.all()))
            draft.replace(self._file)

    def stop(self) -> None:
        """A process that has ended counts nothing more."""
        self._file.unlink(missing_ok=True)

    def text(self) -> str:
        """In Prometheus's words: each number with the process that counted it.

        What is measured of the box as a whole, such as messages that wait, is this process's alone.
        """
        self.write()
        families: dict[str, Json] = {}
        for process, metrics in self._written():
            for metric in metrics:
                if metric["kind"] == "gauge" and process != str(os.getpid()):
                    continue
                family = families.setdefault(metric["name"], {**metric, "points": []})
                family["points"] += [
                    {**point, "attributes": {**point["attributes"], "process": process}} for point in metric["points"]
                ]
        lines = (line for _, family in sorted(families.items()) for line in lines_of(family))
        return "".join(f"{line}\n" for line in lines)

    def _written(self) -> Iterator[tuple[str, list[Json]]]:
        for file in sorted(self._folder.glob("*.json")):
            if not is_alive(int(file.stem)):
                file.unlink(missing_ok=True)
                continue
            with suppress(OSError, ValueError):  # it has ended meanwhile
                yield file.stem, json_text.read(file.read_bytes())


def is_alive(pid: int) -> bool:
    """Whether there is a process of that id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def lines_of(metric: Json) -> Iterator[str]:
    """A metric's lines."""
    name = metric["name"].replace(".", "_") + _UNITS.get(metric["unit"], "")
    kind = metric["kind"]
    name += "_total" if kind == "counter" else ""
    yield f"# HELP {name} {metric['about']}"
    yield f"# TYPE {name} {'gauge' if kind == 'sum' else kind}"
    for point in metric["points"]:
        if kind == "histogram":
            yield from _buckets(name, point, metric["bounds"])
        else:
            yield f"{name}{labels(point['attributes'])} {point['value']}"


def _buckets(name: str, point: Json, bounds: list[float]) -> Iterator[str]:
    so_far = 0
    for bound, count in zip([*bounds, "+Inf"], point["counts"], strict=True):
        so_far += count
        yield f"{name}_bucket{labels({**point['attributes'], 'le': bound})} {so_far}"
    yield f"{name}_sum{labels(point['attributes'])} {point['sum']}"
    yield f"{name}_count{labels(point['attributes'])} {so_far}"


def labels(attributes: Json) -> str:
    """Attributes as labels."""
    pairs = (f'{name.replace(".", "_")}="{escaped(str(value))}"' for name, value in attributes.items())
    return "{" + ",".join(pairs) + "}"


def escaped(value: str) -> str:
    """A value within quotes."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
