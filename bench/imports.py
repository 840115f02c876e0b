"""What a process costs before anybody calls it, of one checkout or of several in turn.

`python -m bench imports [CHECKOUT ...] [--rounds 9]` measures folders or git revisions, with compiled files: medians of
the processor time to import the app and build a box (without a model, code or administrators), of its modules, and of
its resident memory; and the same for `import function_app`, which is what a Functions host indexes before the first
call builds the box.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from statistics import median
from typing import Final

from bench import processes
from bench.compare import checkout, commit
from bench.processes import Checkout

#: Milliseconds, modules, megabytes.
Cost = tuple[float, int, float]

BUILD: Final = """
from shared.app import build
from shared.config import Settings
build(Settings(_env_file=None, box_home=sys.argv[1], sandbox="none"))
"""
WAYS: Final = {
    "import and build": BUILD,
    "import function_app": "import function_app",
    "both": f"import function_app{BUILD}",
}
MEASURED: Final = """
import sys, time
sys.path.insert(0, "")
before = time.process_time()
{code}
used = time.process_time() - before
status = open("/proc/self/status").read()
print(used * 1000, len(sys.modules), int(status.partition("VmRSS:")[2].split()[0]) / 1024)
"""


def cost(tree: Checkout, code: str) -> Cost:
    """Of one fresh process, whose environment names nothing that the box would load more for."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment = kept | {"PYTHON_ENABLE_INIT_INDEXING": "1", "PYTHONHASHSEED": "0"}
    with tempfile.TemporaryDirectory() as home:
        command = [tree.python, "-c", MEASURED.format(code=code), home]
        done = subprocess.run(command, cwd=tree.folder, env=environment, capture_output=True, text=True, check=True)
    milliseconds, modules, megabytes = done.stdout.split()[-3:]
    return float(milliseconds), int(modules), float(megabytes)


def main(words: Sequence[str] | None = None) -> None:
    """Print a line for each checkout and way."""
    parser = argparse.ArgumentParser(prog="python -m bench imports", description=__doc__)
    parser.add_argument("names", nargs="*", default=[str(processes.HERE.folder)], help="folders or git revisions")
    parser.add_argument("--rounds", type=int, default=9, help="processes of each kind (default: 9)")
    chosen = parser.parse_args(words)
    with ExitStack() as stack:
        trees = [stack.enter_context(checkout(name)) for name in chosen.names]
        for way, code in WAYS.items():
            for tree in trees:
                cost(tree, code)  # compiles what is not
            found: list[list[Cost]] = [[] for _ in trees]
            for _ in range(chosen.rounds):
                for costs, tree in zip(found, trees, strict=True):
                    costs.append(cost(tree, code))
            for costs, tree in zip(found, trees, strict=True):
                milliseconds, modules, megabytes = (median(each) for each in zip(*costs, strict=True))
                print(f"{way:20} {commit(tree):16} {milliseconds:4.0f} ms {modules:5.0f} modules {megabytes:5.1f} MB")


if __name__ == "__main__":
    main()
