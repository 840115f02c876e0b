"""What owners have used from day to day, in groups: rows of runs and of days are read alike, and added up."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final

from shared.errors import InvalidRequest
from shared.json_types import Json
from shared.objects.usage import UsageGroup, UsageReport
from shared.settings.values import Price
from shared.store.base import Store
from shared.usage import keys
from shared.usage.prices import cost
from shared.usage.rows import added

#: What usage can be grouped by, and how rows call it.
GROUPS: Final = {"day": "day", "owner": "owner", "assistant": "assistant_id", "model": "model"}
#: Days that a report may have.
MOST_DAYS: Final = 366
#: Rows read at a time.
ROWS_AT_ONCE: Final = 1000
#: The columns of CSV.
COLUMNS: Final = [name for name in UsageGroup.__struct_fields__ if name != "object"]


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days (UTC), the last one included, and what they are grouped by."""

    start: date
    end: date
    group_by: tuple[str, ...]

    @staticmethod
    def of(start: str | None, end: str | None, group_by: str | None, now: float) -> Period:
        """What was asked for; else the days of this month. Raises InvalidRequest."""
        today = datetime.fromtimestamp(now, UTC).date()
        last = _day("end", end) or today
        first = _day("start", start) or last.replace(day=1)
        if not timedelta(0) <= last - first < timedelta(MOST_DAYS):
            raise InvalidRequest(f"Invalid 'start': from it to 'end' are 1 to {MOST_DAYS} days.", param="start")
        groups = [each.strip() for each in (group_by or "day").split(",")]
        wrong = [each for each in groups if each not in GROUPS]
        if wrong:
            words = f"Invalid value: '{wrong[0]}'. Supported values are: {', '.join(GROUPS)}, separated by commas."
            raise InvalidRequest(words, param="group_by", code="invalid_value")
        return Period(first, last, tuple(dict.fromkeys(groups)))


async def report(store: Store, owners: Iterable[str], period: Period, prices: Mapping[str, Price]) -> Json:
    """What these owners have used, group by group. Raises Unavailable."""
    groups: dict[tuple[str, ...], list[Json]] = defaultdict(list)
    stored: dict[tuple[str, ...], dict[str, Json]] = defaultdict(dict)
    names = [GROUPS[each] for each in period.group_by]
    by_files = not {"assistant_id", "model"} & {*names}
    for owner in owners:
        for kind in (keys.DAY, keys.RUN):
            async for row in _rows(store, owner, kind, period):
                groups[tuple(row[name] for name in names)].append(row)
        if by_files:
            async for row in _rows(store, owner, keys.STORED, period):
                stored[tuple(row[name] for name in names)][owner] = row  # the last day's wins
    shown = [
        _group(dict(zip(names, key, strict=True)), groups[key], [*stored[key].values()], prices)
        for key in sorted({*groups, *stored})
    ]
    return UsageReport(
        start=period.start.isoformat(), end=period.end.isoformat(), group_by=list(period.group_by), data=shown
    ).to_json()


def as_csv(found: Json) -> str:
    """The report as a table, with a line of heads; what a group has not is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows([_cell(each[name]) for name in COLUMNS] for each in found["data"])
    return text.getvalue()


def _cell(value: object) -> object:
    """A name that a spreadsheet would take for a formula is shown as text."""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value else value


def _group(names: Json, rows: Sequence[Json], stored: Sequence[Json], prices: Mapping[str, Price]) -> UsageGroup:
    total: Json = {**added(rows)}
    milliseconds = total.pop("code_milliseconds")
    costs = [cost(row, prices) for row in rows]
    known = [each for each in costs if each is not None]
    return UsageGroup(
        **names,
        **total,
        code_seconds=milliseconds / 1000,
        stored_bytes=sum(each["bytes"] for each in stored) if stored else None,
        cost=float(sum(known, Decimal(0))) if prices and len(known) == len(costs) else None,
    )


async def _rows(store: Store, owner: str, kind: str, period: Period) -> AsyncIterator[Json]:
    """The rows of one kind in the period, with owner and day as they are shown."""
    first, last = f"{kind}{period.start:%Y%m%d}", f"{kind}{period.end:%Y%m%d}~"
    while rows := await store.scan(keys.usage(owner), first, last, ROWS_AT_ONCE):
        for row in rows:
            yield row.data | {"owner": owner, "day": f"{datetime.strptime(row.data['day'], '%Y%m%d'):%Y-%m-%d}"}
        if len(rows) < ROWS_AT_ONCE:
            return
        first = f"{rows[-1].key} "


def _day(name: str, text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        words = f"Invalid '{name}': a day such as 2026-11-29 is expected."
        raise InvalidRequest(words, param=name, code="invalid_value") from None
