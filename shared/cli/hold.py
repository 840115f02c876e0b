"""`hold`: legal holds, which keep threads from being deleted. An administrator's business."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import click

from shared.cli.api import ask_as_admin
from shared.cli.tables import moment, pairs, print_json, print_objects, print_outcomes
from shared.cli.words import Problem, as_json, elsewhere_as_admin, examples, metadata_of, owned, read_settings
from shared.embedded.host import OWNER
from shared.json_types import Json


@click.group(epilog=examples("hold add --thread thread_abc --reason 'case 17'", "hold list", "hold remove hold_abc"))
def hold() -> None:
    """Legal holds: add, list, remove. What is on hold cannot be deleted or erased, and does not age out."""


@hold.command(epilog=examples("hold add --metadata user=ann --reason 'case 17'", "hold add --thread thread_abc"))
@click.option("--thread", metavar="ID", help="This thread.")
@click.option("--metadata", multiple=True, metavar="KEY=VALUE", help="All threads with it, now and later.")
@click.option("--reason", default="", metavar="WORDS", help="For administrators who list the holds.")
@as_json
@owned
@elsewhere_as_admin
def add(thread: str | None, metadata: tuple[str, ...], reason: str, json: bool, owner: str, url: str, key: str) -> None:
    """Put a thread on hold, or all with some metadata, with the files that they name; print the hold's id."""
    body = {"thread_id": thread, "metadata": metadata_of(metadata), "reason": reason}
    made = ask(url, key, "POST", owner, json=body)
    print_json(made) if json else click.echo(made["id"])


@hold.command("list", epilog=examples("hold list --owner ann --json"))
@as_json
@owned
@elsewhere_as_admin
def list_all(json: bool, owner: str, url: str, key: str) -> None:
    """List the holds, the newest first."""
    print_objects(
        ask(url, key, "GET", owner)["data"],
        ("hold", "since", "thread", "metadata", "reason"),
        lambda each: (
            each["id"],
            moment(each["created_at"]),
            each["thread_id"] or "-",
            pairs(each["metadata"]),
            each["reason"],
        ),
        json=json,
    )


@hold.command(epilog=examples("hold remove hold_abc --yes"))
@click.argument("ids", nargs=-1, required=True, metavar="HOLD...")
@click.option("--yes", is_flag=True, help="Do not ask before.")
@as_json
@owned
@elsewhere_as_admin
def remove(ids: tuple[str, ...], yes: bool, json: bool, owner: str, url: str, key: str) -> None:
    """End holds: what they kept can be deleted again, and ages out if it is past its time."""
    if not yes:
        click.confirm(f"End {len(ids)} holds?", abort=True, err=True)
    done: list[Json] = []
    try:
        for each in ids:
            done.append(ask(url, key, "DELETE", owner, f"/{quote(each, safe='')}") | {"id": each, "outcome": "removed"})
    finally:  # what was removed is told, even if the next one could not be
        print_outcomes(done, json=json)


def ask(url: str, key: str, method: str, owner: str, rest: str = "", **more: Any) -> Json:
    """A call of an administrator about an owner's holds. Raises Problem."""
    if url and not owner:
        raise Problem("--owner: whose? An administrator's key is nobody's in particular.")
    name = owner or next(iter(read_settings().box_api_keys), OWNER)
    return ask_as_admin(url, key, method, f"owners/{quote(name, safe='')}/holds{rest}", **more)
