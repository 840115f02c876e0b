"""`python -m bench [NAME [ARGUMENT …]] …`: measurements by the names of this folder's files, one after the other.

Prints tables and keeps them in bench/results. Without a name: what runs cost. `python -m bench compare OLD NEW`
measures two checkouts in turn, `python -m bench instructions OLD NEW` counts what their processors do, `python -m bench
imports OLD NEW` measures what a process costs before anybody calls it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
RESULTS = HERE / "results"
DEFAULT = ["runs", "operations"]


def parted(words: list[str]) -> list[list[str]]:
    """The names, each with its arguments: the words behind it that name no measurement."""
    found: list[list[str]] = []
    for word in words:
        if not found or (HERE / f"{word}.py").exists():
            found.append([])
        found[-1].append(word)
    return found


def main(words: list[str]) -> int:
    """Run the named measurements one after the other, each in a process of its own; how many failed."""
    RESULTS.mkdir(exist_ok=True)
    failed = 0
    for name, *arguments in parted(words or DEFAULT):
        print(f"== {name}", flush=True)
        with (RESULTS / f"{name}.txt").open("w") as kept:
            command = [sys.executable, "-m", f"bench.{name}", *arguments]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            assert process.stdout is not None
            for line in process.stdout:
                print(line, end="", flush=True)
                kept.write(line)
            failed += process.wait() != 0
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
