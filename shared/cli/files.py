"""`files`: the owner's files, and one of any size sent in parts where one request would be too large for a host."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from shared.cli.api import listed, sdk
from shared.cli.tables import moment, print_json, print_objects
from shared.cli.words import Problem, as_json, elsewhere, examples, owned
from shared.json_types import Json
from shared.objects.file_requests import PURPOSES

if TYPE_CHECKING:
    from openai import OpenAI

#: Bytes.
MEGABYTE: Final = 2**20
#: Megabytes of a part, and of the largest file that is sent whole. Azure's host takes 100, gateways often less.
PART: Final = 32


@click.group(epilog=examples("files upload report.pdf", "files upload film.bin --purpose user_data --part 8"))
def files() -> None:
    """Files: list, upload."""


@files.command(
    epilog=examples(
        "files upload report.pdf", "files upload report.pdf --url https://box.example", "files upload report.pdf --json"
    )
)
@click.argument("path", type=Path)
@click.option("--purpose", default="assistants", type=click.Choice(sorted(PURPOSES)), show_default=True)
@click.option("--part", default=PART, metavar="MB", help="Megabytes of a part, up to 64.", show_default=True)
@as_json
@elsewhere
def upload(path: Path, purpose: str, part: int, json: bool, url: str, key: str) -> None:
    """Send a file, in parts if it is large, and print its id."""
    if not path.is_file():
        raise Problem(f"{path}: there is no such file")
    if not 1 <= part <= 64:
        raise Problem("--part: from 1 to 64 megabytes")
    with sdk(url, key) as client:
        file = sent(client, path, purpose, part * MEGABYTE)
    if json:
        print_json(file)
    else:
        click.echo(file["id"])


@files.command("list", epilog=examples("files list", "files list --json --owner ann"))
@as_json
@owned
@elsewhere
def list_all(json: bool, owner: str, url: str, key: str) -> None:
    """List files, the newest first."""
    found = listed("files", url, key, owner)
    print_objects(found, ("file", "made", "bytes", "purpose", "name"), row, json=json)


def row(file: Json) -> tuple[object, ...]:
    """A line of the list."""
    return file["id"], moment(file["created_at"]), file["bytes"], file["purpose"], file["filename"]


def sent(client: OpenAI, path: Path, purpose: Any, part: int) -> Json:
    """Send a file, in parts of so many bytes if it has more; the file."""
    size = path.stat().st_size
    if size <= part:
        return client.files.create(file=path, purpose=purpose).to_dict(mode="json")
    parts = -(-size // part)
    click.echo(f"{path.name}: {size / MEGABYTE:.0f} MB in {parts} parts", err=True)
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    made = client.uploads.upload_file_chunked(file=path, mime_type=kind, purpose=purpose, part_size=part).file
    assert made is not None, "a completed upload has a file"
    return made.to_dict(mode="json")
