"""`stores`: vector stores, and their getting the vectors of the model that new ones get."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, cast

import click

from shared.cli.words import ExitCode, Problem, elsewhere, examples, read_settings
from shared.client import connected, connected_to
from shared.json_types import Json

if TYPE_CHECKING:
    from openai import OpenAI

#: Seconds between looks at how it goes on.
POLL: Final = 1.0


@click.group(epilog=examples("stores reembed --all"))
def stores() -> None:
    """Vector stores."""


@stores.command(epilog=examples("stores reembed vs_abc", "stores reembed --all --url https://box.example"))
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "every", is_flag=True, help="Every vector store of the key's owner.")
@elsewhere
def reembed(ids: tuple[str, ...], every: bool, url: str, key: str) -> int:
    """Embed vector stores anew, by the model that new ones get, and wait until it is done."""
    if bool(ids) == every:
        raise Problem("stores reembed: name the stores, or say --all")
    there = connected_to(url, key) if url else connected(read_settings())
    with there as client:
        ends = [embedded(client, store_id) for store_id in (active(client) if every else ids)]
    return ExitCode.DONE if all(ends) else ExitCode.FAILED


def active(client: OpenAI) -> list[str]:
    """The owner's stores that have not expired."""
    return [store.id for store in client.vector_stores.list() if store.status != "expired"]


def embedded(client: OpenAI, store_id: str) -> bool:
    """Embed one store anew and say how it ended; whether it ended well."""
    path = f"/vector_stores/{store_id}/embedding"
    seen = cast("Json", client.post(path, cast_to=object))
    while seen["status"] == "in_progress":
        time.sleep(POLL)
        seen = cast("Json", client.get(path, cast_to=object))
    counts = seen["file_counts"]
    click.echo(f"{store_id}  {seen['status']}  {counts['completed']} of {counts['total']} files  {seen['model']}")
    return bool(seen["status"] == "completed")
