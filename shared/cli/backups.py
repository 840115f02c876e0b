"""`backups`: those that a deployed box takes by schedule, looked at and fetched with the settings of its storage."""

from __future__ import annotations

from pathlib import Path

import click

from shared.blobs.base import Blobs
from shared.cli.api import from_storage
from shared.cli.progress import bars
from shared.cli.tables import moment, print_json, print_objects
from shared.cli.words import Failed, Problem, as_json, examples
from shared.deps import Deps
from shared.json_types import Json
from shared.program_name import NAME
from shared.scheduled.fetching import NotWhole, fetch, whole_backups

#: What only the storage tells.
SCHEDULED = "A scheduled backup"


@click.group(epilog=examples("backups list", "backups fetch 20261129T030000Z backups/fetched"))
def backups() -> None:
    """Backups that a storage account takes of itself (BACKUP_HOURS): list them, fetch one. Needs its settings."""


def container(deps: Deps) -> Blobs:
    """The backups. Raises Problem for the box of a folder."""
    if deps.backups is None:
        raise Problem("The box of a folder has no scheduled backups: `backup` makes one.")
    return deps.backups


@backups.command("list", epilog=examples("backups list", "backups list --json"))
@as_json
def list_all(json: bool) -> None:
    """List the whole ones, oldest first."""

    async def found(deps: Deps) -> list[Json]:
        return [each async for each in whole_backups(container(deps))]

    print_objects(
        from_storage(SCHEDULED, found),
        ("backup", "of", "owners", "threads", "files"),
        lambda each: (each["backup"], moment(each["begun"]), len(each["owners"]), *sums(each)),
        json=json,
    )


def sums(backup: Json) -> tuple[int, int]:
    """Threads and files of all owners."""
    threads, files = (sum(counts[kind] for counts in backup["owners"].values()) for kind in ("threads", "files"))
    return threads, files


@backups.command(
    "fetch",
    epilog=examples("backups fetch 20261129T030000Z backups/fetched", "import backups/fetched/ann --owner ann --yes"),
)
@click.argument("backup")
@click.argument("path", type=Path)
@as_json
def fetch_one(backup: str, path: Path, json: bool) -> None:
    """Write a backup to a folder, one for each owner, checked against its checksums: `import` reads them.

    Broken off, it can be started again.
    """

    async def fetched(deps: Deps) -> dict[str, Json]:
        done = 0
        with bars() as tell:

            def count(name: str) -> None:
                nonlocal done
                done += 1
                tell("files", done, 0)

            return await fetch(container(deps), backup, path, count)

    try:
        owners = from_storage(SCHEDULED, fetched)
    except NotWhole as error:
        raise Failed(str(error)) from error
    if json:
        print_json({"backup": backup, "path": str(path), "owners": owners})
        return
    for owner, counts in owners.items():
        click.echo(f"{path / owner}: " + ", ".join(f"{count} {kind}" for kind, count in counts.items()))
        click.echo(f"    {NAME} import {path / owner} --owner {owner} --yes")
