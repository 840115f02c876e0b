#!/usr/bin/env bash
# openai 3.57.0: `import openai` and making a client load nothing of the Assistants API; reading the attribute
# `client.beta` for the first time loads more than 600 modules, in whatever coroutine happens to be the first. The event
# loop stands still meanwhile; `client.chat` loads some 20.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/python" -m pip install --quiet --disable-pip-version-check openai==3.57.0
"$work/python/bin/python" - <<'PROGRAM'
import sys
import time

import openai

client = openai.AsyncOpenAI(api_key="none", base_url="http://127.0.0.1:9/v1")


def loads(attribute):
    before, started = len(sys.modules), time.process_time()
    getattr(client, attribute)
    count = len(sys.modules) - before
    print(f"client.{attribute}: {count} modules, {time.process_time() - started:.2f} s of processor time")
    return count


print("openai", openai.__version__)
chat, beta, again = loads("chat"), loads("beta"), loads("beta")
assert chat < 100, "chat loads more now"
assert beta > 400, "beta loads little or earlier now"
assert again == 0
PROGRAM
