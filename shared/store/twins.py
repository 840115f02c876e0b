"""How an Azure table, which cannot be read backwards, lists a collection oldest first.

An object's row in a collection is written and deleted together with its twin: an empty row whose key sorts the other
way round. Twins only say where to begin reading: rows without one (of versions that wrote none) and twins without a row
(of those that delete none) cost time, never a row in the answer.
"""

from __future__ import annotations

from typing import Final

from shared import layout
from shared.ids import ALPHABET
from shared.json_types import Json
from shared.store.base import Change, Delete, Put, encode
from shared.store.entities import data_properties
from shared.store.transaction import Operation

_FORWARDS: Final = f"!{ALPHABET}~"
_TURNED: Final = str.maketrans(_FORWARDS, _FORWARDS[::-1])


def twin_of(key: str) -> str:
    """The key of a record's twin."""
    return layout.TWIN + key.translate(_TURNED)


def key_of(twin: str) -> str:
    """The inverse of `twin_of`."""
    return twin.removeprefix(layout.TWIN).translate(_TURNED)


def twins_between(first: str, last: str) -> tuple[str, str]:
    """The range of the twins of the records with `first <= key < last`, those of the last records first."""
    return twin_of(last) + "!", twin_of(first) + "~"


def with_twins(partition: str, changes: list[Operation], token: str) -> list[Operation]:
    """The operations, and what they mean for the twins of a collection's rows."""
    if not layout.is_collection(partition):
        return changes
    of_twins = (_of_twin(partition, operation.change, token) for operation in changes)
    return [*changes, *(each for each in of_twins if each is not None)]


def _of_twin(partition: str, change: Change, token: str) -> Operation | None:
    if change.key.startswith(layout.BESIDE):
        return None
    place: Json = {"PartitionKey": partition, "RowKey": twin_of(change.key)}
    match change:
        case Delete():
            return Operation(Delete(place["RowKey"]), place)
        case Put(version=None):
            entity = place | {"token": token} | data_properties(encode({}))
            return Operation(Put(place["RowKey"], {}), entity, replaces=True)
    return None
