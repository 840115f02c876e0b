#!/usr/bin/env bash
# agent-framework-core 1.0.0b251120: OpenAIAssistantsClient looks at no event that tells of a run's failure. A run that
# failed, expired or was cut short is an ordinary answer of the words that came before, or of none; nothing says why.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/python" -m pip install --quiet --disable-pip-version-check \
    agent-framework-core==1.0.0b251120 openai==3.57.0 'mcp[ws]==1.30.0'
"$work/python/bin/python" -W ignore - <<'PROGRAM'
import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

import openai
from agent_framework import ChatAgent
from agent_framework.openai import OpenAIAssistantsClient

OF_RUN = {"run_id": "run_1", "thread_id": "thread_1", "assistant_id": "asst_1", "created_at": 1}
RUN = {"id": "run_1", "object": "thread.run", "model": "m", "instructions": "", "tools": [], "metadata": {}, **OF_RUN}
RUN |= {"status": "queued"}
MESSAGE = {"id": "msg_1", "object": "thread.message", "role": "assistant", "content": [], **OF_RUN}
SAID = {"index": 0, "type": "text", "text": {"value": "The answer is", "annotations": []}}
DELTA = {"id": "msg_1", "object": "thread.message.delta", "delta": {"content": [SAID]}}
FAILED = RUN | {"status": "failed", "last_error": {"code": "rate_limit_exceeded", "message": "Too much."}}
EVENTS = {"thread.run.created": RUN, "thread.message.created": MESSAGE, "thread.message.delta": DELTA}
EVENTS |= {"thread.run.failed": FAILED}


class Answering(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        streams = self.path.endswith("/runs")
        told = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in EVENTS.items())
        thread = {"id": "thread_1", "object": "thread", "created_at": 1, "metadata": {}}
        text = (told if streams else json.dumps(thread)).encode()
        self.send_response(200)
        self.send_header("content-type", "text/event-stream" if streams else "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


async def main(url):
    client = openai.AsyncOpenAI(api_key="none", base_url=url)
    chat = OpenAIAssistantsClient(model_id="m", assistant_id="asst_1", async_client=client)
    answer = await ChatAgent(chat_client=chat).run("What is the answer?")
    print("agent-framework-core", version("agent-framework-core"), repr(answer.text))
    assert answer.text == "The answer is"
    assert "Too much" not in repr(answer.to_dict()), "failures are told now"


server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
threading.Thread(target=server.serve_forever, daemon=True).start()
asyncio.run(main(f"http://127.0.0.1:{server.server_port}/v1"))
server.shutdown()
PROGRAM
