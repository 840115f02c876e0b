"""A storage account reached with a shared access signature in its connection string, instead of a key."""

from __future__ import annotations

import datetime

from azure.storage.blob import AccountSasPermissions, ResourceTypes, generate_account_sas

from shared.app import build
from shared.blobs.base import read_all, write_bytes
from shared.config import Settings
from shared.store.base import Put
from tests import azurite as emulator


async def test_a_signature_opens_all_three_services(azurite_installed, tmp_path):
    signature = generate_account_sas(
        emulator.ACCOUNT,
        emulator.KEY,
        ResourceTypes(service=True, container=True, object=True),
        AccountSasPermissions.from_string("rwdlacup"),
        datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1),
        services="bqt",
    )
    with emulator.running(tmp_path) as with_key:
        parts = [part for part in with_key.split(";") if not part.startswith("Account")]
        connection_string = ";".join([*parts, f"SharedAccessSignature={signature}"])
        box = build(Settings(_env_file=None, AzureWebJobsStorage=connection_string))
        deps = box.deps
        [version] = await deps.store.commit("p", [Put("a", {"n": 1})])
        sent = await deps.queue.send({"n": 1})
        other = await deps.queue.send({"n": 3}, 60)
        await deps.queue.prepare({"n": 2}, 0, other).make()
        await deps.queue.delete(sent)
        await write_bytes(deps.blobs, "a", b"bytes")
        assert (await deps.store.get("p", "a")).version == version
        assert [row.data for row in await deps.store.scan("p", "a", "b", 10)] == [{"n": 1}]
        assert [message.body for message in await deps.queue.receive(10, 30, 0)] == [{"n": 2}]
        assert await read_all(deps.blobs, "a") == b"bytes"
        await box.close()
