"""What `make run` starts, as a newcomer meets it: a process that prints how to call it, and is called."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from http.client import HTTPConnection
from itertools import takewhile
from pathlib import Path
from threading import Timer

import pytest
from openai import OpenAI

ROOT = Path(__file__).parents[2]
#: How long httpx keeps an idle connection for the next call.
POOL_SECONDS = 5


@pytest.fixture
def greeting(tmp_path):
    """What the host prints once it listens; it is interrupted at the end, as by Ctrl-C."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {"BOX_HOME": "box", "BOX_PORT": str(port), "PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    command = [sys.executable, "-m", "shared", "run"]
    with subprocess.Popen(command, env=settings, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as host:
        overdue = Timer(60, host.kill)
        overdue.start()
        yield "".join(takewhile(lambda line: not line.startswith("Stop with"), host.stdout))
        host.send_signal(signal.SIGINT)
        said_last = host.communicate()[0]
        overdue.cancel()
    assert said_last.strip() == "Stopped."


def test_what_the_host_prints_is_enough_to_call_it(greeting):
    address, key = re.search(r"base URL +(\S+)", greeting)[1], re.search(r"API key +(\S+)", greeting)[1]
    with OpenAI(base_url=address, api_key=key, max_retries=0) as client:
        thread = {"messages": [{"role": "user", "content": "I need to solve 3x + 11 = 14."}]}
        assistant = client.beta.assistants.create(model="gpt-4o", tools=[{"type": "code_interpreter"}])
        run = client.beta.threads.create_and_run_poll(assistant_id=assistant.id, thread=thread)
        assert run.status == "completed"

    # A host that closes an idle connection before its client does may close it under the next request.
    with closing(HTTPConnection(re.search(r"//([^/]+)", address)[1])) as connection:
        for seconds in (POOL_SECONDS + 1, 0):
            connection.request("GET", "/healthz")
            assert connection.getresponse().read()
            time.sleep(seconds)
