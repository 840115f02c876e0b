#!/usr/bin/env bash
# openai 3.57.0 reads an error answer as {"error": {...}}. Where `error` is a sentence and the code stands beside it, as
# xAI answers, the exception's `code`, `param` and `type` are None and `body` is the bare sentence: what such a server
# says can be known by its words alone.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/python" -m pip install --quiet --disable-pip-version-check openai==3.57.0
"$work/python/bin/python" - <<'PROGRAM'
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import openai

WORDS = "Model m does not support parameter reasoningEffort."


class Refusing(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        error = WORDS if self.path.endswith("responses") else {"message": WORDS, "code": "invalid-argument"}
        body = json.dumps({"code": "invalid-argument", "error": error}).encode()
        self.send_response(400)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def refusal(call, **more):
    try:
        call(model="m", **more)
    except openai.BadRequestError as error:
        print("openai", openai.__version__, repr(error.code), repr(error.body))
        return error


server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = openai.OpenAI(api_key="none", base_url=f"http://127.0.0.1:{server.server_port}/v1", max_retries=0)
usual = refusal(client.embeddings.create, input="hello")
plain = refusal(client.responses.create, input="hello")
server.shutdown()
assert usual.code == "invalid-argument"
assert (plain.code, plain.body) == (None, WORDS), "the code beside a sentence is read now"
PROGRAM
