#!/usr/bin/env bash
# azure-data-tables 12.7.0: `delete_entity` of a row that is not there succeeds, in silence, also under the condition
# that it has not changed (`IfNotModified` and an ETag): who deletes a row to take it, as a job or a lock, is told that
# he has it, and so is everybody after him. The same delete within a transaction fails the whole of it. Run against
# Azurite 3.37.0.
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

from azure.core import MatchConditions
from azure.core.credentials import AzureNamedKeyCredential
from azure.data.tables import TableServiceClient, TableTransactionError

#: The key of the emulator's only account; it is printed in its manual.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
url = f"http://127.0.0.1:{sys.argv[1]}/devstoreaccount1"
service = TableServiceClient(url, credential=AzureNamedKeyCredential("devstoreaccount1", KEY))
table = service.create_table("jobs")
row = {"PartitionKey": "p", "RowKey": "job"}
etag = table.create_entity(row)["etag"]


def take() -> str:
    try:
        table.delete_entity("p", "job", etag=etag, match_condition=MatchConditions.IfNotModified)
    except Exception as error:
        return type(error).__name__
    return "mine"


def take_with_others() -> str:
    other = {"PartitionKey": "p", "RowKey": "other"}
    try:
        table.submit_transaction([("upsert", other), ("delete", row)])
    except TableTransactionError as error:
        return str(error.error_code)
    return "mine"


taken = [take(), take(), take()]
print("azure-data-tables", version("azure-data-tables"), "taken:", taken, "in a transaction:", take_with_others())
assert taken == ["mine", "mine", "mine"], "only the first has it now"
assert take_with_others() == "ResourceNotFound", "a transaction lets it pass, too, now"
PROGRAM
