"""Whether a storage account's backups are as young as the settings want them."""

from __future__ import annotations

from shared.blobs.base import BlobNotFound, read_all
from shared.deps import Deps
from shared.doctor.findings import Finding, broken, ok, warning
from shared.scheduled import names, state


async def backups(deps: Deps) -> Finding:
    """How old the last whole backup of a storage account is."""
    hours = deps.settings.backup_hours
    if deps.backups is None:
        return ok("backups", "none is scheduled for the box of a folder: `box backup` makes one")
    found = await state.read(deps)
    if not found.last:
        told = "none is there yet" if hours else "none is scheduled: see BACKUP_HOURS"
        return warning("backups", told)
    try:
        await read_all(deps.backups, names.mark(found.last))
    except BlobNotFound:
        return broken("backups", f"the last one, {found.last}, is gone")
    age = (deps.clock() - found.last_begun) / 3600
    told = f"the last one, {found.last}, is {age:.0f} hours old"
    if not hours:
        return warning("backups", f"{told}, and none is scheduled: see BACKUP_HOURS")
    return (ok if age < 2 * hours + 1 else broken)("backups", told)
