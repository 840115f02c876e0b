"""Files that were indexed, or could not be, as webhooks are told of them."""

from __future__ import annotations

from shared.deps import Caller, Deps
from shared.errors import NotFoundError
from shared.objects.vector_store import FileStatus, ItemRecord
from shared.vector_stores.rows import item_row
from shared.webhooks import notices
from shared.webhooks.notices import Notice

PREFIX = "vector_store.file."
TOLD = ("completed", "failed")


async def send(caller: Caller, item: ItemRecord, status: FileStatus) -> None:
    """The next commit ends the file's time in progress."""
    if status in TOLD:
        data = {"id": item.file.id, "vector_store_id": item.file.vector_store_id, "status": status}
        await notices.send(caller.deps, caller.owner, f"{PREFIX}{status}", data, item.token)


async def happened(deps: Deps, notice: Notice) -> bool | None:
    """Whether the file's indexing ended as told; one that was detached or attached anew since is not told of."""
    if notice.happened:
        return True
    try:
        row = await item_row(Caller(deps, notice.owner), notice.data["vector_store_id"], notice.data["id"])
    except NotFoundError:
        return False
    if row is None or row[0].token != notice.mark:
        return False
    return None if row[0].file.status == "in_progress" else row[0].file.status == notice.data["status"]
