"""The `openai` SDK pointed at this box: for the demo and the samples, which are clients like any other."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from shared.config import Settings
from shared.embedded import host
from shared.smoke.address import root

if TYPE_CHECKING:
    from openai import OpenAI

#: Seconds a host of our own may take to start.
START_TIMEOUT: Final = 60.0


@contextmanager
def connected(settings: Settings) -> Iterator[OpenAI]:
    """A client of the host at the settings' address: the one that runs, else our own for as long as it is needed."""
    settings = host.with_key(settings)
    key = next(iter(settings.box_api_keys.values())).get_secret_value()
    with running(settings), connected_to(host.base_url(settings), key) as client:
        yield client


@contextmanager
def connected_to(address: str, key: str) -> Iterator[OpenAI]:
    """A client of the box at an address. What goes wrong ends the program with a line."""
    from openai import APIConnectionError, APIError, OpenAI

    warnings.simplefilter("ignore", DeprecationWarning)
    base_url = f"{checked_address(address, key)}/v1"
    client = OpenAI(base_url=base_url, api_key=key)
    no_box = f"What answers at {base_url} is no box."
    try:
        if not isinstance(client.get("/assistants?limit=1", cast_to=object), dict):
            sys.exit(no_box)
        yield client
    except APIConnectionError:
        sys.exit(f"The box at {base_url} does not answer.")
    except APIError as error:
        sys.exit(error.message if isinstance(error.body, dict) else no_box)


def checked_address(address: str, key: str, variable: str = "BOX_KEY") -> str:
    """The address without `/v1`. One that is none, or a missing key, ends the program with a line."""
    if not key:
        sys.exit(f"The key is missing: --key, or {variable} in the environment.")
    try:
        return root(address)
    except ValueError as error:
        sys.exit(str(error))


@contextmanager
def running(settings: Settings) -> Iterator[None]:
    """A host at the settings' address."""
    if answers(settings):
        yield
        return
    process = subprocess.Popen(
        [sys.executable, "-m", "shared", "run", "--no-link"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + START_TIMEOUT
        while not answers(settings):
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit("The host did not start; `make run` shows why.")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()


def answers(settings: Settings) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as connection:
        connection.settimeout(1)
        try:
            connection.connect((settings.box_host, settings.box_port))
        except OSError:
            return False
        return True
