"""A box elsewhere, as it shows itself over HTTP: its address, its key, its clock, its model and its storage."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Final

import httpx2 as httpx

from shared.doctor.findings import Finding, broken, ok
from shared.doctor.parts import skew, warned_of
from shared.json_types import Json

#: Seconds that a box may take to answer; one that sleeps has to wake up.
WAKING: Final = 60.0


def look(url: str, key: str) -> Iterator[Finding]:
    """Everything that a client may find out. What only the storage can tell needs the storage's connection."""
    with httpx.Client(base_url=url, timeout=WAKING, headers={"Authorization": f"Bearer {key}"}) as client:
        try:
            alive = client.get("/healthz")
            told = answered(alive)
            if alive.status_code != 200 or told.get("status") != "ok":
                yield broken("address", f"something answers there ({alive.status_code}), but it is no box")
                return
            yield ok("address", url)
            if (sent := alive.headers.get("date")) is not None:
                yield skew(time.time() - parsedate_to_datetime(sent).timestamp())
            yield from depended_on(answered(client.get("/healthz", params={"deep": "1"})))
            yield from with_key(client.get("/v1/models"))
        except httpx.HTTPError as error:
            yield broken("address", f"nothing answers at {url} ({type(error).__name__})")


def depended_on(seen: Json) -> Iterator[Finding]:
    """What the box says of its model, its storage and its poison queues."""
    for name, fine in (("model", "answers"), ("storage", "answers")):
        words = str(seen.get(name, "says nothing"))
        yield (ok if words in (fine, "offline demo") else broken)(name, words)
    poison = seen.get("poison", 0)
    found = f"{poison} that nobody can read: see `poison list`, with the storage's settings"
    yield broken("poison", found) if poison else ok("poison", "none")


def with_key(listed: httpx.Response) -> Iterator[Finding]:
    """Whether the key is taken, and what the box says of its models."""
    if listed.status_code != 200:
        said = answered(listed).get("error", {}).get("message", "")
        yield broken("key", f"{listed.status_code}: {said}" if said else f"{listed.status_code} without a word")
        return
    yield ok("key", "is accepted")
    yield warned_of(answered(listed).get("data", []))


def answered(response: httpx.Response) -> Json:
    """The JSON object in an answer; empty if it is none."""
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
