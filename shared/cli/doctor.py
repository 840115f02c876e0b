"""`doctor`: what is wrong with a box."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import asdict
from typing import Final

import click

from shared.cli.client import checked_address
from shared.cli.here import at_hand, quietly
from shared.cli.words import ExitCode, Problem, default_model, elsewhere, examples, read_settings
from shared.config import Settings
from shared.doctor import parts, remote
from shared.doctor import settings as said
from shared.doctor.findings import Finding, State, broken
from shared.doctor.start import CannotStart, built

MARKS: Final = {State.OK: "✓", State.WARNING: "!", State.BROKEN: "✗"}


@click.command(epilog=examples("doctor", "doctor --ask", "doctor --deep --json", "doctor --url https://box.example"))
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of lines.")
@click.option("--ask", is_flag=True, help="Have the model say a word, which costs a few tokens. Not with --url.")
@click.option("--deep", is_flag=True, help="Look at the format of every record, not of some. Not with --url.")
@elsewhere
def doctor(as_json: bool, ask: bool, deep: bool, url: str, key: str) -> int:
    """Look at everything that a box depends on, and say what is wrong, a line each; 1 if something is broken.

    Of the box of this folder (or of the storage that its settings name): settings, records, files, queues, clock,
    sandbox, model, vectors, Logic Apps. The session pool runs one sum, and one word is embedded. With `--url`: what a
    client can see.
    """
    quietly()
    findings = list(
        shown(remote.look(checked_address(url, key), key), as_json) if url else asyncio.run(here(as_json, ask, deep))
    )
    if as_json:
        works = all(each.state is not State.BROKEN for each in findings)
        click.echo(json.dumps({"ok": works, "findings": [asdict(each) for each in findings]}, indent=2))
    return ExitCode.FAILED if any(each.state is State.BROKEN for each in findings) else ExitCode.DONE


async def here(as_json: bool, ask: bool, deep: bool) -> list[Finding]:
    """Everything about the box of this folder, printed as it is found."""
    return [finding async for found in local(ask, deep) for finding in shown([found], as_json)]


async def local(ask: bool, deep: bool) -> AsyncIterator[Finding]:
    """Everything about the box of this folder. Settings that cannot be read, or no box, end it."""
    try:
        settings = read_settings()
    except Problem as error:
        for line in error.message.splitlines():
            yield broken("settings", line)
        return
    for finding in said.look(settings):
        yield finding
    async for finding in of_box(settings, ask, deep):
        yield finding


async def of_box(settings: Settings, ask: bool, deep: bool) -> AsyncIterator[Finding]:
    """What a box of these settings depends on."""
    try:
        box = built(at_hand(settings))
    except CannotStart as error:
        yield broken("start", str(error))
        return
    try:
        async for finding in parts.look(box.deps, deep=deep):
            yield finding
        if ask:
            yield await parts.ask(box.deps, default_model(settings))
    finally:
        await box.close()


def shown(findings: Iterable[Finding], as_json: bool) -> Iterable[Finding]:
    """The findings, each printed at once unless they are to be JSON."""
    for each in findings:
        if not as_json:
            click.echo(f"{MARKS[each.state]} {each.check:12} {each.words}")
        yield each
