#!/usr/bin/env bash
# openai 3.57.0 over its own aiohttp transport calls every failure to connect a time-out: a refused port and an unknown
# host are `APITimeoutError: Request timed out.` within milliseconds. Only the third error down `__cause__` tells which.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/python" -m pip install --quiet --disable-pip-version-check 'openai[aiohttp]==3.57.0' aiohttp==3.14.5 httpx2==2.16.2
"$work/python/bin/python" - <<'PROGRAM'
import asyncio
import socket
import time
from importlib.metadata import version

import openai


async def failure(url, http_client):
    started = time.monotonic()
    async with openai.AsyncOpenAI(api_key="none", base_url=url, max_retries=0, http_client=http_client) as client:
        try:
            await client.models.list()
        except openai.APIConnectionError as error:
            chain = [error]
            while chain[-1].__cause__ is not None:
                chain.append(chain[-1].__cause__)
            print(f"  {time.monotonic() - started:.2f} s", url, "|", error, "|", [type(each).__name__ for each in chain])
            return chain
    raise AssertionError("somebody answered")


async def main():
    print("openai", openai.__version__, "aiohttp", version("aiohttp"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        for url, cause in (
            (f"http://127.0.0.1:{taken.getsockname()[1]}/v1", "ConnectionRefusedError"),
            ("http://nowhere.invalid/v1", "gaierror"),
        ):
            print("over aiohttp, then over httpx2:")
            chain = await failure(url, openai.DefaultAioHttpClient(timeout=60))
            usual = await failure(url, None)
            assert type(chain[0]) is openai.APITimeoutError, "it tells failures from time-outs now"
            assert str(chain[0]) == "Request timed out.", "it says more now"
            assert type(chain[3]).__name__ == cause, "the cause stands elsewhere now"
            assert type(usual[0]) is openai.APIConnectionError, "both transports say the same now"


asyncio.run(main())
PROGRAM
