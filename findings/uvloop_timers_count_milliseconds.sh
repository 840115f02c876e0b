#!/usr/bin/env bash
# uvloop 0.23.0 on Python 3.13: its clock, `loop.time()`, knows whole milliseconds only, and delays are rounded to them. A
# delay below half a millisecond is none at all, and timers of 1.4 or 2.4 ms come after 1.0 or 2.0: earlier than asked for,
# which those of asyncio's own loop never do. Whoever paces a retry by a fraction of a millisecond spins.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/python" -m pip install --quiet --disable-pip-version-check uvloop==0.23.0 2>/dev/null
"$work/python/bin/python" - <<'PROGRAM'
import asyncio
import sys
import time
from importlib.metadata import version

import uvloop

DELAYS = 0.0002, 0.0014, 0.0024


async def earliest(delay):
    """Milliseconds of the quickest of many timers."""
    loop, took = asyncio.get_running_loop(), []
    for _ in range(300):
        called, started = loop.create_future(), time.perf_counter()
        loop.call_later(delay, called.set_result, None)
        await called
        took.append(1000 * (time.perf_counter() - started))
    return round(min(took), 2)


async def main():
    loop = asyncio.get_running_loop()
    whole = True
    for _ in range(50):
        await asyncio.sleep(0)
        whole = whole and abs(1000 * loop.time() - round(1000 * loop.time())) < 1e-4
    return whole, [await earliest(delay) for delay in DELAYS]


def told(loop):
    outcome = loop.run_until_complete(main())
    loop.close()
    return outcome


own, other = told(asyncio.new_event_loop()), told(uvloop.new_event_loop())
print(f"Python {sys.version.split()[0]}, uvloop {version('uvloop')}; timers of {[1000 * each for each in DELAYS]} ms")
print("asyncio: earliest after", own[1], "ms; a clock of whole milliseconds:", own[0])
print("uvloop:  earliest after", other[1], "ms; a clock of whole milliseconds:", other[0])
assert not own[0] and all(took >= 1000 * delay for took, delay in zip(own[1], DELAYS))
assert other[0] and other[1][0] < 0.1 and other[1][1] < 1.3, "its timers are as fine as asyncio's now"
PROGRAM
