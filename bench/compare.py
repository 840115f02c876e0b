"""Two checkouts side by side: `python -m bench compare OLD NEW [--pairs 5]`. Prints a table, writes JSON.

OLD and NEW are folders or git revisions, visited in turn, OLD NEW OLD NEW, so that what the machine does besides falls
on both; what counts is the ratio NEW / OLD within a pair, and how far the pairs disagree. A folder runs on the `.venv`
in it, anything else on this one's. Client and model are this checkout's: an old one needs nothing but its box.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Final

from bench import functions, lean, processes
from bench.processes import HERE, Checkout
from bench.visit import Figures, Load, visit
from tests import azurite

RESULTS: Final = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Ratio:
    """One figure of both checkouts: medians over all pairs, and the pairs' ratios NEW / OLD."""

    old: float
    new: float
    min: float
    median: float
    max: float


def ratios(pairs: Sequence[tuple[Figures, Figures]]) -> dict[str, Ratio]:
    """Figure -> how NEW compares with OLD, for the figures that both have."""
    found = {}
    for name in pairs[0][0]:
        values = [(old[name], new[name]) for old, new in pairs if name in new and old[name] > 0]
        if values:
            each = [new / old for old, new in values]
            olds, news = zip(*values, strict=True)
            found[name] = Ratio(median(olds), median(news), min(each), median(each), max(each))
    return found


def table(found: dict[str, Ratio]) -> str:
    """The ratios for reading."""
    lines = [f"{'':40}{'OLD':>9}{'NEW':>9}   NEW/OLD{'min':>7}{'median':>8}{'max':>7}"]
    for name, ratio in found.items():
        ends = f"{ratio.min:7.3f}{ratio.median:8.3f}{ratio.max:7.3f}"
        lines.append(f"{name:40}{ratio.old:9.2f}{ratio.new:9.2f}{'':10}{ends}")
    return "\n".join(lines)


@contextmanager
def checkout(name: str) -> Iterator[Checkout]:
    """A folder as it is, or a revision in a folder that lasts as long as the block."""
    if Path(name).is_dir():
        folder = Path(name).resolve()
        own = folder / ".venv/bin/python"
        yield Checkout(folder, str(own) if own.exists() else sys.executable)
        return
    git = ["git", "-C", str(HERE.folder), "worktree"]
    with tempfile.TemporaryDirectory() as outer:
        folder = Path(outer) / "checkout"
        subprocess.run([*git, "add", "--quiet", "--detach", str(folder), name], check=True)
        try:
            yield Checkout(folder)
        finally:
            subprocess.run([*git, "remove", "--force", str(folder)], check=True)


def commit(tree: Checkout) -> str:
    """Which commit a checkout is at, and whether it was changed since; the folder's name where there is no git."""
    command = ["git", "-C", str(tree.folder), "describe", "--always", "--dirty", "--exclude", "*"]
    try:
        said = subprocess.run(command, capture_output=True, text=True).stdout.strip()
    except FileNotFoundError:
        said = ""
    return said or tree.folder.name


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench compare", description="Two checkouts side by side.")
    parser.add_argument("old", help="a folder or a git revision")
    parser.add_argument("new", help="a folder or a git revision")
    parser.add_argument("--pairs", type=int, default=5, help="visits to each (default: 5)")
    parser.add_argument("--seconds", type=float, default=3, help="of each kind of throughput (default: 3)")
    parser.add_argument("--no-storage", action="store_true", help="leave out the operations on emulated Azure storage")
    parser.add_argument("--functions", action="store_true", help="compare the function apps alone instead")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for the JSON (default: bench/results)")
    return parser.parse_args(words)


def measure(tree: Checkout, load: Load, chosen: argparse.Namespace) -> Figures:
    """The figures of one visit."""
    return functions.visit(tree, chosen.seconds) if chosen.functions else visit(tree, load)


def main(words: Sequence[str] | None = None) -> Path:
    """Compare, print, and return the file with the figures of all pairs."""
    chosen = arguments(words)
    storage = not chosen.no_storage and azurite.is_installed()
    if not storage:
        print("Storage operations are left out" + ("." if chosen.no_storage else ": Azurite is not installed."))
    with ExitStack() as stack:
        old, new = (stack.enter_context(checkout(name)) for name in (chosen.old, chosen.new))
        model_url, _ = stack.enter_context(processes.started(*lean.MODEL))
        load = Load(model_url, chosen.seconds, storage=storage)
        names = [commit(tree) for tree in (old, new)]
        print(f"OLD {names[0]} ({chosen.old})  NEW {names[1]} ({chosen.new})", flush=True)
        pairs = []
        for number in range(chosen.pairs):
            pairs.append((measure(old, load, chosen), measure(new, load, chosen)))
            print(f"pair {number + 1} of {chosen.pairs} measured", flush=True)
    found = ratios(pairs)
    print(table(found))
    chosen.results.mkdir(exist_ok=True)
    path: Path = chosen.results / f"compare-{names[0]}-{names[1]}.json"
    kept = {"ratios": {name: asdict(ratio) for name, ratio in found.items()}, "pairs": pairs}
    path.write_text(json.dumps({"old": names[0], "new": names[1], **kept}, indent=1))
    return path


if __name__ == "__main__":
    main()
