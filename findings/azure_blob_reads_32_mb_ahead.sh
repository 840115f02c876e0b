#!/usr/bin/env bash
# azure-storage-blob 12.31.1: `download_blob()` has fetched the blob's first 32 MB into memory before it returns.
# `read(1)` costs as much, and so does the first of `chunks()`, which has 4 MB: a program that looks at the beginnings
# of 30 blobs at a time holds a gigabyte. The limit is the client's `max_single_get_size`, or a range of one's own. An
# empty blob takes two requests: the first is refused with 416. Run against Azurite 3.37.0.
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

from azure.storage.blob import BlobServiceClient

#: The key of the emulator's only account; it is printed in its manual.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
ranges: list[str | None] = []
service = BlobServiceClient(
    f"http://127.0.0.1:{sys.argv[1]}/devstoreaccount1",
    {"account_name": "devstoreaccount1", "account_key": KEY},
    raw_response_hook=lambda response: ranges.append(response.http_request.headers.get("x-ms-range")),
)
container = service.create_container("things")
container.upload_blob("large", bytes(40 * 1024 * 1024))
container.upload_blob("empty", b"")
print("azure-storage-blob", version("azure-storage-blob"))
asked = {}
for name, read in {
    "nothing": lambda: container.download_blob("large"),
    "one byte": lambda: container.download_blob("large").read(1),
    "a chunk": lambda: next(container.download_blob("large").chunks()),
    "an empty blob": lambda: container.download_blob("empty").readall(),
}.items():
    ranges.clear()
    read()
    asked[name] = list(ranges)
    print(name, "->", asked[name])
ahead = f"bytes=0-{32 * 1024 * 1024 - 1}"
assert asked["nothing"] == asked["one byte"] == asked["a chunk"] == [ahead], "less is read ahead now"
assert asked["an empty blob"] == [ahead, None], "an empty blob takes one request now"
PROGRAM
