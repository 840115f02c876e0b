"""What the log tells of errors that nobody foresaw: where they come from and their kinds, but none of their words."""

from __future__ import annotations

import json

from shared import layout
from shared.llm.scripted import text
from shared.logs import LogLine
from shared.store.base import Put
from tests.api.canary import CANARY


def is_answer(change: object) -> bool:
    """Whether it is a message of the model's that has the word."""
    return isinstance(change, Put) and change.key.startswith(layout.MESSAGE) and CANARY in json.dumps(change.data)


def test_the_log_has_no_words_of_errors(client, http, raw, llm, box, caplog):
    async def trips(own, partition, changes, *after):
        if any(map(is_answer, changes)):
            raise RuntimeError(f"cannot write {CANARY}") from OSError(28, CANARY)
        return await own(partition, changes, *after)

    async def trips_on_reading(own, partition, key):
        raise KeyError(CANARY)

    llm.script(*[[text(CANARY)]] * 6)
    assistant = client.beta.assistants.create(model="gpt-x")
    box.deps.store.replace(commit=trips)
    run = client.beta.threads.create_and_run_poll(assistant_id=assistant.id, poll_interval_ms=20)
    assert run.status == "failed"
    box.deps.store.replace(get=trips_on_reading)
    assert http.get("threads/thread_1").status_code == 500
    box.deps.store.replace()

    shown = [LogLine("%(message)s").format(each) for each in caplog.records if each.exc_info]
    kinds = {
        "drive_failed": "RuntimeError",
        "message_failed": "OSError errno=ENOSPC",
        "request_failed": "KeyError",
    }
    for action, kind in kinds.items():
        lines = [each for each in shown if f"action={action}" in each]
        assert lines, action
        assert all("Traceback" in each and kind in each for each in lines), lines
    assert [each for each in shown if CANARY in each] == []
