"""Requests that their client may send again: one with an `Idempotency-Key` is carried out once in 24 hours.

Two rows see to it. A *claim* of the owner's, committed before anything is done, says what the key was used for. An
*answer* lies beside what the request makes and is written in the very commit that makes it, so there is no moment at
which the one is there without the other; of two that are under way at once the second meets a conflict, and finds the
answer. The key itself is stored nowhere.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from shared import layout
from shared.errors import ApiError, InvalidRequest
from shared.json_types import Json
from shared.optimistic import until_committed
from shared.store.base import Delete, Put, Store

#: Seconds for which an answer is given again.
KEPT_SECONDS: Final = 24 * 3600
#: What is deleted without its partition: then the answer that told of it goes, too.
DELETED_ALONE: Final = frozenset({"assistant", "file", "thread.message", "vector_store.file"})
#: Answers about one object that the commit which deletes it removes, two rows each; what is more goes before.
FORGOTTEN_AT_ONCE: Final = 20
#: What a key may be: up to 255 printable characters, as elsewhere.
KEY: Final = re.compile(r"[!-~]([ -~]{0,253}[!-~])?")


class AnsweredBefore(Exception):
    """The request was carried out before; `answer` is what was answered then."""

    def __init__(self, answer: Json):
        super().__init__("answered before")
        self.answer = answer


class KeyUsed(ApiError):
    """The key was sent with something else; SDKs, which repeat what conflicts, are told not to."""

    status = 409
    type = "invalid_request_error"
    headers = MappingProxyType({"x-should-retry": "false"})

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key was used with another request (route, query or body) within the last 24 hours. "
            "Send what is new with a new key.",
            code="idempotency_key_reused",
        )


@dataclass(slots=True)
class Once:
    """A request that is to be carried out once; `claim` it before it is."""

    owner: str
    #: Of the key.
    digest: str
    #: Makes the id of what the request makes in a partition of its own.
    new_id: Callable[[], str]
    #: What is asked: fed with route and body, part by part.
    asked: hashlib._Hash = field(default_factory=hashlib.sha256)
    #: The id that was or will be made.
    id: str = ""
    #: Unix seconds of the claim; an answer of another time is an older request's.
    at: int = -1

    def feed(self, *texts: bytes) -> None:
        """Go on with what is asked; where a text ends makes a difference."""
        for text in texts:
            self.asked.update(b"%d:" % len(text) + text)

    async def claim(self, store: Store, now: int) -> None:
        """Take the key for this request, unless it has it. Raises KeyUsed."""
        partition, key = layout.idempotency(self.owner), layout.answer_key(self.digest)
        asked = self.asked.hexdigest()

        async def attempt() -> None:
            found = await store.get(partition, key)
            if found is None or found.data["at"] + KEPT_SECONDS <= now:
                self.id, self.at = self.new_id(), now
                data = {"asked": asked, "id": self.id, "at": now}
                version = None if found is None else found.version
                await store.commit(partition, [Put(key, data, version, due=now + KEPT_SECONDS)])
            elif found.data["asked"] != asked:
                raise KeyUsed
            else:
                self.id, self.at = found.data["id"], found.data["at"]

        await until_committed(attempt)

    def answered(self, answer: Json) -> list[Put]:
        """The rows that go into the commit which carries the request out."""
        rows = {layout.answer_key(self.digest): {"answer": answer, "at": self.at}}
        if answer["object"] in DELETED_ALONE:
            rows[about(answer["id"], self.digest)] = {"digest": self.digest}
        return [Put(key, data, due=self.at + KEPT_SECONDS) for key, data in rows.items()]

    async def look(self, store: Store, partition: str) -> None:
        """See whether it was carried out. Raises AnsweredBefore."""
        found = await store.get(partition, layout.answer_key(self.digest))
        if found is None:
            return
        if found.data["at"] == self.at:
            raise AnsweredBefore(found.data["answer"])
        # The key's last day is over, and housekeeping has not been here since.
        await store.commit(partition, [Delete(found.key, found.version)])


def about(object_id: str, digest: str = "") -> str:
    """The key of the row that leads from an object to an answer that told of it; how the keys of all begin."""
    return layout.answer_key(f"of_{object_id}:{digest}")


async def forgotten(store: Store, partition: str, object_id: str) -> list[Delete]:
    """What else the commit that deletes an object removes: the answers that told of it, those that are kept."""
    prefix = about(object_id)
    while leads := await store.scan(partition, prefix, f"{prefix}~", FORGOTTEN_AT_ONCE + 1):
        gone: list[Delete] = []
        for lead in leads[:FORGOTTEN_AT_ONCE]:
            gone.append(Delete(lead.key))
            answer = await store.get(partition, layout.answer_key(lead.data["digest"]))
            # A key whose day was over may stand for something else by now.
            if answer is not None and answer.data["answer"]["id"] == object_id:
                gone.append(Delete(answer.key))
        if len(leads) <= FORGOTTEN_AT_ONCE:
            return gone
        await store.commit(partition, gone)
    return []


def digest_of(key: str, whose: str = "") -> str:
    """What stands for a key, of those that an owner's caller has for himself. Raises InvalidRequest for no key."""
    if KEY.fullmatch(key) is None:
        words = "Invalid 'Idempotency-Key' header. Expected 1 to 255 printable ASCII characters."
        raise InvalidRequest(words, code="invalid_idempotency_key")
    return hashlib.sha256(f"{whose}:{key}".encode()).hexdigest()
