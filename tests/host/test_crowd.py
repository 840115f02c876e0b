"""Two processes at a model that is busy: one owner's burst and the runs of others all come to their end."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import httpx2 as httpx

from tests.fakes.responses_server import FakeResponses, serving_in_thread
from tests.host.test_processes import pair
from tests.host.test_program import Program, wait_for

BURST = 30
SINGLES = ("ann", "ben", "cem")
KEYS = {name: f"sk-{name}-0123456789" for name in ("crowd", *SINGLES)}


def begin(http: httpx.Client, owner: str) -> str:
    """A run of the owner's, by whom the model is told: its path."""
    assistant = http.post("assistants", json={"model": "m", "instructions": owner}).json()["id"]
    thread = {"messages": [{"role": "user", "content": "Hi"}]}
    run = http.post("threads/runs", json={"assistant_id": assistant, "thread": thread}).json()
    return f"threads/{run['thread_id']}/runs/{run['id']}"


def clients(stack: ExitStack, box: Program, owner: str) -> list[httpx.Client]:
    """Two connections, which the processes get in turn."""
    return [stack.enter_context(box.http(KEYS[owner])) for _ in range(2)]


def test_a_burst_and_the_runs_of_others_end_and_are_served_once(tmp_path: Path) -> None:
    fake = FakeResponses(at_once=2, delay=0.1, keep_bodies=False)
    with ExitStack() as stack:
        model = stack.enter_context(serving_in_thread(fake))
        box = stack.enter_context(pair(tmp_path, model, BOX_API_KEYS=json.dumps(KEYS)))
        doors = {owner: clients(stack, box, owner) for owner in KEYS}
        burst = [begin(doors["crowd"][number % 2], "crowd") for number in range(BURST)]
        singles = {owner: begin(doors[owner][number % 2], owner) for number, owner in enumerate(SINGLES)}
        for owner, path in singles.items():
            wait_for(doors[owner][0], path, "completed")
        for path in burst:
            wait_for(doors["crowd"][0], path, "completed")
    # Which process the model serves next is the model's choice: owners take turns within a process.
    assert Counter(fake.served) == {"crowd": BURST, **dict.fromkeys(SINGLES, 1)}
    assert fake.requests > len(fake.served), "it was busy"
