"""What a box depends on, asked one after the other: storage, queues, sandbox, model, vectors, Logic Apps."""

from __future__ import annotations

import asyncio
import secrets
import ssl
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

import httpx2 as httpx

from shared import layout
from shared.assistants import models
from shared.blobs.base import BlobsUnavailable, read_all, write_bytes
from shared.demo import ANSWERS
from shared.deps import Deps
from shared.doctor.backups import backups
from shared.doctor.findings import Finding, broken, ok, warning
from shared.doctor.sandbox import sandbox_in_words
from shared.doctor.sealing import sealing
from shared.doctor.telemetry import telemetry
from shared.doctor.webhooks import webhooks
from shared.housekeeping import unreadable
from shared.json_types import Json
from shared.layout import BOX
from shared.llm.base import FINE, LlmError, TurnRequest
from shared.queue.base import QueueUnavailable
from shared.store.base import UNREADABLE, Delete, NewerFormat, Put, StoreError, major

#: Seconds that one look may take.
LOOK_TIMEOUT: Final = 60.0
#: Records whose formats are looked at, if not all.
SAMPLE: Final = 1000
#: Seconds by which clocks may differ; from the second on tokens and leases fail.
SKEW: Final = (5.0, 120.0)
#: Seconds after which housekeeping, which comes every hour, must have seen what is overdue.
UNSEEN: Final = 2 * 3600

Check = Callable[[Deps], Awaitable[Finding]]


async def look(deps: Deps, *, deep: bool = False) -> AsyncIterator[Finding]:
    """Every check in turn; one that takes too long is a finding, too. Deep ones take their time."""
    checks: dict[str, tuple[Check, float | None]] = {name: (check, LOOK_TIMEOUT) for name, check in CHECKS.items()}
    if deep:
        checks["formats"] = (all_formats, None)
    for name, (check, seconds) in checks.items():
        try:
            async with asyncio.timeout(seconds):
                yield await check(deps)
        except TimeoutError:
            yield broken(name, f"no answer within {LOOK_TIMEOUT:g} s")
        except (StoreError, BlobsUnavailable, QueueUnavailable) as error:
            yield broken(name, told(error))


def told(error: Exception) -> str:
    """What a port's error says: its kind where it is a service's, whose words may name accounts."""
    if isinstance(error, NewerFormat):
        return str(error)
    status = getattr(error.__cause__, "status_code", None)
    if status == 403:
        return "refuses the box (403): see the roles of its identity"
    if status is not None:
        # A word such as ServerBusy; the libraries have enumerations of some.
        code = getattr(error.__cause__, "error_code", None)
        return f"answers {status} ({getattr(code, 'value', code)})"
    return f"could not be reached ({type(error.__cause__ or error).__name__})"


async def records(deps: Deps) -> Finding:
    """A record is written, read and removed."""
    key = f"doctor-{secrets.token_hex(8)}"
    await deps.store.commit(BOX, [Put(key, {"written": deps.now()})])
    found = await deps.store.get(BOX, key)
    await deps.store.commit(BOX, [Delete(key)])
    if found is None:
        return broken("records", "what was written could not be read")
    return ok("records", f"written and read, in format {layout.FORMAT}")


async def formats(deps: Deps) -> Finding:
    """In which formats some of the stored records are."""
    return told_formats(await deps.store.formats(SAMPLE))


async def all_formats(deps: Deps) -> Finding:
    """In which formats all stored records are: everything is read for it."""
    return told_formats(await deps.store.formats())


def told_formats(found: Counter[str]) -> Finding:
    """What formats mean for this version: a later major one is refused, a later minor one is kept."""
    counts = ", ".join(f"{count} in {name}" for name, count in sorted(found.items()))
    looked = f"{found.total()} looked at" + ("; --deep looks at all" if found.total() == SAMPLE else "")
    if found.pop(UNREADABLE, 0):
        words = "unreadable ones are damaged or another program's, and are left alone"
        return broken("formats", f"{counts}: {words} ({looked})")
    if any(major(name) > major(layout.FORMAT) for name in found):
        return broken("formats", f"{counts}: this version reads formats up to {layout.FORMAT}, upgrade it ({looked})")
    if any(number_of(name) > number_of(layout.FORMAT) for name in found):
        return warning("formats", f"{counts}: written by a later version, whose fields are kept ({looked})")
    return ok("formats", f"{counts or 'none'} ({looked})")


def number_of(name: str) -> tuple[int, ...]:
    """A format's numbers, in the order in which formats follow each other."""
    return tuple(int(part) for part in name.split("."))


async def bytes_of_files(deps: Deps) -> Finding:
    """A blob is written, read and removed."""
    name = f"health/doctor-{secrets.token_hex(8)}"
    await write_bytes(deps.blobs, name, b"box")
    found = await read_all(deps.blobs, name)
    await deps.blobs.delete(name)
    return ok("files", "written and read") if found == b"box" else broken("files", "other bytes than were written")


async def queues(deps: Deps) -> Finding:
    """How many messages wait in each queue."""
    counts = {"runs": await deps.queue.count(), "ingestion": await deps.ingestion.count()}
    return ok("queues", ", ".join(f"{count} in {name}" for name, count in counts.items()))


async def poison(deps: Deps) -> Finding:
    """Messages that nobody can read."""
    found = await unreadable(deps)
    if not found:
        return ok("poison", "none")
    return broken("poison", f"{len(found)} that nobody can read: see `poison list`")


async def overdue(deps: Deps) -> Finding:
    """What housekeeping should have seen by now: it looks at everything that is due."""
    kinds = {layout.RUN: "runs", layout.FILE: "files", layout.STORE_KEY: "vector stores", layout.ITEM: "indexed files"}
    late = Counter([
        next((name for prefix, name in kinds.items() if row.key.startswith(prefix)), "others")
        async for _, row in deps.store.overdue(deps.now() - UNSEEN)
    ])  # fmt: skip
    if not late:
        return ok("overdue", "nothing")
    found = ", ".join(f"{count} {name}" for name, count in late.items())
    return broken("overdue", f"{found} for more than {UNSEEN // 3600} hours: no host, or no timer, does housekeeping")


async def sandbox(deps: Deps) -> Finding:
    """Where code would run; the session pool is asked to run some."""
    words = await sandbox_in_words(deps)
    if deps.sandbox is not None and words.startswith("not run"):
        return broken("sandbox", words)
    lacks = deps.sandbox is None or "NOT ISOLATED" in words or " Without " in words
    return (warning if lacks else ok)("sandbox", words)


async def model(deps: Deps) -> Finding:
    """Whether the model would take a turn, found out for nothing."""
    health, described = await deps.llm.health(), deps.llm.description
    each = "; ".join(f"{name}: {words}" for name, words in health.endpoints.items())
    if not health.answers:
        return broken("model", f"{health.words} ({each or described})")
    if any(words != FINE for words in health.endpoints.values()):
        return warning("model", each)
    if health.words == ANSWERS:
        return ok("model", described)
    named = ", ".join(dict.fromkeys(deps.settings.model_aliases.values()))
    return ok("model", f"{described} answers" + (f", with {named}" if named else ""))


async def ask(deps: Deps, model: str) -> Finding:
    """Whether the model says something; the answer of a few tokens is paid for."""
    hello: Json = {"type": "message", "role": "user", "content": "Say: ok"}
    request = TurnRequest(model, "", [hello], max_output_tokens=64)
    try:
        async with aclosing(deps.llm.stream(request, time.time() + LOOK_TIMEOUT)) as events:
            async for _ in events:
                pass
    except LlmError as error:
        return broken("answer", f"{model}: {error.message}")
    return ok("answer", f"{model} was asked for a word, and answered")


async def endings(deps: Deps) -> Finding:
    """Models of the settings that will be shut down."""
    try:
        listed = await models.list_all(deps)
    except LlmError as error:
        return warning("endings", error.message)
    return warned_of(listed)


def warned_of(listed: Iterable[Json]) -> Finding:
    """What a list of models warns of."""
    soon = [str(each["warning"]) for each in listed if "warning" in each]
    return warning("endings", " ".join(soon)) if soon else ok("endings", "no model of the settings ends soon")


async def vectors(deps: Deps) -> Finding:
    """What makes vectors for new vector stores; a word is embedded to find it out."""
    try:
        space = await deps.embedders.preferred(anew=True)
    except Exception as error:  # the endpoint's, whatever it raises
        return broken("vectors", f"the endpoint could not be asked ({type(error).__name__})")
    if space is None:
        return broken("vectors", "the endpoint does not let this box embed: see the roles of its identity")
    wanted = deps.settings.embedding_model if deps.settings.names_model else ""
    if wanted and wanted not in space.name:
        return warning("vectors", f"the endpoint has no {wanted}: hashed words stand in ({space.name})")
    return ok("vectors", f"{space.name}, {space.dimensions} dimensions")


async def logic_apps(deps: Deps) -> Finding:
    """Whether the hosts of mail and calendar can be reached; nothing is sent."""
    addresses = {"SEND_EMAIL_URL": deps.settings.send_email_url, "CREATE_EVENT_URL": deps.settings.create_event_url}
    named = {name: address for name, address in addresses.items() if address}
    lost = [name for name, address in named.items() if not await reachable(address)]
    if lost:
        return broken("logic apps", f"{', '.join(lost)}: the host does not answer")
    return ok("logic apps", f"{', '.join(named)} can be reached" if named else "none named")


async def reachable(address: str) -> bool:
    """Whether the address's host takes a connection."""
    try:
        parts = urlsplit(address)
        secure = ssl.create_default_context() if parts.scheme == "https" else None
        port = parts.port or (443 if secure else 80)
        async with asyncio.timeout(10):
            _, writer = await asyncio.open_connection(parts.hostname, port, ssl=secure)
        writer.close()
    except (OSError, ValueError):
        return False
    return True


async def clock(deps: Deps) -> Finding:
    """How far this machine's clock is from that of the storage, or of the model's server."""
    settings = deps.settings
    asked = (settings.table_service_uri, settings.azure_openai_endpoint, settings.box_model_base_url,
             settings.openai_base_url)  # fmt: skip
    for address in filter(None, asked):
        try:
            async with httpx.AsyncClient(timeout=10) as client:
                answer = await client.head(address)
            there = parsedate_to_datetime(answer.headers["date"]).timestamp()
        except (httpx.HTTPError, KeyError, ValueError):
            continue
        return skew(time.time() - there)
    return ok("clock", "nobody to compare it with")


def skew(seconds: float) -> Finding:
    """What a difference of clocks means, in seconds; a header has whole ones."""
    words = f"{abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} the server's"
    if abs(seconds) < SKEW[0]:
        return ok("clock", "agrees with the server's")
    return (warning if abs(seconds) < SKEW[1] else broken)("clock", words)


async def python(deps: Deps) -> Finding:
    """Which Python runs here."""
    return ok("python", sys.version.split()[0])


CHECKS: Final[dict[str, Check]] = {
    "python": python,
    "records": records,
    "formats": formats,
    "files": bytes_of_files,
    "queues": queues,
    "poison": poison,
    "overdue": overdue,
    "webhooks": webhooks,
    "telemetry": telemetry,
    "backups": backups,
    "sealing": sealing,
    "clock": clock,
    "sandbox": sandbox,
    "model": model,
    "endings": endings,
    "vectors": vectors,
    "logic apps": logic_apps,
}
