"""One entity-group transaction, carried through throttling, lost answers and a table that is not there yet.

Every entity that it writes bears its token. When an answer was lost and the next attempt is refused, the token tells
whether the first attempt had been applied.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.data.tables import TableTransactionError

from shared.azure.account import code_of, is_transient, retry
from shared.backoff import Backoff
from shared.json_types import Json
from shared.store.base import Change, Conflict, Delete, Existing, NotFound, Put, StoreError, Unavailable
from shared.store.entity_group import Write
from shared.store.table import EntityTable

#: The version of a record that somebody else wrote right after our commit: nothing is ever at it.
OVERWRITTEN: Final = "W/\"datetime'1601-01-01T00%3A00%3A00.0000000Z'\""
#: What the service says when a precondition fails.
REFUSALS: Final = frozenset(
    {"EntityAlreadyExists", "ResourceNotFound", "EntityNotFound", "UpdateConditionNotSatisfied", "ConditionNotMet"}
)


@dataclass(frozen=True, slots=True)
class Operation:
    """A change with the entity that it writes or names."""

    change: Change
    entity: Json
    #: Whether a put takes the place of whatever is there.
    replaces: bool = False

    def write(self) -> Write:
        """What is to be done to the entity."""
        match self.change:
            case Put() if self.replaces:
                return Write("PUT", self.entity)
            case Put(version=None):
                return Write("POST", self.entity)
            case Put(version=Existing()):
                return Write("PUT", self.entity, "*")
            case Put(version=str(version)):
                return Write("PUT", self.entity, version)
            case Delete(version=None):
                return Write("DELETE", self.entity, "*")
            case Delete(version=str(version)):
                return Write("DELETE", self.entity, version)
        raise TypeError(f"{self.change!r} is no change")

    def is_blind(self) -> bool:
        """Whether it deletes a record that may as well be missing."""
        return isinstance(self.change, Delete) and self.change.version is None


@dataclass(frozen=True, slots=True)
class Transaction:
    """The operations of one commit."""

    table: EntityTable
    create_table: Callable[[], Awaitable[None]]
    token: str
    backoff: Backoff

    async def apply(self, operations: Sequence[Operation]) -> dict[str, str]:
        """Apply all or nothing; the new versions by key."""
        left = list(operations)
        waits = self.backoff.delays()
        in_doubt = False
        while left:
            try:
                return await self._attempt(left)
            except AzureError as error:
                if is_transient(error) or code_of(error) == "TableNotFound":
                    in_doubt = in_doubt or is_transient(error)
                    await self._prepare_next(error, next(waits, None))
                    continue
                refused = _refused(error, left)
                if refused.is_blind():
                    left.remove(refused)
                    continue
                applied = await self._applied(left) if in_doubt else None
                if applied is None:
                    raise _refusal(refused.change) from error
                return applied
        return {}

    async def _attempt(self, operations: Sequence[Operation]) -> dict[str, str]:
        etags = await self.table.submit([operation.write() for operation in operations])
        return {operation.change.key: etag for operation, etag in zip(operations, etags, strict=True)}

    async def _prepare_next(self, error: AzureError, delay: float | None) -> None:
        if delay is None:
            raise Unavailable(str(error)) from error
        if code_of(error) == "TableNotFound":
            await self.create_table()
        else:
            await asyncio.sleep(delay)

    async def _applied(self, operations: Sequence[Operation]) -> dict[str, str] | None:
        """The versions, if an earlier attempt was applied although its answer was lost."""
        found = {operation.change.key: await self._read(operation.entity) for operation in operations}
        ours = {key: entity["etag"] for key, entity in found.items() if entity and self._wrote(entity)}
        puts = [operation.change.key for operation in operations if isinstance(operation.change, Put)]
        if ours:
            return {key: ours.get(key, OVERWRITTEN) for key in puts}
        # Deletes leave no token: what is gone is as we wanted it.
        return {} if not puts and all(entity is None for entity in found.values()) else None

    async def _read(self, entity: Json) -> Json | None:
        try:
            return await retry(lambda: self.table.get(entity["PartitionKey"], entity["RowKey"]), self.backoff)
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            raise Unavailable(str(error)) from error

    def _wrote(self, entity: Json) -> bool:
        return entity.get("token") == self.token


def _refused(error: AzureError, operations: Sequence[Operation]) -> Operation:
    """The operation whose precondition failed. Raises Unavailable when the error is something else."""
    if isinstance(error, TableTransactionError) and code_of(error) in REFUSALS:
        return operations[int(error.index)]
    raise Unavailable(str(error)) from error


def _refusal(change: Change) -> StoreError:
    if isinstance(change.version, Existing):
        return NotFound(f"{change.key} does not exist")
    return Conflict(f"{change.key} exists" if change.version is None else f"{change.key} is not at {change.version}")
