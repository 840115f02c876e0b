"""`poison`: messages of the storage account's queues that failed too often."""

from __future__ import annotations

from dataclasses import asdict

import click

from shared.cli.api import from_storage
from shared.cli.tables import moment, print_objects, print_outcomes
from shared.cli.words import Failed, Problem, as_json, examples
from shared.deps import Deps
from shared.json_types import Json
from shared.queue.base import PEEKED, Queue

QUEUES = click.Choice(["runs", "ingestion"])


@click.group(epilog=examples("poison list", "poison return runs ID", "poison drop ingestion ID"))
def poison() -> None:
    """Messages that failed too often: list, return, drop. Needs the settings of the storage; SQLite keeps none."""


def named(deps: Deps) -> dict[str, Queue]:
    """The queues by their names."""
    return {"runs": deps.queue, "ingestion": deps.ingestion}


@poison.command("list", epilog=examples("poison list", "poison list --limit 1000", "poison list --json"))
@click.option("--limit", default=PEEKED, metavar="N", show_default=True, help="So many of each queue.")
@as_json
def list_all(limit: int, json: bool) -> None:
    """List the messages at the front of each queue, with what they say.

    The service shows 32 untouched. For more they are taken and let go again: for a moment nobody else gets them, and
    each counts one attempt more. What a running host holds meanwhile is not among them.
    """
    if limit < 1:
        raise Problem("--limit: 1 or more")

    async def found(deps: Deps) -> tuple[list[Json], int]:
        messages, count = [], 0
        for name, queue in named(deps).items():
            seen = await queue.poison_messages(limit)
            count += max(len(seen), (await queue.poison()).messages)
            messages += [{"queue": name} | asdict(each) for each in seen]
        return messages, count

    messages, count = from_storage("Poison", found)
    print_objects(
        messages,
        ("queue", "message", "since", "content"),
        lambda message: (message["queue"], message["id"], moment(message["since"]), message["content"]),
        json=json,
    )
    if count > len(messages):
        click.echo(f"{len(messages)} of about {count}: --limit shows more", err=True)


@poison.command("return", epilog=examples("poison return runs 0a1b2c", "poison return runs --all --json"))
@click.argument("queue", type=QUEUES)
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "every", is_flag=True, help="All that are there now.")
@as_json
def give_back(queue: str, ids: tuple[str, ...], every: bool, json: bool) -> None:
    """Give messages back to their queue, to be tried again."""
    settle(queue, ids, every, json, give_back=True)


@poison.command(epilog=examples("poison drop ingestion 0a1b2c --yes", "poison drop runs --all"))
@click.argument("queue", type=QUEUES)
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "every", is_flag=True, help="All that are there now.")
@click.option("--yes", is_flag=True, help="Do not ask before.")
@as_json
def drop(queue: str, ids: tuple[str, ...], every: bool, yes: bool, json: bool) -> None:
    """Delete messages for good."""
    named_ids = "all of them" if every else ", ".join(ids)
    if not yes:
        click.confirm(f"Drop {named_ids or 'nothing'} for good?", abort=True, err=True)
    settle(queue, ids, every, json, give_back=False)


def settle(name: str, ids: tuple[str, ...], every: bool, json: bool, *, give_back: bool) -> None:
    """Return or drop messages and say which. Raises Problem, and Failed when one is not there."""
    if bool(ids) == every:
        raise Problem("name the messages, or say --all")
    done = from_storage("Poison", lambda deps: named(deps)[name].settle_poison(ids or None, give_back=give_back))
    outcome = "returned" if give_back else "dropped"
    print_outcomes([{"queue": name, "id": each, "outcome": outcome} for each in done], json=json)
    if missing := [each for each in ids if each not in done]:
        raise Failed(f"Not in the poison of {name}, or held by a running host: {', '.join(missing)}.")
