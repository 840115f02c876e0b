"""`stores`: vector stores, and their getting the vectors of the model that new ones get."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, cast

import click

from shared.cli.api import listed
from shared.cli.tables import moment, print_json, print_table
from shared.cli.words import ExitCode, Problem, as_json, elsewhere, examples, owned, read_settings
from shared.client import connected, connected_to
from shared.json_types import Json

if TYPE_CHECKING:
    from openai import OpenAI

#: Seconds between looks at how it goes on.
POLL: Final = 1.0


@click.group(epilog=examples("stores reembed --all"))
def stores() -> None:
    """Vector stores: list, embed anew."""


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


@stores.command("list", epilog=examples("stores list", "stores list --url https://box.example --json"))
@as_json
@owned
@elsewhere
def list_all(json: bool, owner: str, url: str, key: str) -> None:
    """List vector stores, the newest first."""
    found = asyncio.run(listed("vector_stores", url, key, owner))
    if json:
        return print_json(found)
    rows = (
        (each["id"], moment(each["created_at"]), each["status"], each["file_counts"]["total"],
         each["file_counts"]["failed"], each["usage_bytes"], each["name"] or "")
        for each in found
    )  # fmt: skip
    return print_table(("store", "made", "state", "files", "failed", "bytes", "name"), rows)


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
