"""`run`, `worker` and `link`: the embedded host, and the way to its page."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from shared.cli.api import made
from shared.cli.client import answers
from shared.cli.here import quietly
from shared.cli.tables import print_json
from shared.cli.words import Failed, examples, read_settings
from shared.config import Settings
from shared.embedded import host, page_link, processes
from shared.embedded.handed import Handed
from shared.embedded.page_link import NO_BROWSER, Welcome
from shared.program_name import NAME
from shared.store.base import StoreError

LINK_HELP = "Print a link that signs in to the page, or not; printed where nobody but this machine can reach the box."


@click.command(epilog=examples("run", "run --port 7072", "run --home ~/boxes/test", "run --open", "run --processes 2"))
@click.option("--port", "box_port", type=int, metavar="PORT", help="The port to listen on, over BOX_PORT.")
@click.option("--host", "box_host", metavar="ADDRESS", help="The address to listen on, over BOX_HOST.")
@click.option("--home", "box_home", type=Path, metavar="FOLDER", help="Where everything is kept, over BOX_HOME.")
@click.option(
    "--processes", "box_processes", type=int, metavar="N", help="How many share the work, over BOX_PROCESSES."
)
@click.option("--open", "opens", is_flag=True, help="Open the page in the browser, signed in.")
@click.option("--link/--no-link", default=None, help=LINK_HELP)
@click.option("--handed", type=(int, bool), hidden=True, help="What the process that started this one gave it.")
def run(opens: bool, link: bool | None, handed: tuple[int, bool] | None, **given: Any) -> int:
    """Serve the API and the page, and work the queues, until Ctrl-C."""
    settings = read_settings(**given)
    if handed is not None:
        return host.run(settings, Welcome(link, opens), Handed.of(*handed))
    if settings.box_processes > 1:
        return processes.run(settings)
    return host.run(settings, Welcome(link, opens))


@click.command(epilog=examples("worker", "worker --home ~/boxes/test"))
@click.option("--home", type=Path, metavar="FOLDER", help="Where everything is kept, over BOX_HOME.")
def worker(home: Path | None) -> int:
    """Drive queued runs and read files, without serving HTTP, until Ctrl-C."""
    return host.work(read_settings(box_home=home))


@click.command(epilog=examples("link", "link --open", "link --owner ann --json"))
@click.option("--open", "opens", is_flag=True, help="Open it in the browser.")
@click.option("--owner", default="", metavar="NAME", help="Whom it signs in as; else the first of BOX_API_KEYS.")
@click.option("--json", is_flag=True, help="One JSON document instead of a line.")
def link(opens: bool, owner: str, json: bool) -> None:
    """Print a link that signs in to the page of the box that runs in this folder: once, within two minutes."""
    quietly()
    settings = host.with_key(read_settings())
    if not answers(settings):
        raise Failed(f"No box listens at {settings.box_host}:{settings.box_port}: `{NAME} run` starts one.")
    address = asyncio.run(of_box(settings, owner))
    if json:
        print_json({"link": address})
    else:
        click.echo(address)
    if opens and not page_link.opened(address, settings.box_home):
        raise Failed(NO_BROWSER)


async def of_box(settings: Settings, owner: str) -> str:
    """A new link. Raises Failed."""
    box = made(settings)
    try:
        address = await page_link.made(host.page(settings), box.deps, owner)
    except StoreError as error:
        raise Failed("The storage of the box does not answer.") from error
    finally:
        await box.close()
    if address is None:
        raise Failed(f"No key of {owner or 'an owner'} is known here in plain: sign in with the key itself.")
    return address
