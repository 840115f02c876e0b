#!/usr/bin/env bash
# openai 3.57.0 adds each delta of an Assistants stream to its snapshot: texts are joined and numbers added up, whatever
# they mean. A server that repeats a call's id and name in its second delta makes `call_1call_1` of them, and an
# annotation sent twice starts at twice its place. Only `index` and `type` may be repeated.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/python" -m pip install --quiet --disable-pip-version-check openai==3.57.0 httpx2==2.16.2
"$work/python/bin/python" -W ignore::DeprecationWarning - <<'PROGRAM'
import asyncio
import json
import re

import openai

RUN = {"id": "run_1", "object": "thread.run", "thread_id": "thread_1", "assistant_id": "asst_1", "created_at": 1}
RUN |= {"model": "m", "instructions": "", "tools": [], "metadata": {}, "status": "in_progress"}
OF_RUN = {"run_id": "run_1", "thread_id": "thread_1", "assistant_id": "asst_1", "created_at": 1}
MESSAGE = {"id": "msg_1", "object": "thread.message", "role": "assistant", "content": [], **OF_RUN}
STEP = {"id": "step_1", "object": "thread.run.step", "type": "tool_calls", **OF_RUN}
STEP |= {"status": "in_progress", "step_details": {"type": "tool_calls", "tool_calls": []}}
NOTE = {"index": 0, "type": "file_citation", "text": "[1]", "file_citation": {"file_id": "file_1"}}
NOTE |= {"start_index": 5, "end_index": 8}


def event(name, data):
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"


async def streamed(text, look):
    """What `look` makes of a run whose events are `text`."""

    async def answer(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(re.search(rb"content-length: (\d+)", head.lower())[1]))
        headers = b"Content-Type: text/event-stream\r\nContent-Length: %d\r\nConnection: close\r\n" % len(text)
        writer.write(b"HTTP/1.1 200 OK\r\n" + headers + b"\r\n" + text.encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as listening:
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
        async with openai.AsyncOpenAI(api_key="none", base_url=url, max_retries=0) as client:
            async with client.beta.threads.runs.stream(thread_id="thread_1", assistant_id="asst_1") as stream:
                return await look(stream)


def said(text):
    content = [{"index": 0, "type": "text", "text": {"value": text, "annotations": [NOTE]}}]
    return event("thread.message.delta", {"id": "msg_1", "object": "thread.message.delta", "delta": {"content": content}})


def called(arguments):
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "weather", "arguments": arguments}}
    delta = {"step_details": {"type": "tool_calls", "tool_calls": [call]}}
    return event("thread.run.step.delta", {"id": "step_1", "object": "thread.run.step.delta", "delta": delta})


async def snapshots(stream):
    [message], [step] = await stream.get_final_messages(), await stream.get_final_run_steps()
    return message.content[0].text.annotations[0], step.step_details.tool_calls[0]


async def main():
    text = event("thread.run.created", RUN) + event("thread.run.step.created", STEP) + called("{") + called("}")
    text += event("thread.message.created", MESSAGE) + said("hello") + said("[1]")
    note, call = await streamed(text + event("thread.run.completed", RUN | {"status": "completed"}), snapshots)
    print("openai", openai.__version__)
    print(call.type, call.id, call.function.name, call.function.arguments)
    print(note.type, note.start_index, note.end_index, note.text, note.file_citation.file_id)
    assert (call.id, call.function.name) == ("call_1call_1", "weatherweather"), "repeated names are kept once now"
    assert (note.start_index, note.end_index) == (10, 16), "repeated numbers are kept once now"
    assert note.file_citation.file_id == "file_1file_1"
    assert (call.type, note.index) == ("function", 0), "index or type are added up now"


asyncio.run(main())
PROGRAM
