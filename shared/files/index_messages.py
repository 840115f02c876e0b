"""Messages of the queue `ingestion`. Each is sent before the commit it serves; what to do is read from the rows."""

from __future__ import annotations

from collections.abc import Sequence

from shared.objects.common import Json


def files(owner: str, store_id: str, file_ids: Sequence[str], token: str) -> Json:
    """These files are being attached, which the token tells from earlier times: index them."""
    return {"kind": "files", "owner": owner, "store_id": store_id, "file_ids": [*file_ids], "token": token}


def batch(owner: str, store_id: str, batch_id: str) -> Json:
    """A batch is being created: see to it that all its files get attached."""
    return {"kind": "batch", "owner": owner, "store_id": store_id, "batch_id": batch_id}


def detach(owner: str, store_id: str, file_id: str) -> Json:
    """A file is being detached: forget its chunks."""
    return {"kind": "detach", "owner": owner, "store_id": store_id, "file_id": file_id}


def deleted(owner: str, file_id: str) -> Json:
    """A file is being deleted: detach it everywhere."""
    return {"kind": "deleted", "owner": owner, "file_id": file_id}


def drop(owner: str, store_id: str) -> Json:
    """A vector store is being deleted: remove what it had."""
    return {"kind": "drop", "owner": owner, "store_id": store_id}
