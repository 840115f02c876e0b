#!/usr/bin/env bash
# semantic-kernel 1.45.0: OpenAIAssistantAgent.invoke looks each function call of a run's steps up among those that it has
# carried out itself, and asserts that it is there. A run whose service carried a function out ends in an AssertionError
# without a word, after the answer is there; invoke_stream does not look, and gives the answer.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/python" -m pip install --quiet --disable-pip-version-check semantic-kernel==1.45.0 openai==3.57.0
"$work/python/bin/python" -W ignore - <<'PROGRAM'
import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

import openai
from openai.types.beta import Assistant
from semantic_kernel.agents import AssistantAgentThread, OpenAIAssistantAgent

OF_RUN = {"run_id": "run_1", "thread_id": "thread_1", "assistant_id": "asst_1", "created_at": 1, "completed_at": 2}
RUN = {"id": "run_1", "object": "thread.run", "model": "m", "instructions": "", "tools": [], "metadata": {}, **OF_RUN}
RUN |= {"status": "completed"}
CALL = {"id": "call_1", "type": "function", "function": {"name": "now", "arguments": "{}", "output": "noon"}}
CALLED = {"id": "step_1", "object": "thread.run.step", "type": "tool_calls", "status": "completed", **OF_RUN}
CALLED |= {"step_details": {"type": "tool_calls", "tool_calls": [CALL]}}
TEXT = {"type": "text", "text": {"value": "It is noon.", "annotations": []}}
MESSAGE = {"id": "msg_1", "object": "thread.message", "role": "assistant", "content": [TEXT], **OF_RUN}
WROTE = {"id": "step_2", "object": "thread.run.step", "type": "message_creation", "status": "completed", **OF_RUN}
WROTE |= {"step_details": {"type": "message_creation", "message_creation": {"message_id": "msg_1"}}}
SAID = {"index": 0, "type": "text", "text": {"value": "It is noon.", "annotations": []}}
DELTA = {"id": "msg_1", "object": "thread.message.delta", "delta": {"content": [SAID]}}
EVENTS = {"thread.run.created": RUN, "thread.message.created": MESSAGE | {"content": []}, "thread.message.delta": DELTA}
EVENTS |= {"thread.message.completed": MESSAGE, "thread.run.step.completed": WROTE, "thread.run.completed": RUN}


class Answering(BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if asked.get("stream"):
            told = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in EVENTS.items())
            self.answer(told, "text/event-stream")
        else:
            self.answer(json.dumps(MESSAGE if self.path.endswith("/messages") else RUN | {"status": "queued"}))

    def do_GET(self):
        if self.path.endswith("/steps"):
            self.answer(json.dumps({"object": "list", "data": [CALLED, WROTE], "has_more": False}))
        else:
            self.answer(json.dumps(MESSAGE if "/messages" in self.path else RUN))

    def answer(self, text, kind="application/json"):
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


async def main(url):
    client = openai.AsyncOpenAI(api_key="none", base_url=url)
    known = {"id": "asst_1", "object": "assistant", "created_at": 1, "model": "m", "tools": [], "metadata": {}}
    agent = OpenAIAssistantAgent(client=client, definition=Assistant.model_validate(known))
    thread = AssistantAgentThread(client=client, thread_id="thread_1")
    streamed = [str(each.content) async for each in agent.invoke_stream(messages="What time is it?", thread=thread)]
    try:
        told = [str(each.content) async for each in agent.invoke(messages="What time is it?", thread=thread)]
    except AssertionError as error:
        told = repr(error)
    print("semantic-kernel", version("semantic-kernel"), streamed, told)
    assert streamed == ["It is noon."]
    assert told == "AssertionError()", "calls of others are passed over now"


server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
threading.Thread(target=server.serve_forever, daemon=True).start()
asyncio.run(main(f"http://127.0.0.1:{server.server_port}/v1"))
server.shutdown()
PROGRAM
