"""Real adapters between which and the box a test can stand: to be slow, to fail, to lose."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from shared.app import Storage


class Port:
    """An adapter, some of whose methods a test replaces: `port.replace(get=slowly)`.

    What replaces a method is handed the adapter's own first: `async def slowly(get, partition, key)`.
    """

    def __init__(self, adapter: Any):
        self._adapter = adapter
        self._instead: dict[str, Any] = {}

    def replace(self, **methods: Any) -> None:
        """Put these in place of the adapter's; without any, all is as it was."""
        self._instead = methods

    def __getattr__(self, name: str) -> Any:
        own = getattr(self._adapter, name)
        return partial(self._instead[name], own) if name in self._instead else own


def ported(storage: Storage) -> Storage:
    """The same homes, each behind a `Port`."""
    homes = {name: Port(getattr(storage, name)) for name in ("store", "blobs", "runs", "ingestion")}
    return replace(storage, **homes)
