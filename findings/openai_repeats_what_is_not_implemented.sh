#!/usr/bin/env bash
# openai 3.57.0 takes 501 Not Implemented for a passing failure like 500 and 503: an endpoint that says once and for all
# that it has no embeddings is asked three times, with waits, before the caller hears of it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/python" -m pip install --quiet --disable-pip-version-check openai==3.57.0
"$work/python/bin/python" - <<'PROGRAM'
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import openai

asked = []


class NoEmbeddings(BaseHTTPRequestHandler):
    def do_POST(self):
        asked.append(self.path)
        self.rfile.read(int(self.headers["content-length"]))
        body = b'{"error": {"message": "This model has no embeddings.", "type": "not_implemented"}}'
        self.send_response(501)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), NoEmbeddings)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = openai.OpenAI(api_key="none", base_url=f"http://127.0.0.1:{server.server_port}/v1")
try:
    client.embeddings.create(model="m", input="hello")
except openai.InternalServerError as error:
    print("openai", openai.__version__, "status", error.status_code, "requests", len(asked))
server.shutdown()
assert len(asked) == 3, "it asks otherwise now"
PROGRAM
