"""The folder that an export fills: files are replaced whole and counted by checksum, the manifest comes last.

So an export that was broken off can be started again: what it wrote before is written over, and bytes of files, which
never change, are kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from shared.deps import Caller
from shared.errors import NotFoundError
from shared.files import files
from shared.json_types import Json
from shared.moving.on_disk import FILES, MANIFEST, UNFINISHED, sha256

#: Of a file while it is being written.
DRAFT: Final = ".part"


class OutputFolder:
    """A folder on its way to hold one owner's export, and nothing of others or of earlier ones."""

    def __init__(self, folder: Path, owner: str, kinds: Iterable[str]) -> None:
        """`kinds` are the folders in it with a file for each object. They are made if there are none."""
        self._folder, self._owner, self._kinds = folder, owner, (*kinds, FILES)
        self._checksums: dict[str, str] = {}
        for name in self._kinds:
            (folder / name).mkdir(parents=True, exist_ok=True)
        self._is_ours = self._owner_before() == owner
        self._replace(UNFINISHED, _text({"owner": owner}))

    def write(self, name: str, value: Any) -> None:
        """A file with one JSON value."""
        self._checksums[name] = self._replace(name, _text(value))

    @contextmanager
    def lines(self, name: str) -> Iterator[Callable[[Any], None]]:
        """A file with a JSON value in each line: what it gives writes the next one."""
        path = self._folder / name
        draft = path.with_name(path.name + DRAFT)
        with draft.open("w", encoding="ascii") as out:

            def write(value: Any) -> None:
                out.write(json.dumps(value, sort_keys=True) + "\n")

            yield write
        self._checksums[name] = sha256(draft)
        draft.replace(path)

    async def write_bytes(self, caller: Caller, file: Json) -> bool:
        """A file's bytes, unless an earlier attempt wrote them; False if there are none any more."""
        name = f"{FILES}/{file['id']}"
        path, draft = self._folder / name, self._folder / f"{name}{DRAFT}"
        if not self._is_ours or not path.exists() or path.stat().st_size != file["bytes"]:
            try:
                _, read = await files.content(caller, file["id"])
                with draft.open("wb") as out:
                    async for piece in read:
                        out.write(piece)
            except NotFoundError:
                return False
            draft.replace(path)
        self._checksums[name] = sha256(path)
        return True

    def finish(self, manifest: Json) -> None:
        """Write the manifest, with the checksums, and remove what an earlier export left."""
        for kind in self._kinds:
            for path in (self._folder / kind).iterdir():
                if path.relative_to(self._folder).as_posix() not in self._checksums:
                    path.unlink()
        self._replace(MANIFEST, _text({**manifest, "owner": self._owner, "checksums": self._checksums}))
        (self._folder / UNFINISHED).unlink()

    def _owner_before(self) -> str | None:
        """Whose export is in the folder already, finished or not."""
        for name in (UNFINISHED, MANIFEST):
            path = self._folder / name
            if path.exists():
                owner: str | None = json.loads(path.read_text(encoding="ascii")).get("owner")
                return owner
        return None

    def _replace(self, name: str, text: str) -> str:
        """Write a file whole; its checksum."""
        path = self._folder / name
        draft = path.with_name(path.name + DRAFT)
        draft.write_text(text, encoding="ascii")
        checksum = sha256(draft)
        draft.replace(path)
        return checksum


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, indent=1) + "\n"
