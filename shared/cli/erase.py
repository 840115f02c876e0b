"""`erase`: everything of one of an owner's users."""

from __future__ import annotations

import asyncio
import math
from typing import Final

import click

from shared.cli.api import ApiClient, opened
from shared.cli.erasure import INSIDE, KINDS, Erasure, FoundObjects
from shared.cli.progress import bar
from shared.cli.tables import print_json
from shared.cli.words import ExitCode, Failed, as_json, elsewhere, examples, metadata_of, owned
from shared.json_types import Json
from shared.store.base import StoreError

#: How often others may keep the store from being scrubbed.
ATTEMPTS: Final = 5

HOUSEKEEPING: Final = "Its host overwrites what is left in its own files within a day."
NOT_SCRUBBED: Final = (
    "All is deleted, but something has been reading or writing box.db all the time (a backup?), so its unused bytes "
    "could not be overwritten. Housekeeping does it within a day; or do this again."
)


@click.command(
    epilog=examples("erase --metadata user=ann", "erase --metadata user=ann --yes --url https://box.example")
)
@click.option("--metadata", multiple=True, required=True, metavar="KEY=VALUE", help="Objects with it; all, if several.")
@click.option("--yes", is_flag=True, help="Do it. Without, only what would go is told.")
@as_json
@owned
@elsewhere
def erase(metadata: tuple[str, ...], yes: bool, json: bool, owner: str, url: str, key: str) -> int:
    """Erase what has some metadata: threads with all that is in them, messages, vector stores, assistants, and files.

    Files go that are named there and used by nobody else. May be broken off and started again. What is erased cannot
    be brought back; backups and exports have it still. Without `--url`, unused bytes of box.db are overwritten.
    Exit code 1 if something with the metadata could not be erased.
    """
    wanted = metadata_of(metadata)

    async def work() -> tuple[FoundObjects, bool]:
        async with opened(url, key, owner) as api:
            erasure = Erasure(api, wanted)
            threads = await erasure.threads()
            with bar("looking", len(threads)) as watch:
                await erasure.find(threads, watch)
            if yes:
                with bar("erasing", sum(map(len, erasure.found.going.values()))) as watch:
                    await erasure.erase(watch)
            return erasure.found, not yes or await scrubbed(api)

    found, clean = asyncio.run(work())
    if json:
        print_json(document(found, yes))
    else:
        told(found, yes, remote=bool(url))
    if not clean:
        raise Failed(NOT_SCRUBBED)
    return ExitCode.FAILED if found.kept else ExitCode.DONE


async def scrubbed(api: ApiClient) -> bool:
    """Overwrite what is left in files of the store's own, where they are at hand; whether that is done."""
    if api.deps is None:
        return True
    try:
        for _ in range(ATTEMPTS):
            if await api.deps.store.scrub(math.inf):
                return True
    except StoreError:
        return False
    return False


def document(found: FoundObjects, done: bool) -> Json:
    """What went or would go, for programs."""
    return {
        "erased": done,
        **{kind: {path.rpartition("/")[2]: size for path, size in found.going[kind].items()} for kind in KINDS},
        "inside": found.inside | {"files in vector stores": found.indexed},
        "kept": found.kept,
        "shared": found.shared,
    }


def told(found: FoundObjects, done: bool, *, remote: bool) -> None:
    """Print what went or would go, and why something stays."""
    counts = {kind: len(found.going[kind]) for kind in KINDS} | {kind: found.inside[kind] for kind in INSIDE}
    counts["files in vector stores"] = found.indexed
    for kind, number in counts.items():
        if number:
            size = sum(found.going.get(kind, {}).values())
            click.echo(f"{number:7} {kind}{f' ({size} bytes)' if size else ''} {'erased' if done else 'would go'}")
    for identifier, why in (found.kept | found.shared).items():
        click.echo(f"      × {identifier} stays: {why}", err=True)
    if not any(counts.values()) and not found.kept:
        click.echo("Nothing has that metadata.")
    elif not done:
        click.echo("Nothing was changed: --yes does it.")
    elif remote:
        click.echo(HOUSEKEEPING)
