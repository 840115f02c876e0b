"""`box webhooks`: what could not be told, seen and sent again from the box's folder."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from pathlib import Path

import pytest

from shared.app import build
from shared.config import Settings
from shared.webhooks import kept
from shared.webhooks.notices import Notice
from tests.fakes.webhook_receiver import receiving
from tests.host.test_command_line import box
from tests.host.test_program import KEY, program

SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes ...").decode()


async def give_up(home: Path, *notices: Notice) -> None:
    """As if their servers had been away for two days."""
    made = build(Settings(_env_file=None, box_home=home))
    for notice in notices:
        await kept.keep(made.deps, notice, "it answered 503")
    await made.close()


@pytest.mark.long
def test_what_was_given_up_is_told_listed_and_sent_again(tmp_path: Path):
    with receiving() as receiver:
        hooks = {"shop": {"url": receiver.url, "secret": SECRET}, "gone": {"url": receiver.url, "secret": SECRET}}
        settings = {
            "BOX_HOME": str(tmp_path / "home"),
            "BOX_API_KEYS": json.dumps({"me": KEY}),
            "SANDBOX": "none",
            "WEBHOOKS": json.dumps(hooks),
            "WEBHOOK_ALLOWED_HOSTS": receiver.host,
        }
        about = {"type": "thread.run.failed", "owner": "me", "at": 1, "happened": True}
        data = {"id": "run_1", "thread_id": "thread_1", "status": "failed"}
        first = Notice(webhook="shop", notice_id="msg_1", data=data, **about)
        asyncio.run(give_up(tmp_path / "home", first, Notice(webhook="gone", notice_id="msg_2", data=data, **about)))

        listed = json.loads(box("webhooks", "list", "--json", **settings).stdout)
        assert [(each["webhook"], each["id"], each["why"]) for each in listed] == [
            ("shop", "msg_1", "it answered 503"),
            ("gone", "msg_2", "it answered 503"),
        ]
        assert listed[0]["data"] == data
        said = box("doctor", **settings)
        assert "2 notices given up: see `webhooks list`" in said.stdout
        assert SECRET not in said.stdout + box("webhooks", "list", **settings).stdout

        with program("run", **settings) as host:
            host.greet()
            assert box("webhooks", "replay", "msg_1", **settings).stdout == "msg_1  replayed\n"
            [told] = receiver.wait(1)
            assert told.headers["webhook-id"] == "msg_1"
            again = box("webhooks", "replay", "msg_1", **settings)
            assert (again.returncode, again.stderr) == (1, "Not among the notices that were given up: msg_1.\n")
            assert box("webhooks", "replay", **settings).returncode == 2

            receiver.otherwise = 410
            assert json.loads(box("webhooks", "replay", "--all", "--json", **settings).stdout)[0]["id"] == "msg_2"
            receiver.wait(2)
            end = time.monotonic() + 15
            while not (off := json.loads(box("webhooks", "list", "--json", **settings).stdout)):
                assert time.monotonic() < end, "it was not switched off"
            assert (off[0]["webhook"], off[0]["state"]) == ("gone", "off")
            assert "off since their server answered 410: gone" in box("doctor", **settings).stdout
            assert box("webhooks", "enable", "gone", **settings).stdout == "gone  enabled\n"
            assert box("webhooks", "enable", "gone", **settings).returncode == 1
