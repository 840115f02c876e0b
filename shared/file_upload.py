"""The command `files upload`: a file of any size, in parts where one request would be too large for a host."""

from __future__ import annotations

import argparse
import mimetypes
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from shared.client import connected, connected_to
from shared.config import Settings
from shared.objects.file_requests import PURPOSES

if TYPE_CHECKING:
    from openai import OpenAI

MEGABYTE: Final = 2**20
#: Megabytes of a part, and of the largest file that is sent whole. Azure's host takes 100, gateways often less.
PART: Final = 32


def add_to(commands: Any) -> None:
    """Say what can be said on the command line."""
    parser = commands.add_parser("files", help="send a file, in parts if it is large")
    parser.add_argument("action", choices=("upload",))
    parser.add_argument("path", type=Path)
    parser.add_argument("--purpose", default="assistants", choices=sorted(PURPOSES))
    parser.add_argument("--url", default="", help="a box elsewhere (default: the one of this folder)")
    parser.add_argument("--key", default=os.environ.get("BOX_KEY", ""), help="its API key (default: BOX_KEY)")
    parser.add_argument("--part", type=int, default=PART, help=f"megabytes of a part, up to 64 (default: {PART})")


def main(settings: Settings, chosen: argparse.Namespace) -> int:
    """Send the file, print its id, and return the exit code."""
    if not chosen.path.is_file():
        print(f"{chosen.path}: there is no such file", file=sys.stderr)
        return 2
    if not 1 <= chosen.part <= 64:
        print("--part: from 1 to 64 megabytes", file=sys.stderr)
        return 2
    there = connected_to(chosen.url, chosen.key) if chosen.url else connected(settings)
    with there as client:
        print(upload(client, chosen.path, chosen.purpose, chosen.part * MEGABYTE))
    return 0


def upload(client: OpenAI, path: Path, purpose: Any, part: int) -> str:
    """Send a file, in parts of so many bytes if it has more; its id."""
    size = path.stat().st_size
    if size <= part:
        return client.files.create(file=path, purpose=purpose).id
    parts = -(-size // part)
    print(f"{path.name}: {size / MEGABYTE:.0f} MB in {parts} parts", file=sys.stderr)
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    made = client.uploads.upload_file_chunked(file=path, mime_type=kind, purpose=purpose, part_size=part).file
    assert made is not None, "a completed upload has a file"
    return made.id
