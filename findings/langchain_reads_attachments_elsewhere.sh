#!/usr/bin/env bash
# langchain-community 0.3.31: the docstring of OpenAIAssistantV2Runnable.invoke has `attachments` among the members of its
# input, but they are read from its keyword arguments. Attachments in the input are dropped without a word: the message
# is sent with none, and the assistant answers that it sees no file.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/python" -m pip install --quiet --disable-pip-version-check \
    langchain-community==0.3.31 langchain==0.3.27 openai==1.109.1
"$work/python/bin/python" -W ignore - <<'PROGRAM'
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

import openai
from langchain_community.agents.openai_assistant import OpenAIAssistantV2Runnable

RUN = {"id": "run_1", "object": "thread.run", "thread_id": "thread_1", "assistant_id": "asst_1", "created_at": 1}
RUN |= {"model": "m", "instructions": "", "tools": [], "metadata": {}, "status": "completed"}
ATTACHMENTS = [{"file_id": "file-1", "tools": [{"type": "file_search"}]}]
sent = []


class Answering(BaseHTTPRequestHandler):
    def do_POST(self):
        [message] = json.loads(self.rfile.read(int(self.headers["content-length"])))["thread"]["messages"]
        sent.append(message["attachments"])
        self.answer(RUN)

    def do_GET(self):
        nothing = {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}
        self.answer(nothing if "/messages" in self.path else RUN)

    def answer(self, data):
        body = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = openai.OpenAI(api_key="none", base_url=f"http://127.0.0.1:{server.server_port}/v1")
assistant = OpenAIAssistantV2Runnable(assistant_id="asst_1", client=client, check_every_ms=1)
assistant.invoke({"content": "What is in it?", "attachments": ATTACHMENTS})
assistant.invoke({"content": "What is in it?"}, attachments=ATTACHMENTS)
server.shutdown()
print("langchain-community", version("langchain-community"), sent)
assert sent == [[], ATTACHMENTS], "attachments of the input are sent now"
PROGRAM
