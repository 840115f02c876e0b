"""Owners of a box as its administrators see them. Keys are shown when they are made, and never again."""

from __future__ import annotations

from typing import Literal

from shared.objects.stored import ApiObject


class OwnerKey(ApiObject, kw_only=True):
    """A key that was made at run time."""

    id: str
    object: Literal["owner.key"] = "owner.key"
    owner: str
    created_at: int


class NewOwnerKey(OwnerKey, kw_only=True):
    """The same, just made: the one answer that shows it."""

    key: str


class Owner(ApiObject, kw_only=True):
    """Somebody who may call, by the settings or by keys that were made at run time."""

    name: str
    object: Literal["owner"] = "owner"
    #: The settings that let the owner in; what they say cannot be changed here.
    settings: list[str]
    keys: list[OwnerKey]


class OwnerList(ApiObject, kw_only=True):
    """All owners, by name."""

    object: Literal["list"] = "list"
    data: list[Owner]


class RemovedKeys(ApiObject, kw_only=True):
    """The keys that an owner no longer has. What belongs to the owner stays."""

    id: str
    object: Literal["owner.deleted"] = "owner.deleted"
    deleted: bool = True
    keys: list[str]
