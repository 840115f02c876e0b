#!/usr/bin/env bash
# azure-data-tables 12.7.0 writes a Python int as Edm.Int32 and refuses 2,147,483,648, such as a time in milliseconds. A
# number stored as Edm.Int64 comes back as a named tuple that equals no number. Run against Azurite 3.37.0.
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
from azure.data.tables import EdmType, EntityProperty, TableServiceClient

#: The key of the emulator's only account; it is printed in its manual.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
url = f"http://127.0.0.1:{sys.argv[1]}/devstoreaccount1"
service = TableServiceClient(url, credential=AzureNamedKeyCredential("devstoreaccount1", KEY))
table = service.create_table("things")
print("azure-data-tables", version("azure-data-tables"))
row = {"PartitionKey": "p", "RowKey": "1"}
table.upsert_entity({**row, "number": 2**31 - 1})
assert table.get_entity("p", "1")["number"] == 2**31 - 1
try:
    table.upsert_entity({**row, "number": 2**31})
except TypeError as error:
    print(error)
else:
    raise AssertionError("it writes large numbers now")
table.upsert_entity({**row, "number": EntityProperty(2**31, EdmType.INT64)})
number = table.get_entity("p", "1")["number"]
print(repr(number))
assert isinstance(number, tuple) and number != 2**31 and number.value == 2**31, "it reads numbers now"
PROGRAM
