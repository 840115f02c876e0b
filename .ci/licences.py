"""The licences of everything that is installed for the box: `make licences` prints them and fails on one not allowed.

What a package says of itself counts: its SPDX expression, else its classifiers, else a short licence field.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from email.message import Message
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
#: Permissive ones; MPL-2.0 binds changes of its own files only, and we change none.
ALLOWED = {
    "0BSD", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-0", "MIT-CMU", "MPL-2.0",
    "PSF-2.0", "Unlicense", "Zlib",
}  # fmt: skip
#: Package -> its licence and why we say so, where its metadata says nothing (or nothing clear).
SAID_ELSEWHERE = {
    "peewee": ("MIT", "no licence in its metadata; the LICENSE file of its project and of its package is MIT's"),
    "pypdfium2": (
        "BSD-3-Clause AND Apache-2.0",
        "its field adds `dependency licenses`: the parts of PDFium, whose texts lie beside it: permissive, or with a"
        " permissive choice (FreeType) or exception (the compiler's run time in musl wheels)",
    ),
}
#: Words in older metadata -> SPDX.
WORDS = {
    "2-clause BSD": "BSD-2-Clause",
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
CLASSIFIER = "License :: OSI Approved :: "


class Row(NamedTuple):
    """A package, what it is needed for, and its licence: an SPDX expression, or "" when it names none."""

    name: str
    version: str
    needed_for: str
    licence: str


def licence_of(metadata: Message) -> str:
    """An SPDX expression from a package's metadata; several classifiers all hold."""
    if expression := metadata.get("License-Expression"):
        return str(expression)
    said = str(metadata.get("License", "")).strip()
    classifiers = [each.removeprefix(CLASSIFIER) for each in metadata.get_all("Classifier", []) if CLASSIFIER in each]
    if said and len(said) < 40 and "\n" not in said:
        return WORDS.get(said, said)
    return " AND ".join(WORDS.get(each, each) for each in classifiers)


def is_allowed(expression: str) -> bool:
    """Whether every part of an expression is allowed, or one of its alternatives; no nesting beyond that."""
    parts = re.split(r"\s+AND\s+", expression)
    return all(any(each.strip(" ()") in ALLOWED for each in re.split(r"\s+OR\s+", part)) for part in parts)


def needed(project: Mapping[str, Any]) -> Iterator[tuple[str, Distribution]]:
    """Every installed package that the project needs, with the list that it is needed for first."""
    groups = project["dependency-groups"]
    lists = {"box": project["project"]["dependencies"], "sandbox": groups["sandbox"]}
    lists["dev"] = [each for each in groups["dev"] if isinstance(each, str)]
    seen: set[tuple[str, str]] = set()
    for purpose, requirements in lists.items():
        waiting = [(Requirement(each), "") for each in requirements]
        while waiting:
            requirement, extra = waiting.pop()
            if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
                continue
            try:
                found = distribution(requirement.name)
            except PackageNotFoundError:
                continue  # not for this machine
            for each in ("", *requirement.extras):
                key = (canonicalize_name(requirement.name), each)
                if key not in seen:
                    seen.add(key)
                    waiting += [(Requirement(line), each) for line in found.requires or ()]
                    if not each:
                        yield purpose, found


def rows() -> list[Row]:
    """All packages, by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    found = []
    for purpose, package in needed(project):
        licence = SAID_ELSEWHERE.get(canonicalize_name(package.name), ("",))[0] or licence_of(package.metadata)
        found.append(Row(package.name, package.version, purpose, licence))
    return sorted(found, key=lambda row: row.name.lower())


def main() -> int:
    """Print the table; 1 if a licence is missing or not allowed."""
    refused = 0
    for row in rows():
        good = is_allowed(row.licence)
        refused += not good
        print(f"{row.name:40}{row.version:16}{row.needed_for:10}{row.licence or '?'}{'' if good else '   NOT ALLOWED'}")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
