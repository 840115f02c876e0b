"""What a CSV file holds, as far as a first look at it tells."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.demo.offline.conversation import Conversation
from shared.json_types import Json


@dataclass(frozen=True, slots=True)
class Column:
    """What the first look told about a column."""

    name: str
    #: number | date | text
    kind: str
    values: tuple[str, ...]

    @property
    def words(self) -> set[str]:
        """The words its name is made of."""
        return words(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", self.name))


@dataclass(frozen=True, slots=True)
class DemoTable:
    """What the first look told."""

    path: str
    rows: int
    columns: tuple[Column, ...]

    def of_kind(self, *kinds: str) -> list[Column]:
        """The columns of these kinds."""
        return [column for column in self.columns if column.kind in kinds]

    def named_in(self, text: str, *kinds: str) -> Column | None:
        """The column whose name has most words in common with the text."""
        spoken = words(text)
        scored = [(len(column.words & spoken), column) for column in self.of_kind(*kinds)]
        best = max(scored, key=lambda pair: pair[0], default=(0, None))
        return best[1] if best[0] > 0 else None


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about which table."""

    text: str
    instructions: str
    table: DemoTable

    def asks(self, pattern: str) -> bool:
        """Whether the question has words of this pattern."""
        return re.search(rf"\b(?:{pattern})", self.text, re.IGNORECASE) is not None


def words(text: str) -> set[str]:
    """The words of a text, in lower case and without the plural."""
    return {word.removesuffix("s") for word in re.findall(r"[a-z]+", text.lower())}


def look(conversation: Conversation) -> str:
    """The program that tells what is in the file."""
    name = conversation.data_file
    path = f'"/mnt/data/{name}"' if name is not None else 'next(iter(sorted(glob.glob("/mnt/data/*.csv"))), None)'
    return _LOOKING.format(path=path, glob="import glob\n" if name is None else "")


def table_in(output: Json | None) -> DemoTable | None:
    """The table that the first look found."""
    if output is None or "columns" not in output:
        return None
    columns = tuple(Column(name, each["kind"], tuple(each["values"])) for name, each in output["columns"].items())
    return DemoTable(output["path"], output["rows"], columns)


_LOOKING = """\
{glob}import json
import re
import pandas as pd

path = {path}
table = pd.read_csv(path) if path else pd.DataFrame()


def describe(column):
    if pd.api.types.is_numeric_dtype(column):
        return {{"kind": "number", "values": []}}
    values = sorted(map(str, column.dropna().unique()))
    if values and all(re.search(r"\\d{{4}}-\\d\\d|\\d/\\d|\\d-[A-Z][a-z]{{2}}-\\d", value) for value in values):
        return {{"kind": "date", "values": []}}
    return {{"kind": "text", "values": [value for value in values if len(value) <= 40][:500]}}


columns = {{name: describe(table[name]) for name in table}}
print(json.dumps({{"path": path, "rows": len(table), "columns": columns}}))
"""
