#!/usr/bin/env bash
# azure-storage-blob 12.31.1: a blob above 64 MB that is there already is refused when all of it has been sent. The
# condition of `upload_blob` (`overwrite=False`, which is the default) goes with the last request, which puts the blocks
# together, and with none before. Smaller blobs are sent in one request, with their condition. Run against Azurite
# 3.37.0.
set -euo pipefail
work=$(mktemp -d)
service=
trap 'kill $service 2>/dev/null || true; rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/python" -m pip install --quiet --disable-pip-version-check azure-storage-blob==12.31.1 azure-core==1.41.0
npm install --silent --no-fund --no-audit --prefix "$work" azurite@3.37.0
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
node "$work/node_modules/azurite/dist/src/blob/main.js" --silent --inMemoryPersistence --skipApiVersionCheck "--blobPort" "$port" &
service=$!
for _ in $(seq 120); do
  (: < "/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
  sleep 0.5
done
"$work/python/bin/python" - "$port" <<'PROGRAM'
import sys
from importlib.metadata import version

from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobServiceClient

#: The key of the emulator's only account; it is printed in its manual.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
sent: list[tuple[int, str | None]] = []


def count(response) -> None:
    headers = response.http_request.headers
    sent.append((int(headers.get("Content-Length", 0)), headers.get("If-None-Match")))


service = BlobServiceClient(
    f"http://127.0.0.1:{sys.argv[1]}/devstoreaccount1",
    {"account_name": "devstoreaccount1", "account_key": KEY},
    raw_response_hook=count,
)
container = service.create_container("things")
container.upload_blob("there", b"already")
size = 65 * 1024 * 1024
sent.clear()
try:
    container.upload_blob("there", bytes(size))
except ResourceExistsError as error:
    refused = str(error.error_code)
else:
    raise AssertionError("it is overwritten now")
conditions = [condition for _, condition in sent]
print("azure-storage-blob", version("azure-storage-blob"), refused, "after", sum(length for length, _ in sent), "bytes")
print("conditions:", conditions)
assert sum(length for length, _ in sent) > size, "it is refused earlier now"
assert conditions == [None] * (len(sent) - 1) + ["*"], "the condition goes along earlier now"
PROGRAM
