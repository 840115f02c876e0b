"""Messages of the queue `ingestion`. Each is sent before the commit it serves; what to do is read from the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.queue.base import QueueMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexMessage(QueueMessage):
    """What happened to files or a store, and which of the ids below it is about."""

    #: `files`, `batch`, `detach`, `deleted`, `drop` or `reembed`: the functions below.
    kind: str
    owner: str
    store_id: str = ""
    file_ids: Sequence[str] = ()
    #: Tells an attachment of the files, or an embedding anew, from earlier ones.
    token: str = ""
    #: How often in a row the embedding model's quota let nothing of the file through.
    idle: int = 0
    #: How often what removes something was put off because it had failed too often.
    put_off: int = 0
    batch_id: str = ""
    file_id: str = ""


def files(owner: str, store_id: str, file_ids: Sequence[str], token: str) -> IndexMessage:
    """These files are being attached, which the token tells from earlier times: index them."""
    return IndexMessage(kind="files", owner=owner, store_id=store_id, file_ids=[*file_ids], token=token)


def batch(owner: str, store_id: str, batch_id: str) -> IndexMessage:
    """A batch is being created: see to it that all its files get attached."""
    return IndexMessage(kind="batch", owner=owner, store_id=store_id, batch_id=batch_id)


def detach(owner: str, store_id: str, file_id: str) -> IndexMessage:
    """A file is being detached: forget its chunks."""
    return IndexMessage(kind="detach", owner=owner, store_id=store_id, file_id=file_id)


def deleted(owner: str, file_id: str) -> IndexMessage:
    """A file is being deleted: detach it everywhere."""
    return IndexMessage(kind="deleted", owner=owner, file_id=file_id)


def drop(owner: str, store_id: str) -> IndexMessage:
    """A vector store is being deleted: remove what it had."""
    return IndexMessage(kind="drop", owner=owner, store_id=store_id)


def reembed(owner: str, store_id: str, token: str) -> IndexMessage:
    """A vector store is to be embedded anew; `file_id` is the last file that is done, in the order of ids."""
    return IndexMessage(kind="reembed", owner=owner, store_id=store_id, token=token)
