"""Storage operations counted from outside: at the ports of a box, or at its requests to a storage account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from azure.core.pipeline.transport import AioHttpTransport

from shared.app import Storage

STORE: Final = {name: f"table.{name}" for name in ("get", "scan", "prepare", "commit", "overdue")}
BLOBS: Final = {"write": "blob.write", "read": "blob.read", "delete": "blob.delete", "list": "blob.list"}
QUEUE: Final = {name: f"queue.{name}" for name in ("send", "prepare", "receive", "delete", "retry")}
#: What a request to one of the other services does, by its method.
REQUESTS: Final = {
    ("queue", "POST"): "queue.send",
    ("queue", "PUT"): "queue.rewrite",
    ("queue", "GET"): "queue.receive",
    ("queue", "DELETE"): "queue.delete",
    ("blob", "PUT"): "blob.write",
    ("blob", "GET"): "blob.read",
    ("blob", "DELETE"): "blob.delete",
}


class Counting:
    """A port whose calls are counted, each method as one kind of operation."""

    def __init__(self, port: Any, kinds: Mapping[str, str], counter: Counter[str]) -> None:
        self._port, self._kinds, self._counter = port, kinds, counter

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        if name not in self._kinds:
            return method

        def counted(*arguments: Any, **named: Any) -> Any:
            self._counter[self._kinds[name]] += 1
            return method(*arguments, **named)

        return counted


def counting(storage: Storage, counter: Counter[str]) -> Storage:
    """The same homes, with what is asked of them counted by kind."""
    return replace(
        storage,
        store=Counting(storage.store, STORE, counter),
        blobs=Counting(storage.blobs, BLOBS, counter),
        runs=Counting(storage.runs, QUEUE, counter),
        ingestion=Counting(storage.ingestion, QUEUE, counter),
    )


class CountingTransport(AioHttpTransport):  # type: ignore[misc]  # loaded lazily, so nobody knows its type
    """Sends requests to a storage account and counts them by kind, each attempt as one."""

    def __init__(self, services: Mapping[int, str], counter: Counter[str]) -> None:
        """`services` are `table`, `queue` and `blob` by their ports."""
        super().__init__()
        self._services, self._counter = services, counter

    async def send(self, request: Any, **options: Any) -> Any:
        """Count and send."""
        url = urlsplit(request.url)
        service = self._services[url.port or 0]
        if service == "table":
            kind = table_operation(request.method, unquote(url.query))
        else:
            kind = REQUESTS.get((service, request.method), f"{service}.other")
        self._counter[kind] += 1
        return await super().send(request, **options)


def table_operation(method: str, query: str) -> str:
    """What a request about records does."""
    if method == "POST":
        return "table.commit"
    if "$filter=" not in query:
        return "table.get"
    return "table.overdue" if "$filter=due " in query else "table.scan"
