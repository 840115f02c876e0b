#!/usr/bin/env bash
# azure-data-tables 12.7.0 builds a transaction's body as a MIME message and reads the answer as one, with the standard
# library's email package: of the client's processor time for ten upserts in one transaction more than a quarter is
# spent folding and parsing "mail" headers. Run against Azurite 3.37.0.
set -euo pipefail
work=$(mktemp -d)
service=
trap 'kill $service 2>/dev/null || true; rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/python" -m pip install --quiet --disable-pip-version-check azure-data-tables==12.7.0 azure-core==1.41.0 aiohttp==3.14.5
npm install --silent --no-fund --no-audit --prefix "$work" azurite@3.37.0
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
node "$work/node_modules/azurite/dist/src/table/main.js" --silent --inMemoryPersistence --skipApiVersionCheck "--tablePort" "$port" &
service=$!
for _ in $(seq 120); do
  (: < "/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
  sleep 0.5
done
"$work/python/bin/python" - "$port" <<'PROGRAM'
import asyncio
import cProfile
import pstats
import sys
import time
from importlib.metadata import version

from azure.core.credentials import AzureNamedKeyCredential
from azure.data.tables.aio import TableServiceClient

#: The key of the emulator's only account; it is printed in its manual.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


async def main():
    url = f"http://127.0.0.1:{sys.argv[1]}/devstoreaccount1"
    async with TableServiceClient(url, credential=AzureNamedKeyCredential("devstoreaccount1", KEY)) as service:
        table = await service.create_table("things")
        rows = [{"PartitionKey": "p", "RowKey": str(number), "text": "x" * 100} for number in range(10)]
        operations = [("upsert", row) for row in rows]
        assert len(await table.submit_transaction(operations)) == 10
        profile = cProfile.Profile(time.process_time)
        profile.enable()
        for _ in range(20):
            await table.submit_transaction(operations)
        profile.disable()
        await table.close()
    stats = pstats.Stats(profile)
    spent = {key: values[3] for key, values in stats.stats.items() if "/email/" in key[0]}
    written = sum(seconds for key, seconds in spent.items() if key[2] == "as_bytes")
    parsed = sum(seconds for key, seconds in spent.items() if key[2] == "message_from_bytes")
    print("azure-data-tables", version("azure-data-tables"), "azure-core", version("azure-core"))
    print(f"written {written / stats.total_tt:.0%}, parsed {parsed / stats.total_tt:.0%} of {stats.total_tt:.2f} s")
    assert written > 0 and parsed > 0, "it has its own writer and reader now"
    assert (written + parsed) / stats.total_tt > 0.25, "email costs little now"


asyncio.run(main())
PROGRAM
