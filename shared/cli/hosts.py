"""`run` and `worker`: the embedded host."""

from __future__ import annotations

from pathlib import Path

import click

from shared import host
from shared.cli.words import examples, read_settings


@click.command(epilog=examples("run", "run --port 7072", "run --home ~/boxes/test"))
@click.option("--port", type=int, metavar="PORT", help="The port to listen on, over BOX_PORT.")
@click.option("--host", "address", metavar="ADDRESS", help="The address to listen on, over BOX_HOST.")
@click.option("--home", type=Path, metavar="FOLDER", help="Where everything is kept, over BOX_HOME.")
def run(port: int | None, address: str | None, home: Path | None) -> int:
    """Serve the API and the page, and work the queues, until Ctrl-C."""
    return host.run(read_settings(box_port=port, box_host=address, box_home=home))


@click.command()
@click.option("--home", type=Path, metavar="FOLDER", help="Where everything is kept, over BOX_HOME.")
def worker(home: Path | None) -> int:
    """Drive queued runs and read files, without serving HTTP, until Ctrl-C."""
    return host.work(read_settings(box_home=home))
