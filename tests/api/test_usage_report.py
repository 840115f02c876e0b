"""What runs have used is told by owner, assistant, model and day; it stays when their threads are gone."""

from __future__ import annotations

import csv
import io
import time
from datetime import UTC, datetime

import httpx2 as httpx
import pytest
from pydantic import SecretStr, ValidationError

from shared import housekeeping
from shared.config import Settings
from shared.llm.base import TurnUsage
from shared.llm.scripted import call, fail, text
from shared.store.base import Delete

DAY = 24 * 3600
ADMIN = {"Authorization": "Bearer sk-admin"}
PRICES = {"gpt-x": {"input": "2", "cached_input": "0.5", "output": "8"}}


@pytest.fixture
def settings():
    return {"prices": PRICES, "box_admin_keys": {"ops": SecretStr("sk-admin")}}


def used(client: httpx.Client, path: str = "usage", **query: str) -> list[dict]:
    response = client.get(path, params=query)
    assert response.status_code == 200, response.text
    return response.json()["data"]


def total(client: httpx.Client, **query: str) -> dict:
    [group] = used(client, **({"group_by": "owner"} | query))
    return group


def test_a_run_is_counted_with_its_tokens_its_calls_and_what_they_cost(llm, ask, submit, http, assistant):
    llm.script([call("get_weather", call_id="call_1"), TurnUsage(1000, 20, 640, 8)], [text("Rain."), TurnUsage(150, 5)])
    submit(ask(), call_1="wet")

    [group] = used(http, group_by="assistant,model")

    assert group["assistant_id"] == assistant.id
    assert (group["model"], group["day"], group["owner"]) == ("gpt-x", None, None)
    assert (group["runs"], group["turns"], group["tool_calls"], group["search_calls"]) == (1, 2, 1, 0)
    assert (group["input_tokens"], group["cached_tokens"]) == (1150, 640)
    assert (group["output_tokens"], group["reasoning_tokens"]) == (25, 8)
    assert group["cost"] == pytest.approx((510 * 2 + 640 * 0.5 + 25 * 8) / 1e6)


def test_runs_that_fail_are_counted_and_owners_see_their_own(llm, ask, http, other):
    llm.script([TurnUsage(100, 7), fail()])
    assert ask().status == "failed"
    assert total(http)["input_tokens"] == 100
    assert used(other) == []


def test_a_model_without_a_price_has_no_cost(llm, ask, http):
    llm.script([text("Rain."), TurnUsage(100, 7)], [text("Rain."), TurnUsage(100, 7)])
    ask()
    ask(model="gpt-unpriced")
    assert [(each["model"], each["cost"]) for each in used(http, group_by="model")] == [
        ("gpt-unpriced", None),
        ("gpt-x", pytest.approx(256e-6)),
    ]
    assert total(http)["cost"] is None


def test_usage_is_booked_on_the_model_that_answers(llm, ask, http):
    llm.aliases["gpt-old"] = "gpt-x"
    llm.script([text("Rain."), TurnUsage(100, 7)])
    assert ask(model="gpt-old").model == "gpt-old"
    [group] = used(http, group_by="model")
    assert (group["model"], group["cost"]) == ("gpt-x", pytest.approx(256e-6))


def test_administrators_see_everybody(llm, ask, raw):
    llm.script([text("Rain."), TurnUsage(100, 7)])
    ask()
    [group] = raw.get("/v1/admin/usage", headers=ADMIN).json()["data"]
    assert (group["owner"], group["input_tokens"]) == ("me", 100)
    assert raw.get("/v1/admin/usage?owner=other", headers=ADMIN).json()["data"] == []
    assert raw.get("/v1/admin/usage?owner=no:body", headers=ADMIN).status_code == 400
    assert raw.get("/v1/usage", headers=ADMIN).status_code == 403


def test_usage_stays_when_its_thread_is_deleted(llm, ask, http, client, thread):
    llm.script([text("Rain."), TurnUsage(100, 7)])
    ask()
    client.beta.threads.delete(thread.id)
    assert total(http)["input_tokens"] == 100


def test_a_run_whose_thread_is_deleted_meanwhile_is_counted_as_far_as_it_came(llm, ask, http, client, thread):
    llm.script([call("get_weather", call_id="call_1"), TurnUsage(100, 7)])
    assert ask().status == "requires_action"
    client.beta.threads.delete(thread.id)
    assert (total(http)["runs"], total(http)["input_tokens"]) == (1, 100)


def test_a_run_that_is_cancelled_or_expires_is_counted(llm, ask, http, client, thread, box):
    llm.script([call("get_weather", call_id="call_1"), TurnUsage(100, 7)])
    run = ask()
    client.beta.threads.runs.cancel(run.id, thread_id=thread.id)
    while client.beta.threads.runs.retrieve(run.id, thread_id=thread.id).status != "cancelled":
        time.sleep(0.01)
    llm.script([call("get_weather", call_id="call_1"), TurnUsage(30, 7)])
    ask()
    box.clock.advance(700)
    assert client.beta.threads.runs.list(thread.id).data
    housekeeping_done(box, housekeeping.sweep)
    assert (total(http)["runs"], total(http)["input_tokens"]) == (2, 130)


def test_days_are_added_up_and_say_the_same(llm, ask, http, box):
    for tokens in (100, 200):
        llm.script([text("Rain."), TurnUsage(tokens, 7)])
        ask()
        box.clock.advance(DAY)
    before = used(http, start=first_day(box), group_by="day,model")
    assert [each["input_tokens"] for each in before] == [100, 200]
    box.clock.advance(3 * DAY)

    for _ in range(3):  # seen, then added up after an hour, then nothing
        housekeeping_done(box, housekeeping.add_up_usage)
        box.clock.advance(3600)

    rows = box.run(box.deps.store.scan("me:usage", "!", "~", 100))
    assert [row.key[:4] for row in rows if row.key[:4] in ("run-", "day-")] == ["day-", "day-"]
    assert used(http, start=first_day(box), group_by="day,model") == before


def test_a_run_that_is_written_again_after_its_day_was_added_up_is_not_counted_twice(llm, ask, http, box, thread):
    llm.script([text("Rain."), TurnUsage(100, 7)])
    run = ask()
    assert total(http)["runs"] == 1
    box.clock.advance(4 * DAY)
    for _ in range(2):
        housekeeping_done(box, housekeeping.add_up_usage)
        box.clock.advance(3600)
    message = {"owner": "me", "thread_id": thread.id, "run_id": run.id, "reason": "watch", "until": 2**40}
    box.run(box.deps.queue.send(message))
    while box.run(box.deps.queue.count()):
        time.sleep(0.01)
    assert total(http, start=first_day(box))["runs"] == 1


def test_a_run_that_was_never_written_is_written_late(llm, ask, http, box, thread):
    """Its box was switched off right after its end, for days."""
    llm.script([text("Rain."), TurnUsage(100, 7)])
    run = ask()
    assert total(http)["runs"] == 1
    [row] = box.run(box.deps.store.scan("me:usage", "run-", "run-~", 100))
    box.run(box.deps.store.commit("me:usage", [Delete(row.key)]))
    box.clock.advance(4 * DAY)
    message = {"owner": "me", "thread_id": thread.id, "run_id": run.id, "reason": "watch", "until": 2**40}
    for _ in range(2):
        box.run(box.deps.queue.send(message))
        while box.run(box.deps.queue.count()):
            time.sleep(0.01)
    assert total(http, start=first_day(box))["runs"] == 1


def test_files_are_told_in_bytes_as_housekeeping_found_them(client, http, box):
    client.files.create(file=("a.txt", b"x" * 1000), purpose="assistants")
    housekeeping_done(box, housekeeping.remove_orphans)
    assert total(http)["stored_bytes"] == 1000
    assert [each["stored_bytes"] for each in used(http)] == [1000]
    assert used(http, group_by="model") == []


def test_csv_is_the_same_table(llm, ask, http):
    llm.script([text("Rain."), TurnUsage(100, 7)])
    ask(model="=1+1")
    response = http.get("usage", params={"group_by": "model", "format": "csv"})
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    [line] = csv.DictReader(io.StringIO(response.text))
    assert (line["model"], line["runs"], line["input_tokens"], line["cost"], line["day"]) == (
        "'=1+1",
        "1",
        "100",
        "",
        "",
    )


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"start": "yesterday"}, "start"),
        ({"start": "2026-02-30"}, "start"),
        ({"start": "2026-02-03", "end": "2026-02-02"}, "start"),
        ({"start": "2020-01-01", "end": "2026-02-02"}, "start"),
        ({"group_by": "planet"}, "group_by"),
        ({"format": "xml"}, "format"),
    ],
)
def test_what_cannot_be_asked_is_refused(http, query, param):
    response = http.get("usage", params=query)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param


def first_day(box) -> str:
    return f"{datetime.fromtimestamp(box.clock() - 30 * DAY, UTC):%Y-%m-%d}"


def housekeeping_done(box, what) -> None:
    box.run(what(box.deps))


@pytest.mark.parametrize("price", ["1e999999999", "-1", "NaN"])
def test_a_price_that_cannot_be_reckoned_with_is_refused(price):
    with pytest.raises(ValidationError, match=r"prices\.gpt-x\.input"):
        Settings(_env_file=None, prices={"gpt-x": {"input": price, "output": 1}})
