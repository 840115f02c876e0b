"""`threads`: what an owner's threads are, and what was said in them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import click

from shared.cli.api import ApiClient, listed, opened
from shared.cli.tables import moment, pairs, print_json, print_objects, print_outcomes
from shared.cli.words import as_json, elsewhere, examples, owned
from shared.json_types import Json


@click.group(epilog=examples("threads list", "threads show thread_abc", "threads search invoice"))
def threads() -> None:
    """Threads: list, show, search, delete."""


@threads.command("list", epilog=examples("threads list --limit 100", "threads list --owner ann --json"))
@click.option("--limit", default=20, metavar="N", show_default=True, help="So many, the newest.")
@as_json
@owned
@elsewhere
def list_all(limit: int, json: bool, owner: str, url: str, key: str) -> None:
    """List threads, the newest first."""
    show_threads(listed("threads", url, key, owner, most=limit), json)


def show_threads(found: list[Json], json: bool) -> None:
    """The threads as a table, or as JSON."""
    print_objects(
        found,
        ("thread", "made", "metadata"),
        lambda thread: (thread["id"], moment(thread["created_at"]), pairs(thread["metadata"])),
        json=json,
    )


@threads.command(epilog=examples("threads show thread_abc", "threads show thread_abc --json"))
@click.argument("thread")
@as_json
@owned
@elsewhere
def show(thread: str, json: bool, owner: str, url: str, key: str) -> None:
    """Show a thread as a conversation."""

    async def found() -> tuple[Json, list[Json]]:
        async with opened(url, key, owner) as api:
            made = await api.ask("GET", f"threads/{thread}")
            return made, [each async for each in api.all(f"threads/{thread}/messages", order="asc")]

    made, messages = asyncio.run(found())
    if json:
        return print_json(made | {"messages": messages})
    click.echo(f"{made['id']}, made {moment(made['created_at'])} UTC {pairs(made['metadata'])}".rstrip())
    for message in messages:
        click.echo(f"\n{message['role']}, {moment(message['created_at'])}:\n{said(message)}")
    return None


def said(message: Json) -> str:
    """A message's texts, and of its other parts what they are."""
    parts = [part["text"]["value"] if part["type"] == "text" else f"({part['type']})" for part in message["content"]]
    files = [f"(file {each['file_id']})" for each in message["attachments"] or ()]
    return "\n".join(parts + files)


@threads.command(epilog=examples("threads search invoice", "threads search 'order 17' --url https://box.example"))
@click.argument("text")
@as_json
@owned
@elsewhere
def search(text: str, json: bool, owner: str, url: str, key: str) -> None:
    """Find threads with a text in a message or in the metadata, letters' case apart. Everything is read for it."""

    async def found() -> tuple[list[Json], int]:
        async with opened(url, key, owner) as api:
            return [each async for each in with_text(api, text.casefold())], api.calls

    hits, calls = asyncio.run(found())
    show_threads(hits, json)
    click.echo(f"{len(hits)} found with {calls} calls", err=True)


async def with_text(api: ApiClient, text: str) -> AsyncIterator[Json]:
    """The threads in which the text is."""
    async for thread in api.all("threads"):
        if text in pairs(thread["metadata"]).casefold():
            yield thread
            continue
        async for message in api.all(f"threads/{thread['id']}/messages"):
            if text in said(message).casefold():
                yield thread
                break


@threads.command(epilog=examples("threads delete thread_abc thread_def --yes"))
@click.argument("ids", nargs=-1, required=True, metavar="THREAD...")
@click.option("--yes", is_flag=True, help="Do not ask before.")
@as_json
@owned
@elsewhere
def delete(ids: tuple[str, ...], yes: bool, json: bool, owner: str, url: str, key: str) -> None:
    """Delete threads with their messages, runs and steps: nothing brings them back."""
    if not yes:
        click.confirm(f"Delete {len(ids)} threads for good?", abort=True, err=True)

    done: list[Json] = []

    async def remove() -> None:
        async with opened(url, key, owner) as api:
            for each in ids:
                done.append(await api.ask("DELETE", f"threads/{each}") | {"outcome": "deleted"})

    try:
        asyncio.run(remove())
    finally:  # what is gone is told, even if the next one could not be deleted
        print_outcomes(done, json=json)
