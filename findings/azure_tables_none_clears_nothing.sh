#!/usr/bin/env bash
# azure-data-tables 12.7.0 leaves properties that are None out of what it sends, without a word. In its default mode,
# merge, an upsert of None keeps the old value: there is no way to remove a property but to replace the whole entity.
# Run against Azurite 3.37.0.
set -euo pipefail
work=$(mktemp -d)
service=
trap 'kill $service 2>/dev/null || true; rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/python" -m pip install --quiet --disable-pip-version-check azure-data-tables==12.7.0 azure-core==1.41.0
npm install --silent --no-fund --no-audit --prefix "$work" azurite@3.37.0
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
node "$work/node_modules/azurite/dist/src/table/main.js" --silent --inMemoryPersistence --skipApiVersionCheck "--tablePort" "$port" &
service=$!
for _ in $(seq 120); do
  (: < "/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
  sleep 0.5
done
"$work/python/bin/python" - "$port" <<'PROGRAM'
import sys
from importlib.metadata import version

from azure.core.credentials import AzureNamedKeyCredential
from azure.data.tables import UpdateMode, TableServiceClient

#: The key of the emulator's only account; it is printed in its manual.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
url = f"http://127.0.0.1:{sys.argv[1]}/devstoreaccount1"
service = TableServiceClient(url, credential=AzureNamedKeyCredential("devstoreaccount1", KEY))
table = service.create_table("things")
print("azure-data-tables", version("azure-data-tables"))
row = {"PartitionKey": "p", "RowKey": "1"}
table.upsert_entity({**row, "owner": "somebody", "state": "queued"})
table.upsert_entity({**row, "owner": None, "state": "done"})
merged = dict(table.get_entity("p", "1"))
table.upsert_entity({**row, "owner": None, "state": "done"}, mode=UpdateMode.REPLACE)
replaced = dict(table.get_entity("p", "1"))
print("merged:", merged, "replaced:", replaced)
assert merged == {**row, "owner": "somebody", "state": "done"}, "None is sent now"
assert replaced == {**row, "state": "done"}, "None is kept now"
PROGRAM
