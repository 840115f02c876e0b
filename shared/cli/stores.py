"""`stores`: vector stores, and their getting the vectors of the model that new ones get."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, cast

import click

from shared.cli.api import listed, sdk
from shared.cli.tables import moment, print_json, print_objects
from shared.cli.words import ExitCode, Problem, as_json, elsewhere, examples, owned
from shared.json_types import Json

if TYPE_CHECKING:
    from openai import OpenAI

#: Seconds between looks at how it goes on.
POLL_SECONDS: Final = 1.0


@click.group(epilog=examples("stores reembed --all"))
def stores() -> None:
    """Vector stores: list, embed anew."""


@stores.command(epilog=examples("stores reembed vs_abc", "stores reembed --all --url https://box.example"))
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "every", is_flag=True, help="Every vector store of the key's owner.")
@as_json
@elsewhere
def reembed(ids: tuple[str, ...], every: bool, json: bool, url: str, key: str) -> int:
    """Embed vector stores anew, by the model that new ones get, and wait until it is done."""
    if bool(ids) == every:
        raise Problem("stores reembed: name the stores, or say --all")
    with sdk(url, key) as client:
        ends = [embedded(client, store_id, told=not json) for store_id in (active(client) if every else ids)]
    if json:
        print_json(ends)
    return ExitCode.DONE if all(each["status"] == "completed" for each in ends) else ExitCode.FAILED


@stores.command("list", epilog=examples("stores list", "stores list --url https://box.example --json"))
@as_json
@owned
@elsewhere
def list_all(json: bool, owner: str, url: str, key: str) -> None:
    """List vector stores, the newest first."""
    found = listed("vector_stores", url, key, owner)
    print_objects(found, ("store", "made", "state", "files", "failed", "bytes", "name"), row, json=json)


def row(store: Json) -> tuple[object, ...]:
    """A line of the list."""
    counts = store["file_counts"]
    made, name = moment(store["created_at"]), store["name"] or ""
    return store["id"], made, store["status"], counts["total"], counts["failed"], store["usage_bytes"], name


def active(client: OpenAI) -> list[str]:
    """The owner's stores that have not expired."""
    return [store.id for store in client.vector_stores.list() if store.status != "expired"]


def embedded(client: OpenAI, store_id: str, *, told: bool) -> Json:
    """Embed one store anew and return how it ended; if it is to be told, in a line, too."""
    path = f"/vector_stores/{store_id}/embedding"
    seen = cast("Json", client.post(path, cast_to=object))
    while seen["status"] == "in_progress":
        time.sleep(POLL_SECONDS)
        seen = cast("Json", client.get(path, cast_to=object))
    counts = seen["file_counts"]
    if told:
        click.echo(f"{store_id}  {seen['status']}  {counts['completed']} of {counts['total']} files  {seen['model']}")
    return {"vector_store_id": store_id} | seen
