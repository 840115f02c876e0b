"""Links that sign in to the page: the code in a link's fragment, which no request carries, buys a key, once.

Codes are in the store, as digests: one process may make what another takes. Who makes them has the storage, and so
everything; without a key that the settings have in plain there is nothing to hand out, and on Azure there is none.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from shared import layout
from shared.api.answers import answer
from shared.api.auth import HASHED
from shared.api.directory import Pages
from shared.config import Settings
from shared.deps import Deps
from shared.errors import Unauthorized
from shared.store.base import Conflict, Delete, Put

pages = Pages()

PATH: Final = "/playground/sign_in"
#: What stands before the code in a link.
FRAGMENT: Final = "sign-in="
#: Seconds for which a code may be taken.
LIFETIME: Final = 120
#: Bytes of a code, which is sent as it is.
CODE_BYTES: Final = 32
#: Codes that were never taken, removed when another is made.
FORGOTTEN: Final = 50
TOO_LATE: Final = "This link was used before, or is older than two minutes. `make link` or `box link` prints a new one."


def known_keys(settings: Settings) -> dict[str, str]:
    """Owner -> key, as far as the settings have keys and not their digests alone."""
    keys = {owner: key.get_secret_value() for owner, key in settings.box_api_keys.items()}
    return {owner: key for owner, key in keys.items() if not key.startswith(HASHED)}


async def make(deps: Deps, owner: str) -> str:
    """A code that hands out the owner's key, once, within `LIFETIME`. Raises Unavailable."""
    code = secrets.token_urlsafe(CODE_BYTES * 3 // 4)
    first, last = layout.sign_in_range()
    known = await deps.store.scan(layout.BOX, first, last, FORGOTTEN)
    old = [Delete(each.key) for each in known if each.data["until"] < deps.now()]
    made = Put(layout.sign_in_key(_digest(code)), {"owner": owner, "until": deps.now() + LIFETIME})
    await deps.store.commit(layout.BOX, [*old, made])
    return code


async def take(deps: Deps, code: str) -> str | None:
    """The key that the code hands out; None if there is none, if somebody was faster, or if it is too old."""
    key = layout.sign_in_key(_digest(code))
    found = await deps.store.get(layout.BOX, key)
    if found is None:
        return None
    try:
        await deps.store.commit(layout.BOX, [Delete(key, found.version)])
    except Conflict:
        return None
    return known_keys(deps.settings).get(found.data["owner"]) if deps.now() <= found.data["until"] else None


@pages.post(PATH)
async def sign_in(request: Request) -> Response:
    """Takes the code of a link that signs in, which is the body, once, and gives the page its key."""
    deps: Deps = request.app.deps
    code = b""
    async for piece in request.stream():
        code += piece
        if len(code) > CODE_BYTES:
            break
    # Anybody may ask here: nothing but a code, and none of a box that hands out nothing, gets as far as the store.
    key = await take(deps, code.decode("ascii", "replace")) if _may_be(code, deps.settings) else None
    if key is None:
        raise Unauthorized(TOO_LATE, code="invalid_code")
    return answer({"key": key})


def _may_be(code: bytes, settings: Settings) -> bool:
    return len(code) == CODE_BYTES and bool(known_keys(settings))


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
