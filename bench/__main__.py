"""`python -m bench [runs operations pages starts functions bodies sandbox search retrieval estimator moving scale
telemetry]`.

Prints tables and keeps them in bench/results.

`python -m bench compare OLD NEW` measures two checkouts in turn, `python -m bench instructions OLD NEW` counts what
their processors do, `python -m bench imports OLD NEW` measures what a process costs before anybody calls it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
DEFAULT = ["runs", "operations"]
#: Those that take checkouts as arguments.
OF_CHECKOUTS = ("compare", "instructions", "imports")


def main(words: list[str]) -> int:
    """Run the named measurements one after the other, each in a process of its own."""
    RESULTS.mkdir(exist_ok=True)
    failed = 0
    if words and words[0] in OF_CHECKOUTS:
        return subprocess.run([sys.executable, "-m", f"bench.{words[0]}", *words[1:]]).returncode
    for name in words or DEFAULT:
        print(f"== {name}", flush=True)
        with (RESULTS / f"{name}.txt").open("w") as kept:
            process = subprocess.Popen([sys.executable, "-m", f"bench.{name}"], stdout=subprocess.PIPE, text=True)
            assert process.stdout is not None
            for line in process.stdout:
                print(line, end="", flush=True)
                kept.write(line)
            failed += process.wait() != 0
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
