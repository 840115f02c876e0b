"""`poison`: messages of the storage account's queues that failed too often."""

from __future__ import annotations

import asyncio

import click

from shared.cli.api import opened
from shared.cli.tables import moment, print_objects
from shared.cli.words import Failed, as_json, examples
from shared.deps import Deps
from shared.json_types import Json
from shared.queue.base import Queue, QueueUnavailable

QUEUES = click.Choice(["runs", "ingestion"])


@click.group(epilog=examples("poison list", "poison return runs ID", "poison drop ingestion ID"))
def poison() -> None:
    """Messages that failed too often: list, return, drop. Needs the settings of the storage; SQLite keeps none."""


def named(deps: Deps) -> dict[str, Queue]:
    """The queues by their names."""
    return {"runs": deps.queue, "ingestion": deps.ingestion}


@poison.command("list")
@as_json
def list_all(json: bool) -> None:
    """List the first 32 of each queue, with what they say."""

    async def found() -> list[Json]:
        async with opened("", "", "") as api:
            return [
                {"queue": name, "id": each.id, "since": each.since, "content": each.content}
                for name, queue in named(api.storage("Poison")).items()
                for each in await queue.poison_messages()
            ]

    try:
        messages = asyncio.run(found())
    except QueueUnavailable as error:
        raise Failed("The queues of the storage do not answer.") from error
    print_objects(
        messages,
        ("queue", "message", "since", "content"),
        lambda message: (message["queue"], message["id"], moment(message["since"]), message["content"]),
        json=json,
    )


@poison.command("return", epilog=examples("poison return runs 0a1b2c"))
@click.argument("queue", type=QUEUES)
@click.argument("id", metavar="ID")
def give_back(queue: str, id: str) -> None:
    """Give a message back to its queue, to be tried again."""
    settle(queue, id, give_back=True)
    click.echo(f"{id}  returned")


@poison.command(epilog=examples("poison drop ingestion 0a1b2c --yes"))
@click.argument("queue", type=QUEUES)
@click.argument("id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask before.")
def drop(queue: str, id: str, yes: bool) -> None:
    """Delete a message for good."""
    if not yes:
        click.confirm(f"Drop {id} for good?", abort=True, err=True)
    settle(queue, id, give_back=False)
    click.echo(f"{id}  dropped")


def settle(name: str, id_: str, *, give_back: bool) -> None:
    """Return or drop a message. Raises Failed when it is not there."""

    async def settled() -> bool:
        async with opened("", "", "") as api:
            return await named(api.storage("Poison"))[name].settle_poison(id_, give_back=give_back)

    try:
        was_there = asyncio.run(settled())
    except QueueUnavailable as error:
        raise Failed("The queues of the storage do not answer.") from error
    if not was_there:
        raise Failed(f"No message {id_} is among the first 32 of the poison of {name}.")
