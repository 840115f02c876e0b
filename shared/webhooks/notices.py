"""The queue's messages about what must be told: one for each event and each webhook that hears of it.

As every message, it is sent before the commit that it tells of; whoever takes it sees whether that came. Its id follows
from the event, so that a notice which is sent twice is known by it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from shared import json_text
from shared.deps import Deps
from shared.json_types import Json
from shared.queue.base import QueueMessage
from shared.webhooks import events

#: Hexadecimal digits of an id.
ID_LENGTH: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice(QueueMessage):
    """Somebody must tell a webhook of an event."""

    #: The webhook's name in the settings.
    webhook: str
    #: The same however often it is sent, and to whom.
    notice_id: str
    type: str
    owner: str
    #: Unix seconds of the event.
    at: int
    #: What is told of it: ids and the status.
    data: Json
    #: By what the commit is known that it tells of.
    mark: str = ""
    #: Whether that commit was seen.
    happened: bool = False
    #: How often it could not be delivered.
    failures: int = 0
    kind: str = field(default="webhook")

    def body(self) -> bytes:
        """What the webhook is sent."""
        time = datetime.fromtimestamp(self.at, UTC).isoformat().replace("+00:00", "Z")
        return json_text.ascii_bytes({"type": self.type, "timestamp": time, "data": self.data})


def is_notice(body: Json) -> bool:
    """Whether a message of the queue of runs is one of these."""
    return body.get("kind") == "webhook"


async def send(deps: Deps, owner: str, type_: str, data: Json, mark: str) -> None:
    """Have every webhook told that hears of such events, if the commit comes that is known by the mark.

    Raises QueueUnavailable.
    """
    parts: Sequence[str] = (owner, type_, *(str(each) for each in data.values()), mark)
    notice_id = "msg_" + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:ID_LENGTH]
    for name in events.listening(deps.settings, owner, type_):
        notice = Notice(webhook=name, notice_id=notice_id, type=type_, owner=owner, at=deps.now(), data=data, mark=mark)
        await deps.queue.send(notice.to_json())
