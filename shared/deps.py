"""What a use case may touch, in one value. `app.py` fills it; tests fill it with doubles at the ports."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from msgspec import Struct

from shared.blobs.base import Blobs
from shared.budgets.budgets import Budgets
from shared.busy import BusyLines
from shared.config import Settings
from shared.deadline import function_timeout
from shared.idempotency import Once
from shared.json_types import Json
from shared.llm.base import Llm
from shared.llm.provider import Provider
from shared.objects.run import ChildRun
from shared.optimistic import until_committed
from shared.queue.base import Queue
from shared.queue.spares import Spares
from shared.sandbox.base import CodeSandbox
from shared.sealing.base import Sealing
from shared.search.base import Embedders, Index
from shared.search.names import IndexNames
from shared.search.parsing.readers import Readers
from shared.session_secret import SessionSecret
from shared.store.base import Put, Store
from shared.stored_keys import StoredKeys
from shared.telemetry.base import OFF, Telemetry
from shared.tools.base import Toolbox
from shared.tools.identity import Identity, azure_identity
from shared.usage.log import UsageLog
from shared.wakes import Wakes

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Deps:
    """The ports and settings of one host."""

    settings: Settings
    store: Store
    blobs: Blobs
    #: Runs to drive.
    queue: Queue
    #: Sends into the queue of runs what is mostly taken back.
    spares: Spares
    #: Files to index for vector stores.
    ingestion: Queue
    llm: Llm
    index: Index
    embedders: Embedders
    session_secret: SessionSecret
    stored_keys: StoredKeys
    #: Writes down what runs have used.
    usage: UsageLog
    #: Say what owners and assistants may use.
    budgets: Budgets
    #: Lets a run begin another one: what that says at its end. Raises ToolFailure. Who drives runs knows how.
    ask_child: Callable[[Deps, ChildRun], Awaitable[str]]
    #: Seconds since 1970, with fractions.
    clock: Callable[[], float]
    #: Tools the box runs itself, by name.
    toolbox: Toolbox = field(default_factory=dict)
    #: Whose tokens tools of assistants may be sent, where the operator says so.
    identity: Identity = field(default_factory=lambda: azure_identity(""))
    #: What seals the secrets that requests bring; None: requests with secrets are refused.
    sealing: Sealing | None = None
    #: Where model-written code runs; None: nowhere, and the code interpreter is not offered.
    sandbox: CodeSandbox | None = None
    #: Who takes the client's calls that are not ours; None: nobody.
    provider: Provider | None = None
    #: Which index is whose.
    index_names: IndexNames = field(default_factory=IndexNames)
    #: Where scheduled backups go, and the queue of their steps; None: the box of a folder has none.
    backups: Blobs | None = None
    backup_steps: Queue | None = None
    #: The processes that read files.
    readers: Readers = field(default_factory=Readers)
    #: Tells of runs that were changed by somebody else.
    wakes: Wakes = field(default_factory=Wakes)
    #: Who hears of the box's work.
    telemetry: Telemetry = OFF
    #: Who waits for a busy model.
    busy: BusyLines = field(default_factory=BusyLines)

    @property
    def granted(self) -> float:
        """Seconds that the host lets an invocation take."""
        return function_timeout(self.settings.function_timeout)

    def now(self) -> int:
        """Unix seconds, as every timestamp of the API is."""
        return int(self.clock())

    async def close(self) -> None:
        """Release what the ports hold; storage may share more, which its home closes."""
        await self.busy.close()
        self.wakes.close()
        await self.readers.close()
        await self.usage.flush()
        await self.spares.close()
        outside = (self.sandbox, self.llm, self.provider, self.embedders)
        queues = (self.queue, self.ingestion, self.backup_steps)
        for port in (*outside, *queues, self.store, self.blobs, self.backups):
            if port is not None:
                await port.close()
        await self.telemetry.close()


class Caller(Struct, frozen=True):
    """On whose behalf a use case works, and what it may touch: all that it reads and writes is this owner's."""

    deps: Deps
    #: The name that the settings give to an API key or an identity; part of every partition's and blob's name.
    owner: str
    #: The id that a thread will have which the caller makes; None: a new one.
    thread_id: str | None = None
    #: The request, if it must not be carried out twice.
    once: Once | None = None
    #: Whether the request may wait until its thread is free.
    waits: bool = False

    def answering(self, answer: Json) -> list[Put]:
        """What goes into the commit that carries the request out, so that it is answered likewise again."""
        return [] if self.once is None else self.once.answered(answer)

    async def look(self, partition: str) -> None:
        """See whether the request was carried out meanwhile. Raises AnsweredBefore."""
        if self.once is not None:
            await self.once.look(self.deps.store, partition)

    async def carry_out(self, partition: str, attempt: Callable[[], Awaitable[Result]]) -> Result:
        """Repeat an attempt that commits there until it meets no conflict. Raises Conflict and AnsweredBefore."""
        return await until_committed(attempt, lambda: self.look(partition))
