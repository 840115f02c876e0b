"""What every script here uses: the texts, and saving a document beside the words that its writer was given.

A word stands between spaces; signs around it do not count, those inside it do. One that must be read in another form
than it was given in (a number in its cell's format) is listed in that form.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CORPUS = HERE.parent
#: Where documents lie that are made on the way to others.
SCRATCH = Path("/tmp/corpus")
TEXTS: dict[str, Any] = json.loads((HERE / "texts.json").read_text())
AROUND = re.compile(r"^[^\w+#%°√∑∞☒☑☐≥€$&/*-]+|[^\w+#%°√∑∞☒☑☐≥€$&/*)-]+$")


def words(*texts: str | Iterable[Any]) -> list[str]:
    """The words of texts, however deep in lists; each once, in order."""
    found: dict[str, None] = {}
    for text in texts:
        parts = [AROUND.sub("", word) for word in text.split()] if isinstance(text, str) else words(*map(plain, text))
        found.update(dict.fromkeys(part.removesuffix(")") if "(" not in part else part for part in parts))
    return [word for word in found if re.search(r"\w|[☒☑☐√∑≥]", word)]


def plain(value: Any) -> Any:
    """Numbers as text."""
    return str(value) if isinstance(value, int | float) else value


def save(name: str, data: bytes, *given: Any) -> None:
    """Write a document of the corpus, and its words."""
    (CORPUS / name).write_bytes(data)
    (CORPUS / f"{name}.words").write_text("".join(f"{word}\n" for word in words(*given)))
    print(f"{name:32} {len(data):8} bytes")
