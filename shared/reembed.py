"""The command `stores reembed`: vector stores of a box get the vectors of the model that new ones get."""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import TYPE_CHECKING, Any, Final, cast

from shared.client import connected, connected_to
from shared.config import Settings
from shared.json_types import Json

if TYPE_CHECKING:
    from openai import OpenAI

#: Seconds between looks at how it goes on.
POLL: Final = 1.0


def add_to(commands: Any) -> None:
    """Say what can be said on the command line."""
    parser = commands.add_parser("stores", help="embed vector stores anew, by the model that new ones get")
    parser.add_argument("action", choices=("reembed",))
    parser.add_argument("ids", nargs="*", metavar="ID", help="ids of vector stores")
    parser.add_argument("--all", action="store_true", help="every vector store of the key's owner")
    parser.add_argument("--url", default="", help="a box elsewhere (default: the one of this folder)")
    parser.add_argument("--key", default=os.environ.get("BOX_KEY", ""), help="its API key (default: BOX_KEY)")


def main(settings: Settings, chosen: argparse.Namespace) -> int:
    """Have the stores embedded, wait until they are, and return the exit code."""
    if bool(chosen.ids) == chosen.all:
        print("stores reembed: name the stores, or say --all", file=sys.stderr)
        return 2
    there = connected_to(chosen.url, chosen.key) if chosen.url else connected(settings)
    with there as client:
        ids = (
            [store.id for store in client.vector_stores.list() if store.status != "expired"]
            if chosen.all
            else chosen.ids
        )
        ends = [reembed(client, store_id) for store_id in ids]
    return 0 if all(ends) else 1


def active(client: OpenAI) -> list[str]:
    """The owner's stores that have not expired."""
    return [store.id for store in client.vector_stores.list() if store.status != "expired"]


def reembed(client: OpenAI, store_id: str) -> bool:
    """Embed one store anew and say how it ended; whether it ended well."""
    path = f"/vector_stores/{store_id}/embedding"
    seen = cast("Json", client.post(path, cast_to=object))
    while seen["status"] == "in_progress":
        time.sleep(POLL)
        seen = cast("Json", client.get(path, cast_to=object))
    counts = seen["file_counts"]
    print(f"{store_id}  {seen['status']}  {counts['completed']} of {counts['total']} files  {seen['model']}")
    return bool(seen["status"] == "completed")
