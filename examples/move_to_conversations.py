"""Threads become conversations at a provider: `box export FOLDER --as responses`, then this with the folder."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from openai import OpenAI


def main(folder: Path) -> None:
    """Upload the files, make the conversations, and print which thread became which."""
    client = OpenAI()
    uploaded: dict[str, str] = {}
    for file in json.loads((folder / "files.json").read_text()):
        with (folder / "files" / file["id"]).open("rb") as data:
            uploaded[file["id"]] = client.files.create(file=(file["filename"], data), purpose="user_data").id
    for path in sorted((folder / "conversations").glob("*.jsonl")):
        first, *others = (renamed(json.loads(line), uploaded) for line in path.open())
        conversation = client.conversations.create(**first)
        for body in others:
            client.conversations.items.create(conversation.id, **body)
        print(path.stem, conversation.id)


def renamed(value: Any, names: dict[str, str]) -> Any:
    """The same with the ids that the files have at the provider."""
    if isinstance(value, dict):
        return {name: renamed(each, names) for name, each in value.items()}
    if isinstance(value, list):
        return [renamed(each, names) for each in value]
    return names.get(value, value) if isinstance(value, str) else value


if __name__ == "__main__":
    main(Path(sys.argv[1]))
