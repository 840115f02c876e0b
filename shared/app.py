"""The composition root: settings in, a whole box out. The only place that names adapters.

Imported late is what another box, with other settings, does without.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from shared import preload
from shared.api.app import create_app
from shared.blobs.base import Blobs
from shared.box import Box, Close
from shared.budgets.budgets import Budgets
from shared.busy import BusyLines
from shared.config import Settings
from shared.deps import Deps
from shared.home import open_home, outside_of_app
from shared.llm.base import Llm
from shared.llm.provider import Provider
from shared.own_address import without_itself
from shared.queue.base import Queue
from shared.queue.spares import Spares
from shared.runs import children
from shared.runs import webhook_events as run_events
from shared.runs.driven import DrivenRuns
from shared.runs.worker import Worker
from shared.sandbox.base import CodeSandbox
from shared.sealing.base import Sealing
from shared.sealing.key_file import KeyFile
from shared.search.base import Embedders
from shared.search.embeddings.hashed import HashedVectors
from shared.search.index import SegmentIndex
from shared.search.parsing.readers import AT_ONCE, Readers
from shared.session_secret import SessionSecret
from shared.store.base import Store
from shared.stored_keys import StoredKeys
from shared.telemetry.base import Telemetry
from shared.telemetry.choice import telemetry_for
from shared.tools.base import Tool, toolbox
from shared.tools.catalog import catalog
from shared.tools.identity import azure_identity
from shared.usage.log import UsageLog
from shared.vector_stores import webhook_events as file_events
from shared.vector_stores.worker import IngestionWorker
from shared.wakes import Wakes, wakes_at
from shared.webhooks import events
from shared.webhooks.worker import WebhookWorker

if TYPE_CHECKING:  # loaded where there are backups
    from shared.scheduled.worker import BackupWorker

logger = logging.getLogger(__name__)


async def nothing_to_close() -> None:
    """For homes whose ports close all they opened."""


@dataclass(frozen=True, slots=True)
class Storage:
    """The homes of a box's data."""

    store: Store
    blobs: Blobs
    #: Runs to drive.
    runs: Queue
    #: Files to index.
    ingestion: Queue
    #: Closes what the ports share.
    close: Close
    #: Tells the queues' receivers what the processes of this home say to one another.
    wakes: Wakes = field(default_factory=Wakes)
    #: Scheduled backups, and the steps they are taken in; None: the box of a folder has none.
    backups: Blobs | None = None
    backup_steps: Queue | None = None


def build(
    settings: Settings,
    *,
    storage: Storage | None = None,
    llm: Llm | None = None,
    embedders: Embedders | None = None,
    tools: Iterable[Tool] | None = None,
    sandbox: CodeSandbox | None = None,
    telemetry: Telemetry | None = None,
    clock: Callable[[], float] = time.time,
) -> Box:
    """A box for these settings; what else is given replaces ours."""
    settings = without_itself(settings)
    events.check(settings.webhooks)
    storage = storage_for(settings) if storage is None else storage
    telemetry = telemetry_for(settings, clock) if telemetry is None else telemetry
    storage = observed(storage, telemetry)
    busy = BusyLines(storage.store, storage.wakes, clock)
    deps = Deps(
        settings=settings,
        store=storage.store,
        blobs=storage.blobs,
        queue=storage.runs,
        spares=Spares(storage.runs),
        ingestion=storage.ingestion,
        index=SegmentIndex(storage.store, storage.blobs, clock=clock),
        embedders=vectors(settings) if embedders is None else embedders,
        session_secret=SessionSecret(storage.store),
        stored_keys=StoredKeys(storage.store, clock),
        llm=model(settings, busy) if llm is None else llm,
        toolbox=toolbox(server_tools(settings) if tools is None else tools),
        sandbox=code_sandbox(settings) if sandbox is None else sandbox,
        provider=provider(settings),
        identity=azure_identity(settings.azure_client_id),
        usage=UsageLog(storage.store, clock),
        sealing=sealing(settings),
        budgets=Budgets(settings, storage.store, storage.wakes, clock),
        ask_child=children.ask,
        clock=clock,
        readers=Readers(at_once=share(AT_ONCE, settings)),
        wakes=storage.wakes,
        busy=busy,
        backups=storage.backups,
        backup_steps=storage.backup_steps,
        telemetry=telemetry,
    )
    driven = DrivenRuns(deps)
    happened = {run_events.PREFIX: run_events.happened, file_events.PREFIX: file_events.happened}
    webhooks = WebhookWorker(deps, happened)
    asgi = create_app(deps, driven)
    return Box(
        deps, Worker(deps), IngestionWorker(deps), driven, asgi, storage.close, webhooks, scheduled_backups(deps)
    )


def scheduled_backups(deps: Deps) -> BackupWorker | None:
    """Who takes them, where there is a place for them."""
    if deps.backups is None:
        return None
    from shared.scheduled.worker import BackupWorker

    return BackupWorker(deps)


def observed(storage: Storage, telemetry: Telemetry) -> Storage:
    """The storage, of whose use telemetry hears."""
    return replace(
        storage,
        store=telemetry.counted(storage.store, "store"),
        blobs=telemetry.counted(storage.blobs, "blobs"),
        runs=telemetry.counted(telemetry.traced(storage.runs, joins=False), "queues"),
        ingestion=telemetry.counted(telemetry.traced(storage.ingestion, joins=True), "queues"),
    )


def share(bound: int, settings: Settings) -> int:
    """What each of the host's processes gets of what it may have at once: one at the least."""
    return max(1, bound // settings.box_processes)


def storage_for(settings: Settings) -> Storage:
    """The homes these settings name."""
    return azure_storage(settings) if settings.uses_azure_storage else embedded_storage(settings)


async def box() -> Box:
    """This process's box, for hosts that call functions instead of running a program."""
    return _box()


@cache
def _box() -> Box:
    os.umask(0o077)
    return build(outside_of_app(Settings()))


def embedded_storage(settings: Settings) -> Storage:
    """SQLite and a folder in the box's home."""
    from shared.blobs.folder import FolderBlobs
    from shared.queue.sqlite import SqliteQueue
    from shared.sqlite import Database
    from shared.store.sqlite import SqliteStore

    open_home(settings.box_home)
    wakes = wakes_at(settings.box_home, shared=settings.box_processes > 1)
    database = Database(settings.box_home / "box.db")
    return Storage(
        SqliteStore(database),
        FolderBlobs(settings.box_home / "blobs"),
        SqliteQueue(database, "runs", wakes),
        SqliteQueue(database, "ingestion", wakes),
        nothing_to_close,
        wakes,
    )


def azure_storage(settings: Settings, **options: Any) -> Storage:
    """A storage account: the Functions host's, or the emulator. `options` are the client libraries' (`transport`)."""
    from shared.azure.account import StorageAccount
    from shared.blobs.azure import AzureBlobs
    from shared.queue.azure import AzureQueue
    from shared.store.tables import TablesStore

    account = StorageAccount(
        settings.azure_web_jobs_storage.get_secret_value(),
        settings.table_service_uri,
        settings.blob_service_uri,
        settings.queue_service_uri,
        settings.azure_client_id,
        options,
    )
    blobs = AzureBlobs(account.blobs, "files")
    return Storage(
        TablesStore(account.tables, blobs, "records"),
        blobs,
        AzureQueue(account.queues, "runs"),
        AzureQueue(account.queues, "ingestion"),
        account.close,
        wakes_at(settings.box_home, shared=settings.box_processes > 1),
        AzureBlobs(account.blobs, "backups"),
        AzureQueue(account.queues, "backups"),
    )


def model(settings: Settings, busy: BusyLines | None = None) -> Llm:
    """The model provider that the settings name: a Responses endpoint, else the offline demo model."""
    if settings.names_model:
        from shared.llm.responses import from_settings

        if (found := from_settings(settings, busy)) is not None:
            return found
    from shared.demo.offline import OfflineLlm

    return OfflineLlm(can_run_in_background=settings.box_processes == 1)


def provider(settings: Settings) -> Provider | None:
    """Who takes the client's calls that are not ours, if the settings name a model and allow it."""
    if not settings.names_model:
        return None
    from shared.llm.responses.several_forwarding import provider_of

    return provider_of(settings)


def vectors(settings: Settings) -> Embedders:
    """What makes vectors for file search: the model's endpoints, if there are any that can."""
    if settings.embedding_model == "" or not settings.names_model:
        return HashedVectors()
    from shared.llm.responses.endpoint import CredentialRefused
    from shared.llm.responses.members import Members
    from shared.search.embeddings.choice import ModelVectors
    from shared.search.embeddings.openai import VectorSource

    members = Members.of(settings)

    def sources(model: str) -> list[VectorSource]:
        return [VectorSource(each.endpoint.client, each.deployment(model) or model) for each in members.having(model)]

    if not sources(settings.embedding_model):
        return HashedVectors()
    return ModelVectors(sources, settings.embedding_model, members.close, (CredentialRefused,))


def server_tools(settings: Settings) -> list[Tool]:
    """The tools that the settings make possible."""
    return catalog(settings, embedded=not settings.uses_azure_storage)


def sealing(settings: Settings) -> Sealing | None:
    """What seals secrets of requests: a key vault, else a file in the box's home; on Azure without a vault nothing."""
    if settings.key_vault_url:
        from shared.sealing.key_vault import KeyVault

        return KeyVault(settings.key_vault_url, azure_identity(settings.azure_client_id))
    return None if settings.uses_azure_storage else KeyFile(settings.box_home / "sealing_key")


def code_sandbox(settings: Settings) -> CodeSandbox | None:
    """Where model-written code runs, if it is to run anywhere."""
    if settings.sandbox == "none":
        return None
    if settings.sandbox == "aca":
        from shared.sandbox.aca.rest import SessionPool
        from shared.sandbox.aca.sandbox import AcaSandbox

        return AcaSandbox(SessionPool.for_identity(settings.sandbox_pool_endpoint, settings.azure_client_id))
    from shared.sandbox.choice import local_sandbox
    from shared.sandbox.local.sandbox import SESSIONS

    return local_sandbox(settings, share(SESSIONS, settings), partial(preload.load, settings))
