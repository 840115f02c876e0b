#!/usr/bin/env bash
# azure-data-tables 12.7.0 stores members of enumerations by Python's spelling, without a word: a `str` enumeration's
# "running" as the text "State.RUNNING", an `IntEnum`'s 1 as the text "1". To Python both equal their values; a query
# for the value finds neither. `StrEnum` alone is stored as it reads. Run against Azurite 3.37.0.
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
from enum import Enum, IntEnum, StrEnum
from importlib.metadata import version

from azure.core.credentials import AzureNamedKeyCredential
from azure.data.tables import TableServiceClient

#: The key of the emulator's only account; it is printed in its manual.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
url = f"http://127.0.0.1:{sys.argv[1]}/devstoreaccount1"
service = TableServiceClient(url, credential=AzureNamedKeyCredential("devstoreaccount1", KEY))
table = service.create_table("things")


class State(str, Enum):
    RUNNING = "running"


class Level(IntEnum):
    HIGH = 1


class Colour(StrEnum):
    RED = "red"


assert State.RUNNING == "running" and Level.HIGH == 1
table.create_entity({"PartitionKey": "p", "RowKey": "1", "state": State.RUNNING, "level": Level.HIGH, "colour": Colour.RED})
row = table.get_entity("p", "1")
stored = {name: row[name] for name in ("state", "level", "colour")}
found = [len(list(table.query_entities(query))) for query in ("state eq 'running'", "level eq 1", "colour eq 'red'")]
print("azure-data-tables", version("azure-data-tables"), "stored:", stored, "found:", found)
assert stored == {"state": "State.RUNNING", "level": "1", "colour": "red"}, "members are stored by their values now"
assert found == [0, 0, 1], "queries find them now"
PROGRAM
