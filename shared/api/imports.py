"""The route by which objects come in under the ids they had: what `box import` does, in portions of bounded size.

A request is a form. Each part is a file, and its name is the path that the file would have in a folder that `box
import` is given: `dump.jsonl`, or `manifest.json`, `threads/thread_abc.json`, `files/file-abc`. Parts go to a temporary
folder as they come; JSON in them is counted before it is read.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from shared import deadline, json_text, owners
from shared.api.answers import answer
from shared.api.json_body import Outline
from shared.api.multipart import FormPart
from shared.api.openapi import Form
from shared.api.query import Query, parameter, text
from shared.api.requests import INTEGER
from shared.api.routing import Routes
from shared.deps import Caller
from shared.errors import InvalidRequest, not_found, too_large
from shared.json_types import Json
from shared.moving.imports import KINDS, Import, Report, Wanted
from shared.moving.portions import read_earlier
from shared.moving.sources import MANIFEST, NotReadable, opened
from shared.objects.import_report import ImportReport
from shared.objects.parse import missing, wrong_type, wrong_value

routes = Routes("/v1/admin", "Administration")

#: Bytes of an import in one request; Azure's host takes no larger one.
MAX_BYTES: Final = 100 * 1024 * 1024
#: Files of an import in one request.
MAX_FILES: Final = 2000
#: Bytes of JSON in a thread of an import, and in all other JSON of a request together.
MAX_JSON: Final = 32 * 1024 * 1024
#: Keys and values of such JSON: some twenty thousand messages of a thread.
MAX_VALUES: Final = 1_000_000

#: Paths that a part may have: nothing leads out of the folder.
PATH: Final = re.compile(
    r"threads/[\w-]{1,64}\.json|files/[\w-]{1,64}(\.[\w .-]{0,100})?|[\w-][\w.-]{0,99}\.(json|jsonl|ndjson)", re.ASCII
)
FORM: Final = Form(
    {"type": "object", "additionalProperties": {"type": "string", "format": "binary"}},
    max_bytes=MAX_BYTES,
    max_parts=MAX_FILES,
)


class Asked(NamedTuple):
    """What the query says."""

    wanted: Wanted
    write: bool


def _read_query(request: Request) -> Asked:
    """Raises InvalidRequest."""
    dry_run = request.query_params.get("dry_run") or "true"
    if dry_run not in ("true", "false"):
        raise wrong_value("dry_run", dry_run, ("true", "false"))
    only = [each for each in (request.query_params.get("only") or "").split(",") if each]
    for each in only:
        if each not in KINDS:
            raise wrong_value("only", each, KINDS)
    since = request.query_params.get("since") or "0"
    if INTEGER.fullmatch(since) is None:
        raise wrong_type("since", "an integer", since)
    return Asked(Wanted(frozenset(only or KINDS), int(since[:20])), dry_run == "false")


OWNER: Final = text("owner", "Whose the objects are to be: an owner who may call this box. Required.")
QUERY: Final = Query(
    "asked",
    (
        parameter("dry_run", {"type": "boolean", "default": True}, "Tell only what would come; `false` does it."),
        parameter("only", {"type": "string"}, f"Kinds that are to come, separated by commas: {', '.join(KINDS)}."),
        parameter("since", {"type": "integer", "default": 0}, "Nothing created before, in unix seconds."),
    ),
    _read_query,
)


@routes.post("/import", form=FORM, gives=ImportReport, query=[OWNER, QUERY])
async def import_objects(caller: Caller, body: AsyncIterator[FormPart], owner: str | None, asked: Asked) -> Response:
    """Take objects over under the ids they had; a dry run unless told otherwise. May be sent again."""
    if owner is None:
        raise missing("owner")
    if owner not in await owners.names(caller.deps):
        raise not_found("owner", owner)
    with tempfile.TemporaryDirectory(prefix="api-in-a-box-import-") as name:
        folder = Path(name)
        await _receive(body, folder)
        report = await _imported(Caller(caller.deps, owner), folder, asked)
    return answer(_shown(report, owner, folder, dry_run=not asked.write))


async def _imported(caller: Caller, folder: Path, asked: Asked) -> Report:
    try:
        earlier = read_earlier(json_text.read((folder / MANIFEST).read_bytes())) if (folder / MANIFEST).exists() else {}
        importing = Import(caller, opened(folder), asked.wanted, write=asked.write, earlier=earlier)
        return await importing.run(_in_time)
    except (NotReadable, ValueError, RecursionError) as error:
        words = "nested too deeply" if isinstance(error, RecursionError) else _without(folder, str(error))
        raise InvalidRequest(f"The import cannot be read: {words}", code="import_unreadable") from error


def _in_time() -> None:
    """Stop between two objects when the invocation's time is over. Raises InvalidRequest."""
    if deadline.left() == 0:
        words = "The import took too long for one request. What has come stays: send it again, or less at a time."
        raise InvalidRequest(words, status=408, code="import_unfinished")


async def _receive(parts: AsyncIterator[FormPart], folder: Path) -> None:
    """Write the parts as files, within the bounds. Raises InvalidRequest."""
    for name in ("threads", "files"):
        (folder / name).mkdir()
    size, others = 0, _Json()
    async for part in parts:
        if PATH.fullmatch(part.name) is None or (folder / part.name).exists():
            words = f"'{part.name}' comes twice, or is no path of a file in an import."
            raise InvalidRequest(words, param=part.name, code="invalid_path")
        counted = _Json() if part.name.startswith("threads/") else others
        with (folder / part.name).open("wb") as file:
            async for piece in part.pieces:
                size += len(piece)
                if size > MAX_BYTES:
                    raise too_large(MAX_BYTES, size)
                if not part.name.startswith("files/"):
                    counted.feed(piece)
                file.write(piece)
    for name in ("threads", "files"):
        if not any((folder / name).iterdir()):
            (folder / name).rmdir()


class _Json:
    """JSON that is read as one, and so counted as one."""

    def __init__(self) -> None:
        self._size, self._outline = 0, Outline(MAX_VALUES)

    def feed(self, piece: bytes) -> None:
        """Go on. Raises InvalidRequest."""
        self._size += len(piece)
        if self._size > MAX_JSON:
            raise too_large(MAX_JSON, self._size)
        self._outline.feed(piece)


def _shown(report: Report, owner: str, folder: Path, *, dry_run: bool) -> Json:
    counts: dict[str, dict[str, int]] = {}
    for (kind, outcome), number in sorted((+report.counts).items()):
        counts.setdefault(kind, {})[outcome] = number
    remarks = [_without(folder, each) for each in report.remarks]
    return ImportReport(owner=owner, dry_run=dry_run, counts=counts, remarks=remarks).to_json()


def _without(folder: Path, words: str) -> str:
    """The words without the name of the temporary folder."""
    return words.replace(f"{folder}/", "").replace(str(folder), "the import")
