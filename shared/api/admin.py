"""Routes of administrators: there for keys of BOX_ADMIN_KEYS alone, and only where that setting names some."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from shared import holds, owners
from shared.api import usage
from shared.api.answers import answer
from shared.api.openapi import Deleted
from shared.api.query import Query, text
from shared.api.routing import Routes
from shared.deps import Caller
from shared.errors import InvalidRequest
from shared.objects.hold import Hold, HoldList
from shared.objects.hold_requests import CreateHold
from shared.objects.owner import NewOwnerKey, OwnerList, RemovedKeys
from shared.objects.owner_requests import CreateOwner
from shared.objects.usage import UsageReport
from shared.retention import holding
from shared.stored_keys import owner_name
from shared.usage.report import Period

routes = Routes("/v1/admin", "Administration")


def _name(request: Request) -> object:
    return request.scope["box"].admin


#: The administrator who asks, for the log.
ADMIN = Query("admin", (), _name)
OWNER = text("owner", "This owner's only; else everybody's who may call.")


@routes.get("/owners", gives=OwnerList)
async def list_owners(caller: Caller) -> Response:
    """List who may call: the settings that say so, and keys made at run time, which are never shown."""
    return answer(await owners.list_all(caller.deps))


@routes.post("/owners", gives=NewOwnerKey, query=[ADMIN])
async def add_owner(caller: Caller, body: CreateOwner, admin: str) -> Response:
    """Make a key for an owner, new or not; this answer alone shows it."""
    return answer(await owners.add_key(caller.deps, admin, body.name))


@routes.post("/owners/{owner}/rotate", gives=NewOwnerKey, query=[ADMIN])
async def rotate_owner(caller: Caller, owner: str, admin: str) -> Response:
    """Make a new key for an owner and remove all others; this answer alone shows it."""
    return answer(await owners.rotate(caller.deps, admin, owner))


@routes.delete("/owners/{owner}", gives=RemovedKeys, query=[ADMIN])
async def remove_owner(caller: Caller, owner: str, admin: str) -> Response:
    """Remove an owner's keys; what belongs to the owner stays, and a new key opens it again."""
    return answer(await owners.remove(caller.deps, admin, owner))


@routes.delete("/owners/{owner}/keys/{key_id}", gives=RemovedKeys, query=[ADMIN])
async def remove_key(caller: Caller, owner: str, key_id: str, admin: str) -> Response:
    """Remove one key of an owner."""
    return answer(await owners.remove(caller.deps, admin, owner, key_id))


@routes.get("/owners/{owner}/holds", gives=HoldList)
async def list_holds(caller: Caller, owner: str) -> Response:
    """List an owner's legal holds, newest first."""
    found = await holds.of(_of(caller, owner))
    return answer(HoldList(data=found).to_json())


@routes.post("/owners/{owner}/holds", gives=Hold)
async def add_hold(caller: Caller, owner: str, body: CreateHold) -> Response:
    """Put a thread on legal hold, or all with some metadata: they can't be deleted, and neither can their files."""
    made = await holding.add(
        _of(caller, owner), thread_id=body.thread_id, metadata=body.metadata or {}, reason=body.reason or ""
    )
    return answer(made.to_json())


@routes.delete("/owners/{owner}/holds/{hold_id}", gives=Deleted)
async def remove_hold(caller: Caller, owner: str, hold_id: str) -> Response:
    """End a legal hold."""
    await holding.lift(_of(caller, owner), hold_id)
    return answer({"id": hold_id, "object": "legal_hold.deleted", "deleted": True})


@routes.get("/usage", gives=UsageReport, query=[*usage.QUERY, OWNER])
async def get_usage(
    caller: Caller, start: str | None, end: str | None, group_by: str | None, form: str | None, owner: str | None
) -> Response:
    """Tell what all owners have used; by `owner`, if `group_by` says nothing else."""
    period = Period.of(start, end, group_by or "owner", caller.deps.clock())
    names = sorted(await owners.names(caller.deps)) if owner is None else [_of(caller, owner).owner]
    return await usage.answered(caller, names, period, form)


def _of(caller: Caller, owner: str) -> Caller:
    """The owner, on whose behalf an administrator acts. Raises InvalidRequest."""
    try:
        return Caller(caller.deps, owner_name(owner))
    except ValueError as error:
        raise InvalidRequest(f"Invalid 'owner': {error}.", param="owner", code="invalid_value") from None
