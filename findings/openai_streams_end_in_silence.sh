#!/usr/bin/env bash
# openai 3.57.0 does not notice that an Assistants stream stops before its run has ended, without `done`: the loop over
# the events ends as usual, `until_done` returns, and `get_final_run` gives a run that is `in_progress`.
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


async def ended(stream):
    await stream.until_done()
    return (await stream.get_final_run()).status


async def main():
    start, end = event("thread.run.created", RUN), event("thread.run.completed", RUN | {"status": "completed"})
    whole = await streamed(start + end + "event: done\ndata: [DONE]\n\n", ended)
    short = await streamed(start, ended)
    print("openai", openai.__version__, "| whole:", whole, "| cut short:", short)
    assert whole == "completed"
    assert short == "in_progress", "it looks for the end now"


asyncio.run(main())
PROGRAM
