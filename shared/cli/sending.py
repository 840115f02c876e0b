"""`import --url`: the portions of an import sent to a box elsewhere, one after the other."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import httpx2 as httpx

from shared.backoff import Backoff
from shared.cli.api import NO_ADMINS, as_admin
from shared.cli.progress import bar
from shared.cli.words import Failed, Problem
from shared.json_types import Json
from shared.moving.imports import Report, Wanted
from shared.moving.portions import Portion, Portions
from shared.moving.sources import ImportSource

#: Seconds that a portion may take; Azure ends the waiting for an answer after 230.
PORTION_TIMEOUT: Final = 240.0
#: How often a portion is sent that was not answered.
BACKOFF: Final = Backoff(first=2.0, attempts=4)
#: Statuses after which it is sent again.
RETRIED: Final = (408, 429, 500, 502, 503, 504)


async def sent(url: str, key: str, owner: str, source: ImportSource, wanted: Wanted, write: bool) -> Report:
    """Have it all come in there, or only looked at. Raises NotReadable, Problem and Failed."""
    if not owner:
        raise Problem("--owner: whose are the objects to be, there?")
    portions = Portions(source, wanted)
    total = Report()
    async with as_admin(url, key) as api:
        query = {"owner": owner, "dry_run": "false" if write else "true"}
        with bar("import", portions.total()) as done:
            for portion in portions:
                add(total, portion, await answered(api.http, query, portion))
                done(len(portion.objects))
    total.counts.update(portions.report.counts)
    total.remarks += portions.report.remarks
    return total


def add(total: Report, portion: Portion, answer: Json) -> None:
    """Count what became of a portion. One object that is refused by itself is lost; else that ends it all."""
    if "error" not in answer:
        total.remarks += answer["remarks"]
        for kind, outcomes in answer["counts"].items():
            total.counts.update({(kind, outcome): number for outcome, number in outcomes.items()})
    elif len(portion.objects) == 1:
        total.note(*portion.objects[0], "lost", answer["error"]["message"])
    else:
        raise Failed(answer["error"]["message"])


async def answered(http: httpx.AsyncClient, query: dict[str, str], portion: Portion) -> Json:
    """The report of a portion, or the error that is about it. Raises Failed."""
    for attempt in range(BACKOFF.attempts):
        if attempt:
            await asyncio.sleep(BACKOFF.delay(attempt))
        try:
            answer = await post(http, query, portion)
            body = answer.json()
        except (httpx.TransportError, ValueError) as error:
            words = f"The box does not answer ({type(error).__name__}). What has come stays: start again."
            continue
        if answer.status_code == HTTPStatus.OK:
            return dict(body)
        words = str(body.get("error", {}).get("message", answer.status_code)) if isinstance(body, dict) else ""
        if answer.status_code in (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE):
            return {"error": {"message": words}}
        if answer.status_code not in RETRIED:
            raise Failed(NO_ADMINS if words.startswith("Invalid URL") else words)
    raise Failed(words)


async def post(http: httpx.AsyncClient, query: dict[str, str], portion: Portion) -> httpx.Response:
    """Send a portion."""
    with ExitStack() as opened:
        form: list[Any] = []
        for name, content in portion.content():
            file = opened.enter_context(content.open("rb")) if isinstance(content, Path) else content
            form.append((name, ("file", file, "application/octet-stream")))
        return await http.post("/v1/admin/import", params=query, files=form, timeout=PORTION_TIMEOUT)
