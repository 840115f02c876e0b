"""Puts the sample assistants into a running box, through the API like any client. Installing twice changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types.beta import Assistant

FOLDER: Final = Path(__file__).parent
#: Marks a sample's assistant and files, so that they are found again.
MARK: Final = "sample"


def names() -> list[str]:
    """The samples there are, such as `math_tutor`."""
    return sorted(path.parent.name for path in FOLDER.glob("*/assistant.json"))


def prompts(name: str) -> list[str]:
    """What to ask the sample's assistant."""
    listed: list[str] = json.loads((FOLDER / name / "prompts.json").read_text())
    return listed


def install(client: OpenAI, name: str, model: str) -> Assistant:
    """Create the sample's assistant with its files, or bring the one that is there up to date."""
    sample: dict[str, Any] = json.loads((FOLDER / name / "assistant.json").read_text())
    files, documents = ([FOLDER / name / each for each in sample.pop(kind, [])] for kind in ("files", "documents"))
    metadata = {**sample.pop("metadata", {}), **starters(prompts(name)), MARK: name}
    there = next((each for each in client.beta.assistants.list() if (each.metadata or {}).get(MARK) == name), None)
    resources: dict[str, Any] = {} if there is None else there.to_dict().get("tool_resources") or {}  # type: ignore[assignment]
    if files and not resources.get("code_interpreter", {}).get("file_ids"):
        resources = {**resources, "code_interpreter": {"file_ids": [upload(client, each) for each in files]}}
    if documents and not resources.get("file_search", {}).get("vector_store_ids"):
        resources = {**resources, "file_search": {"vector_store_ids": [searchable(client, name, documents)]}}
    wanted: Any = {**sample, "metadata": metadata, "model": model, "tool_resources": resources}
    if there is None:
        return client.beta.assistants.create(**wanted)
    return client.beta.assistants.update(there.id, **wanted)


def starters(asked: list[str]) -> dict[str, str]:
    """The first three prompts as the page reads them from an assistant's metadata: docs/guides/playground.md."""
    return {f"prompt_{number}": prompt for number, prompt in enumerate(asked[:3], 1)}


def searchable(client: OpenAI, name: str, documents: list[Path]) -> str:
    """Upload documents into a vector store of their own, wait until they can be searched, and return its id."""
    store = client.vector_stores.create(name=f"Sample: {name}", metadata={MARK: name})
    ids = [upload(client, each) for each in documents]
    client.vector_stores.file_batches.create_and_poll(store.id, file_ids=ids, poll_interval_ms=200)
    return store.id


def upload(client: OpenAI, path: Path) -> str:
    """Upload a file for an assistant and return its id."""
    with path.open("rb") as content:
        return client.files.create(file=(path.name, content), purpose="assistants").id
