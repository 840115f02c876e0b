"""Routes of legal holds: an owner sees which of its threads cannot be deleted. Operators set them (`box hold`)."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel
from starlette.responses import Response

from shared import holds
from shared.api.answers import answer
from shared.api.routing import Routes
from shared.deps import Caller

routes = Routes("/v1/legal_holds", "Legal holds")


class LegalHold(BaseModel):
    """A thread, or all threads with this metadata, that cannot be deleted."""

    id: str
    object: Literal["legal_hold"] = "legal_hold"
    created_at: int
    thread_id: str | None
    metadata: dict[str, str]


class LegalHoldList(BaseModel):
    """The owner's legal holds, newest first."""

    object: Literal["list"] = "list"
    data: list[LegalHold]


@routes.get("", gives=LegalHoldList)
async def list_all(caller: Caller) -> Response:
    """List the legal holds."""
    found = [each.to_json() for each in await holds.of(caller)]
    shown = [{name: value for name, value in each.items() if name != "reason"} for each in found]
    return answer({"object": "list", "data": shown})
