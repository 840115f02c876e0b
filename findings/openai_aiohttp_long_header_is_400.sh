#!/usr/bin/env bash
# openai 3.57.0 over its own aiohttp transport: an answer of status 200 with a header of 8,191 bytes ends in aiohttp's
# `ClientResponseError` with status 400. It is no `openai.OpenAIError`, `DefaultAioHttpClient` has no argument that
# raises the limit, and over httpx2 the same answer is read.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/python" -m pip install --quiet --disable-pip-version-check 'openai[aiohttp]==3.57.0' aiohttp==3.14.5 httpx2==2.16.2
"$work/python/bin/python" - <<'PROGRAM'
import asyncio
from importlib.metadata import version

import aiohttp
import openai

BODY = b'{"object": "list", "data": []}'


def server(size):
    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
        writer.write(head + b"X-Report: " + b"r" * size + b"\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY)
        await writer.drain()
        writer.close()

    return answer


async def asked(size, http_client):
    async with await asyncio.start_server(server(size), "127.0.0.1", 0) as listening:
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
        async with openai.AsyncOpenAI(api_key="none", base_url=url, max_retries=0, http_client=http_client) as client:
            try:
                await client.models.list()
            except Exception as error:  # the point is which
                return error
    return None


async def main():
    print("openai", openai.__version__, "aiohttp", version("aiohttp"))
    fits = await asked(8190, openai.DefaultAioHttpClient())
    long = await asked(8191, openai.DefaultAioHttpClient())
    usual = await asked(8191, None)
    print(f"8,190 bytes: {fits!r}\n8,191 bytes: {type(long)} {str(long)[:55]}…\n8,191 bytes over httpx2: {usual!r}")
    assert fits is None and usual is None, "other limits now"
    assert type(long) is aiohttp.ClientResponseError and long.status == 400, "it fails otherwise now"
    assert not isinstance(long, openai.OpenAIError)
    try:
        openai.DefaultAioHttpClient(max_field_size=65536)
    except TypeError as error:
        print(error)
    else:
        raise AssertionError("it takes a limit now")


asyncio.run(main())
PROGRAM
