"""`usage`: what owners have used, as a table, JSON or CSV."""

from __future__ import annotations

import click

from shared.cli.api import ask_as_admin
from shared.cli.tables import print_objects
from shared.cli.words import Problem, as_json, elsewhere_as_admin, examples
from shared.json_types import Json
from shared.usage.report import GROUPS, as_csv

#: Columns of the table: what the report calls them, and their heads.
NUMBERS = {
    "runs": "runs",
    "input_tokens": "input",
    "cached_tokens": "cached",
    "output_tokens": "output",
    "reasoning_tokens": "reasoning",
    "tool_calls": "calls",
    "search_calls": "searches",
    "code_seconds": "code s",
    "stored_bytes": "stored",
    "cost": "cost",
}


@click.command(epilog=examples("usage", "usage --by day,model --start 2026-11-01", "usage --csv --by assistant"))
@click.option("--start", metavar="DAY", help="The first day (UTC), such as 2026-11-01; else the first of the month.")
@click.option("--end", metavar="DAY", help="The last day; else today.")
@click.option("--by", default="owner", show_default=True, help=f"One or more of {', '.join(GROUPS)}, with commas.")
@click.option("--csv", is_flag=True, help="Print a table for spreadsheets.")
@as_json
@click.option("--owner", default="", metavar="NAME", help="What this owner has used; else everybody who may call.")
@elsewhere_as_admin
def usage(start: str | None, end: str | None, by: str, csv: bool, json: bool, owner: str, url: str, key: str) -> None:
    """Tell what the runs of all owners, or of one, have used: tokens, calls, seconds of code and, by PRICES, money."""
    if csv and json:
        raise Problem("--csv or --json: one of them.")
    query = {"start": start, "end": end, "group_by": by, "owner": owner}
    found = ask_as_admin(url, key, "GET", "usage", params={name: value for name, value in query.items() if value})
    if csv:
        click.echo(as_csv(found), nl=False)
        return
    heads = [*found["group_by"], *NUMBERS.values()]
    print_objects(found["data"], heads, lambda each: cells(each, found["group_by"]), json=json)


def cells(group: Json, by: list[str]) -> list[object]:
    """A line of the table; what is not known is `-`."""
    shown = [group[GROUPS[each]] for each in by] + [group[name] for name in NUMBERS]
    return ["-" if each is None else each for each in shown]
