"""The program `box`, which dies right before its n-th change of the file system below a folder.

Run once, it forks a program for each line of JSON on its input (`Order`) and answers with how that ended: the exit
code, or the number of the signal below zero.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any, TypedDict

from shared.cli.program import main as box

#: What changes files, or may: Python tells of each before it is done.
CHANGES = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "sqlite3.connect"}
READING = (os.O_RDONLY, os.O_RDONLY | os.O_CLOEXEC)


class Order(TypedDict):
    """What to run, and when it is to die."""

    words: list[str]
    environment: dict[str, str]
    #: Changes are counted below this folder.
    below: str
    #: Before which change; 0: never.
    change: int


def die_before(change: int, below: str) -> None:
    """Have this process end at that change."""
    left = change

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if event not in CHANGES or not os.fsdecode(str(arguments[0])).startswith(below):
            return
        if event == "open" and arguments[2] in READING:
            return
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def run(order: Order) -> int:
    """The program, in this process."""
    os.environ.update(order["environment"])
    if order["change"]:
        die_before(order["change"], order["below"])
    return box(order["words"])


def main() -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            os.dup2(nothing, 0)
            os.dup2(nothing, 1)
            os._exit(run(json.loads(line)))
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
