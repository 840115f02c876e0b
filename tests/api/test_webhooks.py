"""Webhooks: what they are told, when, and what becomes of servers that do not take it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import sqlite3
import subprocess
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks
from pydantic import SecretStr

from shared import housekeeping
from shared.app import build
from shared.config import Settings
from shared.llm.scripted import call, fail, pause, text
from shared.runs import webhook_events
from shared.webhooks import kept
from shared.webhooks.notices import Notice
from shared.webhooks.worker import WAITS, WebhookWorker
from tests.fakes.webhook_receiver import receiving
from tests.waiting import until

NODE_MODULES = Path(__file__).parent.parent / "node_modules"
SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes ...").decode()
OLD_SECRET = "whsec_" + base64.b64encode(b"the secret that was there before").decode()


@pytest.fixture
def receiver():
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def hook() -> dict[str, Any]:
    """What the settings say of the webhook beside its address; override by parametrisation."""
    return {"secret": SECRET}


@pytest.fixture
def settings(receiver, hook):
    return {"webhooks": {"shop": {"url": receiver.url} | hook}, "webhook_allowed_hosts": receiver.host}


@pytest.fixture
def delays(box) -> list[float]:
    """What is to come later in the queue comes at once; for how long it should have waited."""
    waited: list[float] = []

    async def soon(send, body, delay=0.0):
        waited.append(delay)
        return await send(body, 0 if body.get("kind") == "webhook" else delay)

    box.deps.queue.replace(send=soon)
    return waited


def types(told) -> list[str]:
    return [json.loads(each.body)["type"] for each in told]


def begin(client, thread, assistant):
    return client.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)


def test_the_end_of_a_run_is_told_signed(client, llm, receiver, thread, assistant):
    llm.script([text("Rain.")])
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)

    [told] = receiver.wait(1)

    body = json.loads(told.body)
    assert body.keys() == {"type", "timestamp", "data"}
    assert body["type"] == "thread.run.completed"
    assert body["data"] == {"id": run.id, "thread_id": thread.id, "status": "completed"}
    assert body["timestamp"].endswith("Z")
    sent = told.headers
    assert sent["content-type"] == "application/json"
    assert abs(int(sent["webhook-timestamp"]) - time.time()) < 60
    signed = f"{sent['webhook-id']}.{sent['webhook-timestamp']}.".encode() + told.body
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    assert sent["webhook-signature"] == "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


@pytest.mark.parametrize("hook", [{"secret": f"{SECRET} {OLD_SECRET}"}])
def test_while_a_secret_is_replaced_both_sign(client, llm, receiver, thread, assistant):
    llm.script([text("Rain.")])
    begin(client, thread, assistant)
    [told] = receiver.wait(1)
    assert [each[:3] for each in told.headers["webhook-signature"].split(" ")] == ["v1,", "v1,"]


NODE = """
const { Webhook } = require("standardwebhooks");
const { secrets, headers, body } = JSON.parse(require("fs").readFileSync(0));
for (const secret of secrets) console.log(new Webhook(secret).verify(body, headers).type);
"""


@pytest.mark.parametrize("hook", [{"secret": f"{SECRET} {OLD_SECRET}"}])
def test_receivers_verify_it_with_the_packages_of_standard_webhooks(client, llm, receiver, thread, assistant):
    llm.script([text("Rain.")])
    begin(client, thread, assistant)
    [told] = receiver.wait(1)
    for secret in (SECRET, OLD_SECRET):
        assert standardwebhooks.Webhook(secret).verify(told.body, told.headers)["type"] == "thread.run.completed"
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(SECRET).verify(told.body.replace(b"completed", b"cancelled"), told.headers)
    if not (NODE_MODULES / "standardwebhooks").exists():
        pytest.skip("standardwebhooks for Node is not installed; tests/install-node-packages.sh does it")
    told_node = json.dumps({"secrets": [SECRET, OLD_SECRET], "headers": told.headers, "body": told.body.decode()})
    node = subprocess.run(
        ["node", "-e", NODE], cwd=NODE_MODULES.parent, input=told_node, capture_output=True, text=True
    )
    assert (node.stdout.split(), node.stderr) == (["thread.run.completed"] * 2, "")


def test_waits_ends_and_the_ends_of_others_are_told(client, llm, box, receiver, thread, assistant):
    llm.script([call("get_weather", city="Oslo")], [text("Rain.")], [fail()])
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    receiver.wait(1)
    [pending] = run.required_action.submit_tool_outputs.tool_calls
    outputs = [{"tool_call_id": pending.id, "output": "wet"}]
    client.beta.threads.runs.submit_tool_outputs_and_poll(run_id=run.id, thread_id=thread.id, tool_outputs=outputs)
    receiver.wait(2)
    client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    receiver.wait(3)
    held = box.event()
    llm.script([pause(held)])
    run = begin(client, thread, assistant)
    client.beta.threads.runs.cancel(run.id, thread_id=thread.id)
    ends = ["requires_action", "completed", "failed", "cancelled"]
    told = receiver.wait(4)
    assert types(told) == [f"thread.run.{each}" for each in ends]
    assert len({each.headers["webhook-id"] for each in told}) == 4


def test_indexed_files_are_told(client, receiver):
    store = client.vector_stores.create()
    for name, content in (("a.txt", b"some words"), ("b.pdf", b"%PDF-none")):
        file = client.files.create(file=(name, content), purpose="assistants")
        client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id)
        told = receiver.wait(1 if name == "a.txt" else 2)[-1]
        status = "completed" if name == "a.txt" else "failed"
        data = {"id": file.id, "vector_store_id": store.id, "status": status}
        assert json.loads(told.body)["type"] == f"vector_store.file.{status}"
        assert json.loads(told.body)["data"] == data


@pytest.mark.parametrize(
    "hook", [{"secret": SECRET, "events": ["vector_store.file.*"]}, {"secret": SECRET, "owners": ["other"]}]
)
def test_who_does_not_listen_hears_nothing(client, llm, receiver, thread, assistant):
    llm.script([text("Rain.")])
    client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    time.sleep(0.3)
    assert receiver.told == []


@pytest.mark.parametrize("behaviour", [500, 404, 302, "redirect", "closing", "endless headers"])
def test_what_is_not_taken_is_told_again_by_the_same_id(client, llm, receiver, delays, thread, assistant, behaviour):
    receiver.behaviours = [behaviour, behaviour]
    llm.script([text("Rain.")])
    begin(client, thread, assistant)
    told = receiver.wait(3)
    assert len({each.headers["webhook-id"] for each in told}) == 1
    assert len({each.body for each in told}) == 1
    assert delays[-2:] == [*WAITS[:2]]
    assert receiver.redirected == 0


def test_a_huge_answer_is_not_read(client, llm, receiver, thread, assistant):
    """What counts of an answer is its status."""
    receiver.otherwise = "huge"
    llm.script([text("Rain.")])
    begun = time.monotonic()
    begin(client, thread, assistant)
    receiver.wait(1)
    time.sleep(0.5)
    assert len(receiver.told) == 1
    assert time.monotonic() - begun < 5


def given_up(box) -> list[Any]:
    return box.run(kept.undelivered(box.deps))


def test_what_nobody_takes_is_kept_for_a_month(client, raw, llm, box, receiver, delays, thread, assistant):
    receiver.otherwise = 503
    llm.script([text("Rain.")])
    run = begin(client, thread, assistant)
    [row] = until(lambda: given_up(box))
    assert len(receiver.told) == len(WAITS) + 1
    assert delays[-len(WAITS) :] == [*WAITS]
    assert (row.data["why"], row.data["notice"]["data"]["id"]) == ("it answered 503", run.id)
    assert raw.get("/healthz?deep=1").json()["undelivered"] == 1

    box.clock.advance(kept.NOTICE_SECONDS + 1)
    box.run(housekeeping.sweep(box.deps))
    assert given_up(box) == []


def test_a_server_that_is_gone_is_told_no_more(client, llm, box, receiver, thread, assistant):
    receiver.otherwise = 410
    llm.script([text("Rain.")], [text("Rain.")], [text("Rain.")])
    begin(client, thread, assistant)
    until(lambda: box.run(kept.switched_off(box.deps)))
    client.beta.threads.runs.poll(client.beta.threads.runs.list(thread.id).data[0].id, thread_id=thread.id)
    client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    time.sleep(0.3)
    assert len(receiver.told) == 1

    receiver.otherwise = 204
    assert box.run(kept.switch_on(box.deps, "shop"))
    begin(client, thread, assistant)
    receiver.wait(2)


@pytest.mark.parametrize("settings", [{}])
def test_a_slow_server_holds_up_nobody(client, llm, box, receiver, thread, assistant):
    """Four attempts at a time; what comes meanwhile waits in the queue, and each attempt ends in time."""
    receiver.otherwise = "slow"
    hooks = {"shop": {"url": receiver.url, "secret": SECRET}}
    deps = replace(box.deps, settings=Settings(_env_file=None, webhooks=hooks, webhook_allowed_hosts=receiver.host))
    worker = WebhookWorker(deps, {"thread.run.": happened}, seconds=0.5)
    sent: list[float] = []

    async def hold(send, body, delay=0.0):
        sent.append(delay)

    box.deps.queue.replace(send=hold)
    notice = Notice(webhook="shop", notice_id="msg_1", type="thread.run.failed", owner="me", at=1, data={})

    async def many():
        await asyncio.gather(*(worker.handle(notice.to_json()) for _ in range(10)))

    begun = time.monotonic()
    box.run(many())
    assert time.monotonic() - begun < 2
    assert sorted(sent) == [3.0] * 6 + [5.0] * 4


async def happened(deps, notice):
    return True


@pytest.mark.parametrize("settings", [{}])
def test_a_server_inside_is_told_nothing_unless_it_is_allowed(box, receiver):
    hooks = {
        "shop": {"url": receiver.url, "secret": SECRET},
        "name": {"url": "http://inside.example/x", "secret": SECRET},
    }
    deps = replace(box.deps, settings=Settings(_env_file=None, webhooks=hooks))

    async def resolve(host, port):
        return ["10.0.0.1"]

    worker = WebhookWorker(deps, {"thread.run.": happened}, waits=(), resolve=resolve)
    for name in hooks:
        notice = Notice(webhook=name, notice_id="msg_1", type="thread.run.failed", owner="me", at=1, data={})
        box.run(worker.handle(notice.to_json()))
    assert receiver.told == []
    why = [each.data["why"] for each in given_up(box)]
    assert len(why) == 2
    assert any("not on the public internet" in each for each in why)


def test_what_never_happened_is_not_told(client, llm, box, receiver, thread, assistant):
    """A notice is sent before its commit; one whose commit was refused tells of nothing."""
    llm.script([text("Rain.")])
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    receiver.wait(1)
    data = {"id": run.id, "thread_id": thread.id, "status": "failed"}
    base = Notice(webhook="shop", notice_id="msg_1", type="thread.run.failed", owner="me", at=1, data=data, mark="1:")
    others = [
        base,
        replace(base, type="thread.run.completed", data=data | {"status": "completed"}, mark="7:"),
        replace(base, type="thread.run.requires_action", data=data | {"status": "requires_action"}, mark="0:x"),
        replace(base, data=data | {"thread_id": "thread_gone"}),
        replace(base, webhook="forgotten"),
    ]
    assert [box.run(webhook_events.happened(box.deps, each)) for each in others[:4]] == [False] * 4
    for each in others:
        box.run(box.deps.queue.send(each.to_json()))
    time.sleep(0.5)
    assert len(receiver.told) == 1


def test_secrets_and_addresses_are_stored_and_logged_nowhere(
    client, llm, box, receiver, tmp_path, thread, assistant, caplog, delays
):
    receiver.otherwise = 500
    llm.script([text("Rain.")])
    begin(client, thread, assistant)
    until(lambda: given_up(box))
    with closing(sqlite3.connect(tmp_path / "box.db")) as database:
        stored = "".join(data for (data,) in database.execute("SELECT data FROM records"))
    for canary in (SECRET, SECRET.removeprefix("whsec_"), receiver.url):
        assert canary not in stored
        assert canary not in caplog.text
        assert canary not in repr(box.settings) or canary == receiver.url


@pytest.mark.parametrize(
    ("hook", "words"),
    [
        ({"secret": "whsec_c2hvcnQ="}, "24 to 64 random bytes"),
        ({"secret": "not one at all, long as it may be ..."}, "24 to 64 random bytes"),
        ({"secret": SECRET, "events": ["thread.run.done"]}, "there are no events"),
        ({"secret": SECRET, "url": "ftp://x"}, "no http or https address"),
        ({"secret": SECRET, "url": "https://x:99999/"}, "no http or https address"),
        ({"secret": SECRET, "url": f"https://ops:{SECRET}@x/"}, "a name and password"),
        ({"secret": SECRET, "url": f"https://{SECRET}\u2100/"}, "no http or https address"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_without_their_secrets(tmp_path, hook, words):
    hooks = {"shop": {"url": "https://shop.example/hook"} | hook}
    settings = Settings(_env_file=None, box_home=tmp_path, box_api_keys={"me": SecretStr("sk")}, webhooks=hooks)
    with pytest.raises(ValueError, match=f"WEBHOOKS: shop: .*{words}") as refused:
        build(settings)
    assert hook["secret"] not in str(refused.value)


def test_a_notice_on_which_the_box_failed_is_kept_too(box, receiver):
    """It lies in the queue of runs, whose poison would otherwise end a run."""
    made = build(box.settings)
    data = {"id": "run_1", "thread_id": "thread_1", "status": "failed"}
    notice = Notice(webhook="shop", notice_id="msg_1", type="thread.run.failed", owner="me", at=1, data=data)

    async def poison() -> None:
        await made.handle_poisoned_run(notice.to_json())
        await made.close()

    asyncio.run(poison())
    [row] = given_up(box)
    assert row.data["notice"]["notice_id"] == "msg_1"
    assert receiver.told == []


@pytest.mark.parametrize("settings", [{}])
def test_nobody_who_names_none_pays_for_webhooks(client, box, llm, thread, assistant):
    sent: list[dict[str, Any]] = []

    async def seen(send, body, delay=0.0):
        sent.append(body)
        return await send(body, delay)

    def prepared(prepare, body, delay, spare=None):
        sent.append(body)
        return prepare(body, delay, spare)

    box.deps.queue.replace(send=seen, prepare=prepared)
    llm.script([text("Rain.")])
    client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    assert [each["reason"] for each in sent] == ["watch"]
