#!/usr/bin/env bash
# azure-storage-queue 12.18.1 with `TextBase64DecodePolicy`: one message that is no base 64 costs the whole page. The
# call ends in an AttributeError out of azure-core (not in the DecodeError that the policy promises), no message of the
# page is handed out, and the service has already hidden all of them. Run against Azurite 3.37.0.
set -euo pipefail
work=$(mktemp -d)
service=
trap 'kill $service 2>/dev/null || true; rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/python" -m pip install --quiet --disable-pip-version-check azure-storage-queue==12.18.1 azure-core==1.41.0
npm install --silent --no-fund --no-audit --prefix "$work" azurite@3.37.0
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
node "$work/node_modules/azurite/dist/src/queue/main.js" --silent --inMemoryPersistence --skipApiVersionCheck "--queuePort" "$port" &
service=$!
for _ in $(seq 120); do
  (: < "/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
  sleep 0.5
done
"$work/python/bin/python" - "$port" <<'PROGRAM'
import sys
from importlib.metadata import version

from azure.core.exceptions import DecodeError
from azure.storage.queue import QueueServiceClient, TextBase64DecodePolicy, TextBase64EncodePolicy

#: The key of the emulator's only account; it is printed in its manual.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
service = QueueServiceClient(
    f"http://127.0.0.1:{sys.argv[1]}/devstoreaccount1", {"account_name": "devstoreaccount1", "account_key": KEY}
)
coded = service.get_queue_client(
    "jobs", message_encode_policy=TextBase64EncodePolicy(), message_decode_policy=TextBase64DecodePolicy()
)
plain = service.get_queue_client("jobs")
coded.create_queue()
coded.send_message("first")
assert [message.content for message in coded.peek_messages(32)] == ["first"]
plain.send_message("a foreign message")
coded.send_message("last")
print("azure-storage-queue", version("azure-storage-queue"), "azure-core", version("azure-core"))
try:
    taken = [message.content for message in coded.receive_messages(messages_per_page=32, visibility_timeout=60)]
except Exception as error:  # the point is which
    print(repr(error))
    assert type(error) is AttributeError and not isinstance(error, DecodeError), "it fails otherwise now"
else:
    raise AssertionError(f"it receives {taken} now")
left = [message.content for message in plain.peek_messages(32)]
print("visible afterwards:", left)
assert left == [], "the others can be received now"
PROGRAM
