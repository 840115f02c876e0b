"""Modules that the box loads on first use, loaded all at once by a thread before foreign code first runs beside it.

Loading late keeps the start cheap. But code inside the sandbox reads the very files that modules come from: the event
loop must not have to open one once there is such code.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from typing import Final

from shared.config import Settings

#: File search and the tools; behind the dots of libraries what those load late themselves.
_ALWAYS: Final = (
    "anyio._backends._asyncio",
    "bm25s.stopwords",
    "cryptography.exceptions",
    "cryptography.hazmat.primitives.ciphers.aead",
    "httpcore2",
    "httpx2",
    "lxml.html",
    "mcp.client.sse",
    "mcp.client.streamable_http",
    "mcp.types",
    "numpy",
    "shared.search.merging",
    "shared.search.ranking",
    "shared.search.segment",
    "shared.tools.checked_transport",
    "shared.whole_answers",
)
_NO_MODEL: Final = ("shared.demo.offline.turn",)
_MODEL: Final = (
    "aiohttp",
    "azure.core.exceptions",
    "openai",
    "openai.resources.embeddings",
    "shared.llm.responses.transport",
)
_ENTRA: Final = ("jwt",)
_IDENTITY: Final = ("azure.identity.aio", "azure.identity.aio._credentials.imds")
_STORAGE: Final = ("azure.data.tables.aio", "azure.storage.blob.aio", "azure.storage.queue.aio", "shared.azure.account")


def modules(settings: Settings) -> list[str]:
    """What a box with these settings may load on its event loop."""
    azure_model = settings.azure_openai_endpoint != "" or any(
        each.identity for each in settings.model_endpoints.values()
    )
    logic_apps = settings.send_email_url != "" or settings.create_event_url != ""
    queues = settings.azure_function_queue_hosts != ""
    vault = settings.key_vault_url != ""
    wanted = (
        (True, _ALWAYS),
        (settings.names_model, _MODEL),
        (not settings.names_model, _NO_MODEL),
        (settings.entra_owners != "", _ENTRA),
        (settings.uses_azure_storage or queues, _STORAGE),
        (azure_model or settings.uses_azure_storage or queues or logic_apps or vault, _IDENTITY),
    )
    return [name for is_wanted, names in wanted if is_wanted for name in names]


def load(settings: Settings) -> None:
    """Load them; takes a second or two of a thread."""
    for name in modules(settings):
        with suppress(ImportError):  # whoever needs it says so better
            import_module(name)
