"""`python -m tests.corpus [REVISION]`: the share of each document's words that its reader finds, then and now.

With a revision, its readers are measured beside those of the working tree. The table ends with the share of all words.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tests.corpus.reading import DOCUMENTS, found, missing, words

ROOT = Path(__file__).parent.parent.parent
#: Reads one document with the readers of the folder it runs in.
PROGRAM = "import sys; from shared.search.parsing.child import read; sys.stdout.write(str(read(*sys.argv[1:])))"


def main(revision: str | None) -> int:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        trees = [ROOT]
        if revision:
            archive = subprocess.run(["git", "archive", revision, "shared"], cwd=ROOT, check=True, capture_output=True)
            with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tree:
                tree.extractall(folder, filter="data")
            trees.insert(0, Path(folder))
        totals = [0.0] * len(trees)
        every = 0
        for document in DOCUMENTS:
            wanted = words(document)
            texts = [read(document, tree) for tree in trees]
            shares = [found(wanted, text) for text in texts]
            every += len(wanted)
            totals = [total + share * len(wanted) for total, share in zip(totals, shares, strict=True)]
            lost = " ".join(missing(wanted, texts[-1])[:8])
            print(f"{document.name:32}", *(f"{share:7.1%}" for share in shares), f"  {lost}".rstrip())
    print(f"{f'{len(DOCUMENTS)} documents, {every} words':32}", *(f"{total / every:7.2%}" for total in totals))
    return 0


def read(document: Path, tree: Path) -> str:
    """What the readers of a source tree read; empty if they fail."""
    command = [sys.executable, "-c", PROGRAM, str(document), document.name]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=120, check=False).stdout


if __name__ == "__main__":
    sys.exit(main(*(sys.argv[1:2] or [None])))
