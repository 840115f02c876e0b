#!/usr/bin/env bash
# openai 3.57.0 declares an `error` event in the streams of the Assistants API, its data the error itself, and cannot
# read one: it becomes a ThreadCreated whose event and data are None, and the stream goes on. Only data of the form
# `{"error": {…}}`, which the type does not describe, is raised as APIError.
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
from openai.types.beta.assistant_stream_event import ErrorEvent, ThreadCreated

ERROR = {"code": "server_error", "message": "the server is on fire", "param": None, "type": "server_error"}

RUN = {"id": "run_1", "object": "thread.run", "thread_id": "thread_1", "assistant_id": "asst_1", "created_at": 1}
RUN |= {"model": "m", "instructions": "", "tools": [], "metadata": {}, "status": "in_progress"}


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


async def last(stream):
    return [each async for each in stream][-1]


async def main():
    print("openai", openai.__version__, "declares:", ErrorEvent.model_fields["data"].annotation)
    assert ErrorEvent.model_validate({"event": "error", "data": ERROR}).data.message == ERROR["message"]
    start = event("thread.run.created", RUN)
    declared = await streamed(start + event("error", ERROR), last)
    print("as declared:", repr(declared)[:70])
    try:
        await streamed(start + event("error", {"error": ERROR}), last)
    except openai.APIError as error:
        print("wrapped:", repr(error))
        assert error.message == ERROR["message"]
    else:
        raise AssertionError("a wrapped error is not raised now")
    assert type(declared) is ThreadCreated, "it reads the event now"
    assert declared.event is None and declared.data is None


asyncio.run(main())
PROGRAM
