#!/usr/bin/env bash
# uvloop 0.23.0 on Python 3.13: its loop hands `eager_start` on to the task factory, and asyncio.eager_task_factory of 3.13
# does not know that argument: with the standard library's own factory set, the first create_task is a TypeError. On
# asyncio's loop the same program runs.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/python" -m pip install --quiet --disable-pip-version-check uvloop==0.23.0 2>/dev/null
"$work/python/bin/python" - <<'PROGRAM'
import asyncio
import sys
from importlib.metadata import version

import uvloop


async def hello():
    return "hello"


async def main():
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    try:
        return await asyncio.create_task(hello())
    except TypeError as error:
        return f"TypeError: {error}"


def told(loop):
    outcome = loop.run_until_complete(main())
    loop.close()
    return outcome


own, other = told(asyncio.new_event_loop()), told(uvloop.new_event_loop())
print(f"Python {sys.version.split()[0]}, uvloop {version('uvloop')}")
print("asyncio:", own)
print("uvloop:", other)
assert own == "hello"
assert other.startswith("TypeError") and "eager_start" in other, "they go together now"
PROGRAM
