"""Who may call a box, and keys that are made and removed while it runs.

Owners of the settings are shown and left alone. Without keys an owner cannot call, but what it has stays: objects
belong to a name, and a new key of that name opens them again.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from shared import client_tokens
from shared.deps import Deps
from shared.errors import InvalidRequest, not_found
from shared.json_types import Json
from shared.objects.owner import NewOwnerKey, Owner, OwnerKey, OwnerList, RemovedKeys
from shared.stored_keys import MOST_KEYS, StoredKey, new_key, owner_name

logger = logging.getLogger(__name__)

API_KEYS: Final = "BOX_API_KEYS"
ENTRA: Final = "ENTRA_OWNERS"
#: Keys that an owner may have beside one another.
KEYS_OF_OWNER: Final = 20


async def list_all(deps: Deps) -> Json:
    """Everybody who may call, by name."""
    stored = await deps.stored_keys.read()
    names = sorted({*settings_of(deps), *(each.owner for each in stored)})
    owners = [
        Owner(name=name, settings=settings_of(deps).get(name, []), keys=[_shown(each) for each in _of(stored, name)])
        for name in names
    ]
    return OwnerList(data=owners).to_json()


async def add_key(deps: Deps, admin: str, name: str) -> Json:
    """A key more for an owner, who need not have one; the answer alone shows it. Raises InvalidRequest."""
    _check(deps, name)
    stored = await deps.stored_keys.read()
    if len(_of(stored, name)) >= KEYS_OF_OWNER or len(stored) >= MOST_KEYS:
        words = f"An owner may have {KEYS_OF_OWNER} keys, all together {MOST_KEYS}: remove some before."
        raise InvalidRequest(words, param="name", code="too_many_keys")
    return await _made(deps, admin, name, [])


async def rotate(deps: Deps, admin: str, name: str) -> Json:
    """A new key instead of all that the owner has; client tokens go, too. Raises InvalidRequest and NotFoundError."""
    made = await _made(deps, admin, name, await _keys_of(deps, name))
    await client_tokens.revoke_all(deps, name)
    return made


async def remove(deps: Deps, admin: str, name: str, key_id: str | None = None) -> Json:
    """Take away an owner's keys, or one of them, and all client tokens. Raises InvalidRequest and NotFoundError."""
    found = await _keys_of(deps, name)
    if key_id is not None:
        found = [each for each in found if each.id == key_id]
        if not found:
            raise not_found("key", key_id)
    await deps.stored_keys.change([each.delete() for each in found])
    _tell_removed(admin, name, found)
    await client_tokens.revoke_all(deps, name)
    return RemovedKeys(id=name, keys=[each.id for each in found]).to_json()


async def names(deps: Deps) -> set[str]:
    """Everybody who may call."""
    return {*settings_of(deps), *(each.owner for each in await deps.stored_keys.read())}


def settings_of(deps: Deps) -> dict[str, list[str]]:
    """Owner -> the settings that let the owner in."""
    found: dict[str, list[str]] = {name: [API_KEYS] for name in deps.settings.box_api_keys}
    for pair in filter(None, deps.settings.entra_owners.split(",")):
        found.setdefault(pair.partition("=")[0].strip(), []).append(ENTRA)
    return found


async def _made(deps: Deps, admin: str, name: str, replaced: Sequence[StoredKey]) -> Json:
    made, key = new_key(name, deps.now())
    await deps.stored_keys.change([made.put(), *(each.delete() for each in replaced)])
    logger.info("key made", extra={"action": "key_made", "owner": name, "key_id": made.id, "admin": admin})
    _tell_removed(admin, name, replaced)
    return NewOwnerKey(**_shown(made).to_json(), key=key).to_json()


async def _keys_of(deps: Deps, name: str) -> list[StoredKey]:
    """The owner's keys, which may be changed."""
    _check(deps, name)
    found = _of(await deps.stored_keys.read(), name)
    if not found:
        raise not_found("owner", name)
    return found


def _check(deps: Deps, name: str) -> None:
    try:
        owner_name(name)
    except ValueError as error:
        raise InvalidRequest(f"Invalid 'name': {error}.", param="name", code="invalid_value") from None
    if name in deps.settings.box_api_keys:
        words = f"The key of {name} is in {API_KEYS} (or .box/api_key, if the box made it itself): change it there."
        raise InvalidRequest(words, param="name", code="owner_of_settings")


def _of(stored: Sequence[StoredKey], name: str) -> list[StoredKey]:
    return [each for each in stored if each.owner == name]


def _shown(key: StoredKey) -> OwnerKey:
    return OwnerKey(id=key.id, owner=key.owner, created_at=key.created_at)


def _tell_removed(admin: str, name: str, removed: Sequence[StoredKey]) -> None:
    for each in removed:
        logger.info("key removed", extra={"action": "key_removed", "owner": name, "key_id": each.id, "admin": admin})
