"""Tokens for browsers and devices: an owner makes one for one thread, some assistants and a few verbs, for minutes.

A token is `boxt-OWNER.ID.EXPIRY.SIGNATURE`: whoever made it up, or kept it too long, is refused before the store is
asked. What it allows, and how much of that was used, is in a row of its owner; a token without a row was revoked.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import re
from dataclasses import dataclass
from typing import Final

from shared import ids, layout
from shared.deps import Caller, Deps
from shared.errors import Forbidden, NotFoundError, Unauthorized, not_found
from shared.json_types import Json
from shared.objects.client_token import VERBS, ClientToken, NewClientToken, TokenLimits
from shared.objects.client_token_requests import CreateClientToken
from shared.optimistic import check_shape, find, until_committed
from shared.paging import ListQuery, Page, newest_page
from shared.store.base import MAX_CHANGES, Delete, Put, Record

logger = logging.getLogger(__name__)

#: How every token begins.
PREFIX: Final = "boxt-"
TOKEN: Final = re.compile(r"boxt-([A-Za-z0-9_-]{1,63})\.(ctok_[A-Za-z0-9]{1,64})\.([0-9]{1,12})\.([A-Za-z0-9_-]{43})")
#: What the box's secret is used for here.
PURPOSE: Final = b"client tokens"
#: Rows of tokens that are over, removed when another is made.
FORGOTTEN: Final = 50
#: Seconds by which a stream may outlive the token that began it; so long, the row of a token that is over stays.
STREAMS_OUTLIVE: Final = 3600

INVALID: Final = "This client token is none that this box has made."
EXPIRED: Final = "This client token has expired. Ask whoever made it for another one."
REVOKED: Final = "This client token was revoked."
OTHER_THREAD: Final = "This client token is for one thread, and not for this one."
HAS_THREAD: Final = "This client token has its thread already."
USED_UP: Final = "This client token is used up: {} of {} {}, and {} more were asked for."


@dataclass(frozen=True, slots=True)
class Grant:
    """A token that was presented, and whose it is."""

    owner: str
    token: ClientToken


async def make(caller: Caller, body: CreateClientToken) -> Json:
    """A new token; this answer alone shows it. Raises InvalidRequest and NotFoundError."""
    deps, store = caller.deps, caller.deps.store
    for assistant in body.assistant_ids:
        check_shape(assistant, "assistant", "asst", "assistant_ids")
        await find(store, layout.assistants(caller.owner), assistant, "assistant")
    if body.thread_id is not None:
        check_shape(body.thread_id, "thread", "thread", "thread_id")
        if await store.get(layout.thread(caller.owner, body.thread_id), layout.THREAD_KEY) is None:
            raise not_found("thread", body.thread_id)
    asked = {} if body.limits is None else body.limits.model_dump(exclude_none=True)
    made = ClientToken(
        id=ids.newest_first(layout.GRANT),
        created_at=deps.now(),
        expires_at=deps.now() + body.expires_in,
        thread_id=body.thread_id,
        assistant_ids=[*dict.fromkeys(body.assistant_ids)],
        verbs=[each for each in VERBS if body.verbs is None or each in body.verbs],
        limits=TokenLimits(**asked),
    )
    old = [Delete(row.key) for row in await _oldest(caller) if row.data["expires_at"] + STREAMS_OUTLIVE < deps.now()]
    partition = layout.client_tokens(caller.owner)
    await store.commit(partition, [*old, Put(made.id, made.to_json())])
    logger.info("client token made", extra={"action": "client_token_made", "owner": caller.owner, "token_id": made.id})
    token = await _signed(deps, caller.owner, made.id, made.expires_at)
    return NewClientToken.from_json({**made.to_json(), "token": token}).to_json()


async def page(caller: Caller, query: ListQuery) -> Page:
    """The owner's tokens, newest first; those that are over stay until others are made."""
    partition = layout.client_tokens(caller.owner)
    return await newest_page(caller.deps.store, partition, layout.GRANT, "client token", query)


async def revoke(caller: Caller, token_id: str) -> Json:
    """Let a token open nothing from now on. Raises NotFoundError."""
    check_shape(token_id, "client token", layout.GRANT, "token_id")
    partition = layout.client_tokens(caller.owner)
    row = await find(caller.deps.store, partition, token_id, "client token")
    await caller.deps.store.commit(partition, [Delete(row.key)])
    return {"id": token_id, "object": "client_token.deleted", "deleted": True}


async def revoke_all(deps: Deps, owner: str) -> None:
    """The same for all of an owner's: the key that they were made with is not the owner's any more."""
    partition = layout.client_tokens(owner)
    while rows := await deps.store.scan(partition, "!", "~", MAX_CHANGES):
        await deps.store.commit(partition, [Delete(each.key) for each in rows])


async def grant(deps: Deps, presented: str) -> Grant:
    """What a token allows that somebody presents. Raises Unauthorized."""
    found = TOKEN.fullmatch(presented)
    if found is None:
        raise Unauthorized(INVALID, code="invalid_client_token")
    owner, token_id, expiry, _ = found.groups()
    expected = await _signed(deps, owner, token_id, int(expiry))
    if not hmac.compare_digest(expected.encode(), presented.encode()):
        raise Unauthorized(INVALID, code="invalid_client_token")
    if deps.clock() >= int(expiry):
        raise Unauthorized(EXPIRED, code="client_token_expired")
    row = await deps.store.get(layout.client_tokens(owner), token_id)
    if row is None:
        raise Unauthorized(REVOKED, code="client_token_revoked")
    return Grant(owner, ClientToken.from_json(row.data))


async def check(deps: Deps, given: Grant) -> None:
    """See that a stream may go on that the token began: its time may be over, but it was not revoked.

    Raises Unauthorized.
    """
    if deps.clock() >= given.token.expires_at + STREAMS_OUTLIVE:
        raise Unauthorized(EXPIRED, code="client_token_expired")
    await _read(given, deps)


async def count(given: Grant, deps: Deps, *, messages: int = 0, runs: int = 0) -> None:
    """Use some of what the token allows, before it is done. Raises Forbidden and Unauthorized."""

    async def attempt() -> None:
        token, version = await _read(given, deps)
        token.used.messages += messages
        token.used.runs += runs
        for what, asked in (("messages", messages), ("runs", runs)):
            used, limit = getattr(token.used, what), getattr(token.limits, what)
            if used > limit:
                raise Forbidden(USED_UP.format(used - asked, limit, what, asked), code="client_token_used_up")
        await _write(given, deps, token, version)

    if messages or runs:
        await until_committed(attempt)


async def own_thread(given: Grant, deps: Deps, wanted: str = "") -> str:
    """The id of the thread that the bearer makes now. The same again, if it died before the thread was there.

    `wanted` is the id that it should have, if it has none yet: where a repeated request looks for it.

    Raises Forbidden and Unauthorized.
    """

    async def attempt() -> str:
        token, version = await _read(given, deps)
        if token.thread_id is not None:
            if token.used.threads == 0:
                raise Forbidden(HAS_THREAD, code="insufficient_permissions")  # its owner's, be it there or deleted
            partition = layout.thread(given.owner, token.thread_id)
            if await deps.store.get(partition, layout.THREAD_KEY) is not None:
                raise Forbidden(HAS_THREAD, code="insufficient_permissions")
            return token.thread_id
        token.thread_id, token.used.threads = wanted or ids.newest_first(layout.THREAD), 1
        await _write(given, deps, token, version)
        return token.thread_id

    return await until_committed(attempt)


def check_thread(given: Grant, thread_id: str) -> None:
    """Refuse every thread but the token's own, be it there or not. Raises Forbidden."""
    if given.token.thread_id != thread_id:
        raise Forbidden(OTHER_THREAD, code="insufficient_permissions")


async def _read(given: Grant, deps: Deps) -> tuple[ClientToken, str]:
    try:
        row = await find(deps.store, layout.client_tokens(given.owner), given.token.id, "client token")
    except NotFoundError:
        raise Unauthorized(REVOKED, code="client_token_revoked") from None
    return ClientToken.from_json(row.data), row.version


async def _write(given: Grant, deps: Deps, token: ClientToken, version: str) -> None:
    put = Put(token.id, token.to_json(), version)
    await deps.store.commit(layout.client_tokens(given.owner), [put])


async def _oldest(caller: Caller) -> list[Record]:
    partition, prefix = layout.client_tokens(caller.owner), layout.GRANT
    return await caller.deps.store.scan(partition, prefix, f"{prefix}~", FORGOTTEN, backwards=True)


async def _signed(deps: Deps, owner: str, token_id: str, expires_at: int) -> str:
    said = f"{PREFIX}{owner}.{token_id}.{expires_at}"
    key = hmac.digest(await deps.session_secret.get(), PURPOSE, hashlib.sha256)
    signature = hmac.digest(key, said.encode(), hashlib.sha256)
    return f"{said}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
