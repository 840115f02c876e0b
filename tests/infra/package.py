"""What azd uploads, by `.funcignore`; `python -m tests.infra.package` says how much that is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from tests.infra.infra_tree import PROJECT

PATTERNS = [line for line in (PROJECT / ".funcignore").read_text().splitlines() if line and not line.startswith("#")]


def is_left_out(path: str) -> bool:
    """By the rules of .gitignore, as far as the file uses them: the last pattern that matches decides."""
    parents = ["/".join(path.split("/")[: end + 1]) for end in range(path.count("/") + 1)]
    return any(_verdict(parent, parent != path) for parent in parents)


def _verdict(path: str, is_folder: bool) -> bool:
    left_out = False
    for pattern in PATTERNS:
        if _matches(pattern.removeprefix("!"), path, is_folder):
            left_out = not pattern.startswith("!")
    return left_out


def _matches(pattern: str, path: str, is_folder: bool) -> bool:
    if pattern.endswith("/") and not is_folder:
        return False
    pattern = pattern.rstrip("/")
    return fnmatch(path, pattern[1:]) if pattern.startswith("/") else fnmatch(path.rsplit("/", 1)[-1], pattern)


def uploaded(root: Path = PROJECT) -> Iterator[Path]:
    """The files that azd would put into the package, as they lie there."""
    for folder, folders, files in os.walk(root):
        place = Path(folder).relative_to(root)
        folders[:] = [name for name in folders if not is_left_out(str(place / name / "any"))]
        yield from (Path(folder) / name for name in files if not is_left_out(str(place / name)))


if __name__ == "__main__":
    sizes = [path.stat().st_size for path in uploaded()]
    print(f"{len(sizes)} files, {sum(sizes) / 1e6:.1f} MB")
