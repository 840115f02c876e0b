"""`backup` and `restore`: the home of the embedded box, all of it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Coroutine
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from shared.backup.manifest import Backup, Damaged, NotDone
from shared.backup.restoring import restore as put_back
from shared.backup.taking import take
from shared.cli.here import quietly
from shared.cli.progress import bars
from shared.cli.tables import moment, print_json
from shared.cli.words import ExitCode, Failed, Problem, as_json, examples, read_settings
from shared.config import Settings

Result = TypeVar("Result")

#: Kinds of objects as people say them.
KINDS: Final = {
    "assistants": "assistants",
    "files": "files with their bytes",
    "vector_stores": "vector stores",
    "vector_store_files": "files in vector stores",
    "threads": "threads",
    "messages": "messages",
    "runs": "runs",
    "run_steps": "run steps",
}
homed = click.option("--home", type=Path, metavar="FOLDER", help="The box's folder, over BOX_HOME.")


@click.command(epilog=examples("backup backups/monday", "backup /mnt/disk/monday --home ~/boxes/test --json"))
@click.argument("path", type=Path)
@homed
@as_json
def backup(path: Path, home: Path | None, json: bool) -> int:
    """Copy the box of this folder, all of its owners, to a new folder; it may be in use meanwhile.

    The copy is read back before it gets its name. It holds what the box holds, its key included: keep it as safe.
    """
    settings = at_home(home)
    with bars() as tell:
        taken = carried_out(take(settings, path, tell))
    if json:
        print_json(summary(taken.manifest) | {"path": str(path), "objects": taken.manifest.objects, "lost": taken.lost})
    else:
        click.echo(f"{path}: the box as it was at {moment(taken.manifest.taken)} UTC, {words(taken.manifest)}.")
        tell_kinds("Read back", taken.manifest.objects)
    for name in taken.lost:
        click.echo(f"{name}: the box itself has lost this file.", err=True)
    return ExitCode.FAILED if taken.lost else ExitCode.DONE


@click.command(
    epilog=examples(
        "restore backups/monday", "restore backups/monday --home ~/boxes/again", "restore backups/monday --force"
    )
)
@click.argument("path", type=Path)
@homed
@click.option("--force", is_flag=True, help="Where there is a box already: put it aside, into a folder that is named.")
@as_json
def restore(path: Path, home: Path | None, force: bool, json: bool) -> int:
    """Make the box of this folder what a backup was, and prove it: every object is compared before it is in place.

    Runs that were open then go on, or expire. Broken off, it changes nothing, or is finished when it is started again.
    """
    settings = at_home(home)
    with bars() as tell:
        done = carried_out(put_back(settings, path, tell, force=force))
    if json:
        kept = None if done.kept is None else str(done.kept)
        print_json(summary(done.manifest) | {"home": str(settings.box_home), "compared": done.compared, "kept": kept})
        return ExitCode.DONE
    click.echo(f"{settings.box_home}: the box as it was at {moment(done.manifest.taken)} UTC, {words(done.manifest)}.")
    tell_kinds("Compared field by field, and equal", done.compared)
    if done.kept is not None:
        click.echo(f"What was there before is in {done.kept}.")
    return ExitCode.DONE


def at_home(home: Path | None) -> Settings:
    """The settings of an embedded box. Raises Problem."""
    quietly()
    os.umask(0o077)
    settings = read_settings(box_home=home)
    if settings.uses_azure_storage:
        raise Problem("The settings name a storage account: `backup` and `restore` are for the box of a folder.")
    return settings


def carried_out(work: Coroutine[Any, Any, Result]) -> Result:
    """The outcome. Raises Problem for what was refused, Failed for what could not be done."""
    try:
        return asyncio.run(work)
    except NotDone as error:
        raise Problem(str(error)) from error
    except (Damaged, ValueError) as error:
        raise Failed(str(error)) from error
    except sqlite3.Error as error:
        raise Failed(f"box.db cannot be used: {error}") from error
    except OSError as error:
        raise Failed(f"{error.filename}: {error.strerror}") from error


def summary(made: Backup) -> dict[str, Any]:
    """What a backup is, for programs."""
    known = asdict(made)
    return {name: known[name] for name in ("taken", "backup", "records")} | {
        "files": len(made.files),
        "bytes": made.bytes,
    }


def words(made: Backup) -> str:
    """How large it is."""
    return f"{len(made.files)} files of {made.bytes:,} bytes together"


def tell_kinds(what: str, counts: dict[str, int]) -> None:
    """Print how many objects there are of each kind."""
    found = ", ".join(f"{counts[kind]} {name}" for kind, name in KINDS.items() if kind in counts)
    click.echo(f"{what}: {found or 'nothing, the box is empty'}.")
