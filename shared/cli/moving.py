"""`import` and `export`: what a box takes over from elsewhere, and what it hands out, on this box's own storage."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from shared.app import build
from shared.box import Box
from shared.cli.progress import bar
from shared.cli.sending import sent
from shared.cli.tables import print_json
from shared.cli.words import (
    ExitCode,
    Failed,
    Problem,
    as_json,
    elsewhere_as_admin,
    examples,
    metadata_of,
    read_settings,
)
from shared.deps import Caller
from shared.embedded import host
from shared.errors import NotFoundError
from shared.moving.exports import Changing, Chosen, Export
from shared.moving.imports import KINDS, Import, Report, Wanted
from shared.moving.response_exports import ResponsesExport
from shared.moving.sources import NotReadable, opened
from shared.vector_stores import stores

Result = TypeVar("Result")

#: Seconds between two looks at how far indexing is.
PROGRESS_SECONDS: Final = 0.25
OWNER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
FORMS: Final[dict[str, type[Export | ResponsesExport]]] = {"assistants": Export, "responses": ResponsesExport}
#: What became of objects, in words: (when looked at, when done).
OUTCOMES: Final = {
    "new": ("would come", "came"),
    "same": ("are here already", "were here already"),
    "conflict": ("are here with other contents", "are here with other contents, left as they are"),
    "deleted": ("were deleted here", "were deleted here, not brought back"),
    "lost": ("would be lost", "are lost"),
}

owned = click.option("--owner", default="", metavar="NAME", help="Whose objects; needed where there are several.")


@click.command(
    "import",
    epilog=examples(
        "import exports/old",
        "import exports/old --yes",
        "import exports/dump.jsonl --only threads",
        "import exports/old --url https://box.example --owner ann",
    ),
)
@click.argument("path", type=Path)
@owned
@elsewhere_as_admin
@click.option("--only", multiple=True, type=click.Choice(KINDS), help="These kinds only; may be given again.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Nothing created before that day (UTC).")
@click.option("--yes", is_flag=True, help="Do it. Without, only what would come is told.")
@click.option("--wait", is_flag=True, help="Then index the files of its vector stores, and show how far that is.")
@as_json
def import_(
    path: Path,
    owner: str,
    only: tuple[str, ...],
    since: datetime | None,
    yes: bool,
    wait: bool,
    json: bool,
    url: str,
    key: str,
) -> int:
    """Take objects over under the ids they had: an export's folder, or files with raw objects.

    May be broken off and started again, and changes nothing when it is done again. With `--url` the objects are sent in
    portions, for an owner of that box.
    """
    start = 0 if since is None else int(since.replace(tzinfo=UTC).timestamp())
    wanted = Wanted(frozenset(only or KINDS), start)

    async def work(box: Box, caller: Caller) -> Report:
        coming = Import(caller, opened(path), wanted, write=yes)
        with bar("import", coming.total()) as done:
            report = await coming.run(lambda: done(1))
        if yes:
            await index(box, caller, coming.stores, wait)
        return report

    try:
        report = asyncio.run(sent(url, key, owner, opened(path), wanted, yes)) if url else on_storage(owner, work)
    except NotReadable as error:
        raise Problem(str(error)) from error
    if json:
        found = +report.counts
        counts = [{"kind": kind, "outcome": outcome, "count": count} for (kind, outcome), count in found.items()]
        print_json({"done": yes, "counts": counts, "remarks": report.remarks})
    else:
        told(report, yes)
    return ExitCode.FAILED if any(outcome == "lost" for _, outcome in +report.counts) else ExitCode.DONE


@click.command(
    epilog=examples(
        "export exports/all",
        "export exports/one --thread thread_abc",
        "export exports/ann --metadata user=ann",
        "export exports/items --as responses",
    )
)
@click.argument("path", type=Path)
@owned
@click.option("--thread", "threads", multiple=True, metavar="ID", help="This thread only; may be given again.")
@click.option("--metadata", multiple=True, metavar="KEY=VALUE", help="Threads with this metadata; may be given again.")
@click.option(
    "--as",
    "form",
    type=click.Choice([*FORMS]),
    default="assistants",
    show_default=True,
    help="As objects that `import` reads, or as requests that make conversations of the threads.",
)
@as_json
def export(path: Path, owner: str, threads: tuple[str, ...], metadata: tuple[str, ...], form: str, json: bool) -> int:
    """Write everything of an owner, or some threads with what they refer to, to a folder."""
    pairs = metadata_of(metadata)

    async def work(_: Box, caller: Caller) -> tuple[dict[str, int], Export | ResponsesExport]:
        made = FORMS[form](caller, path, Chosen(threads, pairs))
        with bar("threads", await made.thread_count()) as done:
            return await made.run(lambda: done(1)), made

    try:
        counts, made = on_storage(owner, work)
    except Changing as error:
        raise Failed(f"{error}: changed each time it was read; try again when its run is over") from error
    except OSError as error:
        raise Failed(f"{error.filename}: {error.strerror}") from error
    if json:
        print_json({"counts": counts, "left_out": dict(made.left_out), "remarks": made.remarks})
        return ExitCode.FAILED if made.remarks else ExitCode.DONE
    for kind, number in counts.items():
        click.echo(f"{number:7} {kind}")
    for what, number in Counter(made.left_out).most_common():
        click.echo(f"{number:7} × not among the items: {what}", err=True)
    for remark in made.remarks:
        click.echo(remark, err=True)
    return ExitCode.FAILED if made.remarks else ExitCode.DONE


def told(report: Report, done: bool) -> None:
    """Print what came or would come, and why something did not."""
    for (kind, outcome), number in sorted((+report.counts).items(), key=_place):
        click.echo(f"{number:7} {kind} {OUTCOMES[outcome][done]}")
    reasons = Counter(remark.partition(": ")[2] for remark in report.remarks)
    for reason, number in reasons.most_common():
        named = [each.partition(": ")[0] for each in report.remarks if each.partition(": ")[2] == reason]
        click.echo(f"{number:7} × {reason}: {', '.join(named[:5])}{' …' if number > 5 else ''}", err=True)
    if not done:
        click.echo("Nothing was changed: --yes does it.")


async def index(box: Box, caller: Caller, store_ids: list[str], wait: bool) -> None:
    """Say how many files of the stores are still to be indexed, or see them through, as a host does."""
    left = await unindexed(caller, store_ids)
    if left and not wait:
        words = "1 file is" if left == 1 else f"{left} files are"
        click.echo(f"{words} still to be indexed: `stores list` says how far the box is, --wait does it now", err=True)
    elif left:
        with bar("index", left) as done:
            async with box.ingesting():
                while left:
                    await asyncio.sleep(PROGRESS_SECONDS)
                    before, left = left, await unindexed(caller, store_ids)
                    done(before - left)


async def unindexed(caller: Caller, store_ids: list[str]) -> int:
    """How many files of the stores are in progress; stores that did not come have none."""
    count = 0
    for store_id in store_ids:
        with suppress(NotFoundError):
            count += (await stores.get(caller, store_id))["file_counts"]["in_progress"]
    return count


def _place(entry: tuple[tuple[str, str], int]) -> tuple[int, int]:
    (kind, outcome), _ = entry
    kinds = (*KINDS, "messages", "runs", "others")
    return kinds.index(kind), [*OUTCOMES].index(outcome)


def on_storage(owner: str, work: Callable[[Box, Caller], Coroutine[Any, Any, Result]]) -> Result:
    """Work on the storage of the settings' box, for one of its owners. Raises Problem."""
    settings = read_settings()
    if not settings.uses_azure_storage:
        settings = host.with_key(settings)
    if not owner and len(settings.box_api_keys) != 1:
        raise Problem(f"--owner: which of {', '.join(settings.box_api_keys) or 'them'}?")
    name = owner or next(iter(settings.box_api_keys))
    if OWNER.fullmatch(name) is None:
        raise Problem(f"--owner: {name!r} is no owner's name")

    async def connected() -> Result:
        box = build(settings)
        try:
            return await work(box, Caller(box.deps, name))
        finally:
            await box.close()

    return asyncio.run(connected())
