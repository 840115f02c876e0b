"""Which files a call left where nobody gets them: in a folder, or under a name that cannot leave."""

from __future__ import annotations

import os

Seen = dict[str, tuple[int, int]]

#: As the host has it: characters that mean something to a path, a header or a URL.
FORBIDDEN = frozenset("/\\\"'<>|:*?`")
#: Files looked at, and files named.
MOST, NAMED = 2000, 20


def withheld(folder: str) -> Seen:
    """Files below the folder that are not handed out, by their path in it; hidden ones are nobody's business."""
    found: Seen = {}
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "__pycache__"]
        for name in names:
            path = os.path.relpath(os.path.join(place, name), folder)
            if name.startswith(".") or (FORBIDDEN.isdisjoint(path) and name.isprintable()):
                continue
            try:
                seen = os.lstat(os.path.join(place, name))
            except OSError:
                continue
            found[path] = (seen.st_size, seen.st_mtime_ns)
            if len(found) >= MOST:
                return found
    return found


def told(before: Seen, after: Seen) -> str:
    """One line on the files that are new or changed; "" when there are none."""
    new = sorted(path for path, seen in after.items() if before.get(path) != seen)
    if not new:
        return ""
    names = ", ".join(path.encode(errors="replace").decode() for path in new[:NAMED])
    more = f" and {len(new) - NAMED} more" if len(new) > NAMED else ""
    return (
        f"[not handed to the user: {names}{more}. Save what the user should get directly in /mnt/data, "
        "under a name of letters, digits, spaces, dots, - and _.]"
    )
