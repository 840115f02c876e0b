"""How far the box's count of tokens is off, against o200k_base: `python -m bench.estimator`.

Prints the smallest and the largest ratio of estimate to count for each class of text, over pieces of some 500
characters and over the whole. The tokenizer is one of the tests' Node packages (`make test-tools`).
"""

from __future__ import annotations

import base64
import json
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.runs.prompt.tokens import text_tokens

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent
SCRIPT: Final = HERE / "tokenizer.cjs"
PACKAGE: Final = ROOT / "tests/node_modules/gpt-tokenizer"
#: Characters of a piece, and pieces of a class at most.
PIECE: Final = 500
MOST: Final = 60
#: What the estimate may be of the count, at least and at most.
LEAST: Final = 0.75
LARGEST: Final = 1.40
LANGUAGES: Final = ("english", "german", "chinese", "japanese")
#: As people write it; in minified code, and in lists of names, single pieces are off by up to a half.
#: As people write it; in minified code, and in lists of names, single pieces are off by up to a half.
CODE: Final = (
    "shared/runs/*.py",
    "shared/store/*.py",
    "shared/web/*.js",
    "shared/web/*.css",
    "infra/*.bicep",
    "Makefile",
)


@dataclass(frozen=True, slots=True)
class Row:
    """A class of text."""

    name: str
    pieces: int
    smallest: float
    largest: float
    whole: float


def texts() -> dict[str, str]:
    """The texts, by class."""
    return {
        **{name: (HERE / "texts" / f"{name}.txt").read_text("utf-8") for name in LANGUAGES},
        "markdown": "\n".join(path.read_text("utf-8") for path in sorted((ROOT / "docs").glob("*.md"))),
        "code": "\n".join(path.read_text("utf-8") for each in CODE for path in sorted(ROOT.glob(each))),
        "JSON": "\n".join(_json()),
        "base64": "\n".join(_base64()),
        "tables, logs": "\n".join(_rows()),
    }


def _json() -> Iterator[str]:
    chance = random.Random(1)
    orders = [
        {
            "id": f"order_{chance.getrandbits(48):012x}",
            "customer": {"name": chance.choice(["Ada Meyer", "Bo Lindqvist", "陈伟"]), "city": "Oslo"},
            "lines": [{"sku": f"A-{chance.randint(100, 9999)}", "price": round(chance.uniform(1, 900), 2)}] * 2,
            "paid": chance.random() < 0.5,
            "at": f"2026-0{chance.randint(1, 9)}-1{chance.randint(0, 9)}T08:15:00Z",
            "note": None,
        }
        for _ in range(40)
    ]
    yield json.dumps(orders, ensure_ascii=False)
    yield json.dumps(orders, ensure_ascii=False, separators=(",", ":"))
    yield json.dumps(orders, ensure_ascii=False, indent=2)
    yield json.dumps([round(chance.gauss(0, 1), 6) for _ in range(400)])
    yield (ROOT / "tests/package-lock.json").read_text("utf-8")[:20_000]


def _base64() -> Iterator[str]:
    noise = random.Random(2).randbytes(6000)
    words = "\n".join((HERE / "texts" / f"{name}.txt").read_text("utf-8") for name in LANGUAGES).encode()
    yield base64.b64encode(noise).decode()
    yield base64.encodebytes(noise).decode()
    yield base64.urlsafe_b64encode(noise).decode()
    yield base64.b64encode(words).decode()


def _rows() -> Iterator[str]:
    chance = random.Random(3)
    for number in range(150):
        yield f"{number},2026-01-{number % 28 + 1:02d},{chance.uniform(0, 9999):.2f},Zürich,{chance.randint(0, 999)}"
    for number in range(100):
        at = f"2026-11-28T20:49:{number % 60:02d}.{chance.randint(100, 999)}Z"
        yield f"{at} INFO GET /v1/runs/{number} 200 {number}ms"
    for _ in range(100):
        yield f"| {chance.randint(0, 9999)} | {chance.uniform(0, 9):.3f} | open |"


def pieces(text: str) -> list[str]:
    """The text in pieces, spread over the whole of it, and the whole."""
    cut = [text[start : start + PIECE] for start in range(0, max(1, len(text) - PIECE // 2), PIECE)]
    return [*cut[:: max(1, len(cut) // MOST)][:MOST], text]


def counted(parts: list[str]) -> list[int]:
    """The tokens of each text, as the tokenizer counts them. Raises CalledProcessError."""
    done = subprocess.run(["node", str(SCRIPT)], input=json.dumps(parts), capture_output=True, text=True, check=True)
    numbers: list[int] = json.loads(done.stdout)
    return numbers


def measure(classes: Mapping[str, str]) -> list[Row]:
    """Ratios of estimate to count, by class."""
    cut = {name: pieces(text) for name, text in classes.items()}
    numbers = iter(counted([part for parts in cut.values() for part in parts]))
    rows = []
    for name, parts in cut.items():
        ratios = [text_tokens(part) / next(numbers) for part in parts]
        rows.append(Row(name, len(parts) - 1, min(ratios), max(ratios), ratios[-1]))
    return rows


def main() -> int:
    """Print the table; 1 if a ratio is out of bounds."""
    if not PACKAGE.exists():
        print("The tokenizer is not installed: `make test-tools`.")
        return 1
    rows = measure(texts())
    print(f"{'text':14}{'pieces':>8}{'smallest':>10}{'largest':>9}{'whole':>7}")
    for row in rows:
        print(f"{row.name:14}{row.pieces:8}{row.smallest:10.2f}{row.largest:9.2f}{row.whole:7.2f}")
    print(f"Bounds: {LEAST} to {LARGEST:.2f}.")
    return int(any(row.smallest < LEAST or row.largest > LARGEST for row in rows))


if __name__ == "__main__":
    sys.exit(main())
