#!/usr/bin/env bash
# openai 3.57.0 makes an idempotency key for each call, the same for all of its retries, and sends it nowhere: the name of
# the header is None, and the one thing a server sees of a retry is a count. With a name, each retry brings the key.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/python" -m pip install --quiet --disable-pip-version-check openai==3.57.0
"$work/python/bin/python" - <<'PROGRAM'
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import openai

seen = []


class Failing(BaseHTTPRequestHandler):
    def do_POST(self):
        seen.append((self.headers["idempotency-key"], self.headers["x-stainless-retry-count"]))
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(500)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Failing)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = openai.OpenAI(api_key="none", base_url=f"http://127.0.0.1:{server.server_port}/v1", max_retries=1)
for name in (None, "Idempotency-Key"):
    client._idempotency_header = name
    try:
        client.embeddings.create(model="m", input="hello")
    except openai.InternalServerError:
        pass
server.shutdown()
print("openai", openai.__version__, seen)
assert [key is None for key, _ in seen] == [True, True, False, False], "it sends a key by itself now"
assert seen[2][0] == seen[3][0], "the retry has another key now"
PROGRAM
