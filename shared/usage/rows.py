"""The rows of an owner's usage: one for each run that has ended, which become one for each day, assistant and model.

A row, of a run or of many, is `{"day": "20261129", "assistant_id": "asst_…", "model": "gpt-5.6", "runs": 1, "turns": 2,
"input_tokens": 250, …}` with a number for each of `NUMBERS`. Its key says the day first, so a report reads a range.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from shared.json_types import Json
from shared.objects.run import RunRecord
from shared.usage import keys

#: What is added up; tokens as the provider reported them, cached and written ones being among the input, reasoning
#: among the output.
NUMBERS: Final = (
    "runs",
    "turns",
    "input_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "tool_calls",
    "search_calls",
    "code_milliseconds",
)
#: Seconds of a day.
DAY: Final = 24 * 3600


def day_of(seconds: float) -> str:
    """The day of a time (unix seconds, UTC), such as `20261129`."""
    return _name_of(int(seconds // DAY))


@lru_cache(maxsize=8)
def _name_of(day: int) -> str:
    return f"{datetime.fromtimestamp(day * DAY, UTC):%Y%m%d}"


def run_key(record: RunRecord) -> str:
    """The key of a run's row: whoever writes it again meets the first one.

    A run that is not over is counted because its thread is deleted, under the day of its beginning.
    """
    return f"{keys.RUN}{_day(record)}:{_digest(record.run.thread_id, record.run.id)}"


def _day(record: RunRecord) -> str:
    return day_of(record.run.created_at if record.ended_at is None else record.ended_at)


def run_data(record: RunRecord) -> Json:
    """What a run has used, as its row has it."""
    spent, run = record.spent, record.run
    return {
        "day": _day(record),
        "assistant_id": run.assistant_id,
        "model": record.booked_model,
        "runs": 1,
        "turns": record.turns,
        "input_tokens": spent.prompt_tokens,
        "cached_tokens": spent.prompt_token_details.get("cached_tokens", 0),
        "cache_write_tokens": spent.prompt_token_details.get("cache_write_tokens", 0),
        "output_tokens": spent.completion_tokens,
        "reasoning_tokens": spent.completion_tokens_details.get("reasoning_tokens", 0),
        "tool_calls": record.tool_calls,
        "search_calls": record.search_calls,
        "code_milliseconds": record.code_milliseconds,
    }


def day_in(key: str) -> str:
    """The day in the key of a row."""
    return key.partition("-")[2][:8]


def sum_key(row: Json) -> str:
    """The key of the row into which this one is added."""
    return f"{keys.DAY}{row['day']}:{_digest(row['assistant_id'], row['model'])}"


def stored_key(day: str) -> str:
    """The key of the row that says how many bytes of files the owner had on a day."""
    return f"{keys.STORED}{day}"


def added(rows: Iterable[Json]) -> dict[str, int]:
    """The sum of rows, number by number."""
    total = dict.fromkeys(NUMBERS, 0)
    for row in rows:
        for name in NUMBERS:
            total[name] += row.get(name, 0)
    return total


def _digest(*names: str) -> str:
    """Names from elsewhere are long, or have characters that keys have not."""
    return hashlib.sha256(json.dumps(names).encode()).hexdigest()[:32]
