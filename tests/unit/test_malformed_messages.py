"""A message that nobody can read is tried as often as others, then dropped with a word in the log."""

from __future__ import annotations

import asyncio

import pytest

from shared.app import build
from shared.config import Settings
from shared.llm.scripted import ScriptedLlm
from shared.queue.base import Malformed
from shared.queue.consumer import MOST_ATTEMPTS
from shared.runs.queue_messages import RunMessage

RUN = {"owner": "me", "thread_id": "thread_1", "run_id": "run_1", "reason": "watch"}


@pytest.fixture
async def box(tmp_path):
    return build(Settings(_env_file=None, box_home=tmp_path, sandbox="none"), llm=ScriptedLlm(), tools=[])


@pytest.mark.parametrize(
    ("name", "body", "reason"),
    [
        ("runs", {}, "no AboutRun: Object missing required field `owner`"),
        ("runs", RUN | {"run_id": None}, "no AboutRun: Expected `str`, got `null` - at `$.run_id`"),
        ("runs", {"kind": "webhook"}, "no Notice: Object missing required field `webhook`"),
        ("ingestion", {"kind": "files"}, "no IndexMessage: Object missing required field `owner`"),
        ("ingestion", {"kind": "files", "owner": "me", "file_ids": 7}, "Expected `array`, got `int` - at `$.file_ids`"),
    ],
)
async def test_it_is_dropped_after_as_many_failures_as_others(box, caplog, name, body, reason):
    queue = box.deps.queue if name == "runs" else box.deps.ingestion
    await queue.send(body)
    async with box.at_work(retry_delay=0), asyncio.timeout(10):
        while await queue.count():  # noqa: ASYNC110  nobody tells when a queue is empty
            await asyncio.sleep(0.01)
    told = [(each.action, each) for each in caplog.records if each.action in ("message_failed", "message_dropped")]
    assert [action for action, _ in told] == ["message_failed"] * MOST_ATTEMPTS + ["message_dropped"]
    dropped = told[-1][1]
    assert (dropped.levelname, dropped.queue) == ("ERROR", name)
    assert reason in dropped.reason


def test_what_a_later_version_added_is_ignored():
    message = RunMessage.from_json(RUN | {"new": {"a": 1}})
    assert message == RunMessage(**RUN)
    assert RunMessage.from_json(message.to_json()) == message
    with pytest.raises(Malformed):
        RunMessage.from_json(RUN | {"returns": 1.5})
