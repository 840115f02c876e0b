"""Deletes what a smoke test made, also what it was never told of: everything carries its mark."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Any, Final

from openai import NotFoundError, OpenAIError

from shared.smoke.box import BoxUnderTest
from shared.smoke.report import Look, Wrong

#: How often something is tried to be deleted before it is left.
TRIES: Final = 3
#: Objects of a kind that are looked through for the mark, newest first.
LOOKED_THROUGH: Final = 300

#: What it is, and what deletes it.
Doomed = tuple[str, Callable[[], Any]]


def cleaned_up(box: BoxUnderTest) -> dict[str, float]:
    """Delete everything; afterwards nothing of it is found any more. Raises Wrong."""
    doomed = [*in_threads(box), *marked(box), *uploads(box)]
    left = [f"{name} ({wrong})" for name, delete in doomed if (wrong := tried(delete))]
    if not left:
        left = [f"{name} (still listed)" for name, _ in marked(box)]
    if left:
        raise Wrong("not deleted: " + ", ".join(left), Look.REST)
    return {"deleted": len(doomed)}


def tried(delete: Callable[[], Any]) -> str:
    """Delete something; what is wrong if it cannot be done, else nothing."""
    for attempt in range(TRIES):
        try:
            delete()
        except NotFoundError:
            break
        except OpenAIError as error:
            if attempt == TRIES - 1:
                return str(error)
            time.sleep(attempt)
        else:
            break
    return ""


def in_threads(box: BoxUnderTest) -> Iterator[Doomed]:
    """The threads, and before each the files that code made in it."""
    for thread in box.threads:
        for file in made_by_code(box, thread):
            yield f"file {file}", partial(box.client.files.delete, file)
        yield f"thread {thread}", partial(end, box, thread)


def made_by_code(box: BoxUnderTest, thread: str) -> set[str]:
    """Pictures and other files that runs left in a thread; none if it cannot be read."""
    made: set[str] = set()
    try:
        for message in box.client.beta.threads.messages.list(thread):
            for part in message.content:
                if part.type == "image_file":
                    made.add(part.image_file.file_id)
                elif part.type == "text":
                    made |= {note.file_path.file_id for note in part.text.annotations if note.type == "file_path"}
        for run in box.client.beta.threads.runs.list(thread):
            made |= {output.image.file_id for output in box.code_outputs(run) if output.type == "image"}
    except OpenAIError:
        pass  # then the thread cannot be deleted either, and is told
    return made


def end(box: BoxUnderTest, thread: str) -> None:
    """Delete a thread, after cancelling a run that is active in it."""
    runs = box.client.beta.threads.runs
    for run in runs.list(thread, limit=5).data:
        if run.status in ("queued", "in_progress", "requires_action"):
            # One that cannot be cancelled, or does not end, goes with its thread.
            with suppress(OpenAIError, Wrong):
                box.settled(runs.cancel(run.id, thread_id=thread))
    box.client.beta.threads.delete(thread)


def marked(box: BoxUnderTest) -> Iterator[Doomed]:
    """What carries the mark: assistants, stores, files."""
    client = box.client
    for assistant in newest(client.beta.assistants.list(limit=100)):
        if assistant.name == box.mark:
            yield f"assistant {assistant.id}", partial(client.beta.assistants.delete, assistant.id)
    for store in newest(client.vector_stores.list(limit=100)):
        if store.name == box.mark:
            yield f"vector store {store.id}", partial(client.vector_stores.delete, store.id)
    for file in newest(client.files.list(limit=LOOKED_THROUGH)):
        if file.filename.startswith(box.mark):
            yield f"file {file.id}", partial(client.files.delete, file.id)


def newest(listed: Iterable[Any]) -> list[Any]:
    """The newest objects of a list, read before any of them is deleted."""
    return [*islice(listed, LOOKED_THROUGH)]


def uploads(box: BoxUnderTest) -> Iterator[Doomed]:
    """The uploads that did not become files."""
    for upload in box.pending:
        yield f"upload {upload}", partial(box.client.uploads.cancel, upload)
