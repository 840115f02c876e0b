"""What an owner has used, over HTTP."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from shared.api.answers import answer
from shared.api.query import text
from shared.api.routing import Routes
from shared.deps import Caller
from shared.errors import InvalidRequest
from shared.json_types import Json
from shared.objects.usage import UsageReport
from shared.usage.report import GROUPS, Period, as_csv, report

routes = Routes("/v1/usage", "Usage")

#: What a report can be asked for.
QUERY: Final = [
    text("start", "The first day (UTC), such as `2026-11-01`; else the first of the month of `end`."),
    text("end", "The last day; else today."),
    text("group_by", f"One or more of {', '.join(f'`{each}`' for each in GROUPS)}, separated by commas; else `day`."),
    text("format", "How it is told.", values=["json", "csv"], argument="form"),
]


@routes.get("", gives=UsageReport, query=QUERY)
async def get_usage(
    caller: Caller, start: str | None, end: str | None, group_by: str | None, form: str | None
) -> Response:
    """Tell what your runs have used: tokens, calls, seconds of code, and by the operator's prices, money."""
    return await answered(caller, [caller.owner], Period.of(start, end, group_by, caller.deps.clock()), form)


async def answered(caller: Caller, names: list[str], period: Period, form: str | None) -> Response:
    """The report on these owners, as JSON or CSV. Raises InvalidRequest."""
    if form not in (None, "json", "csv"):
        raise InvalidRequest("Invalid 'format': json or csv.", param="format", code="invalid_value")
    await caller.deps.usage.flush()
    found: Json = await report(caller.deps.store, names, period, caller.deps.settings.prices)
    if form == "csv":
        return Response(as_csv(found), media_type="text/csv; charset=utf-8")
    return answer(found)
