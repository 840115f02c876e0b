"""The same where a storage account has it all: no row, blob, message or name of one is left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from shared.tools.delivery import AllowedDomains
from shared.tools.outbox import Outbox
from shared.tools.send_email import send_email_tool
from tests.api.canary import CANARY, OTHER, live, readable
from tests.api.conftest import KEY
from tests.contract.conftest import azurite, azurite_installed  # noqa: F401  fixtures
from tests.host.test_command_line import box as program


@pytest.fixture
def settings(tmp_path, azurite) -> dict[str, Any]:  # noqa: F811
    home = tmp_path / "home"
    return {"sandbox": "auto", "box_home": home, "AzureWebJobsStorage": azurite}


@pytest.fixture
def tools(tmp_path):
    return [send_email_tool(Outbox(tmp_path / "sent", "email"), AllowedDomains.parse("example.com"))]


def stored(account: str) -> Iterator[tuple[str, bytes]]:
    """Everything that the account has: what it is called, and its bytes."""
    with TableServiceClient.from_connection_string(account) as tables:
        for table in tables.list_tables():
            for entity in tables.get_table_client(table.name).list_entities():
                data = b"".join(value if isinstance(value, bytes) else str(value).encode() for value in entity.values())
                yield f"row {entity['PartitionKey']} {entity['RowKey']}", data
    with BlobServiceClient.from_connection_string(account) as blobs:
        for container in blobs.list_containers():
            client = blobs.get_container_client(container.name)
            for blob in client.list_blobs(include=["uncommittedblobs", "deleted", "snapshots"]):
                yield f"blob {blob.name}", client.download_blob(blob.name).readall()
    with QueueServiceClient.from_connection_string(account) as queues:
        for queue in queues.list_queues():
            for message in queues.get_queue_client(queue.name).peek_messages(32):
                yield f"message of {queue.name}", str(message.content).encode()


def places(account: str, word: str) -> list[str]:
    """Where the word can be read."""
    return [name for name, data in stored(account) if word in name or word.encode() in readable(data)]


@pytest.mark.long
def test_an_erased_user_is_nowhere_in_the_storage_account(client, llm, azurite, settings):  # noqa: F811
    live(client, llm, "ben", OTHER)
    live(client, llm, "ann")
    kinds = {place.split()[0] for place in places(azurite, CANARY)}
    assert kinds == {"row", "blob"}
    environment = {"AzureWebJobsStorage": azurite, "BOX_API_KEYS": json.dumps({"me": KEY})}
    environment |= {"BOX_HOME": str(settings["box_home"]), "SANDBOX": "auto"}
    done = program("erase", "--metadata", "user=ann", "--yes", **environment)
    assert done.returncode == 0, done.stderr
    assert places(azurite, CANARY) == []
    assert {place.split()[0] for place in places(azurite, OTHER)} == kinds
    assert not [path for path in settings["box_home"].rglob("*") if CANARY in path.name]
