"""What a model can be talked into has bounds: which tools, how many calls, how many turns, which sites."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.app import build
from shared.assistants import assistants
from shared.box import Box
from shared.config import Settings
from shared.deps import Caller
from shared.json_types import Json
from shared.llm.script import FunctionCall
from shared.llm.scripted import ScriptedLlm, call, raw_call, text
from shared.objects.assistant_requests import CreateAssistant
from shared.objects.run import RunKey
from shared.objects.run_requests import CreateThreadAndRun
from shared.paging import ListQuery
from shared.runs import create, service
from shared.store.base import Unavailable
from shared.tools.base import ToolContext, tool, toolbox
from shared.tools.catalog import catalog

FUNCTION = {"type": "function", "function": {"name": "send_letter", "parameters": {"type": "object"}}}


def letter() -> FunctionCall:
    return call("send_letter", text="Dear Ann")


class Office:
    """A box whose model writes letters; its messages are handled one by one."""

    def __init__(self, home: Any, **settings: Any):
        self.llm, self.letters, self.ahead = ScriptedLlm(), list[str](), 0.0
        self.settings = Settings(_env_file=None, box_home=home, sandbox="none", run_start="queue", **settings)
        self.box = self.open()

    def open(self) -> Box:
        async def send_letter(text: str) -> str:
            """Send a letter."""
            self.letters.append(text)
            return "sent"

        async def look_up(word: str) -> str:
            """Look a word up."""
            return word

        tools = [tool(send_letter, idempotent=False, timeout=5), tool(look_up, idempotent=True, timeout=5)]
        made = build(self.settings, llm=self.llm, tools=tools)
        clock = made.deps.clock
        deps = dataclasses.replace(made.deps, clock=lambda: clock() + self.ahead)
        return dataclasses.replace(made, deps=deps, worker=type(made.worker)(deps))

    async def restart(self) -> None:
        await self.box.close()
        self.box = self.open()

    async def run(self, owner: str = "ann", tools: list[Json] | None = None) -> tuple[Json, list[str]]:
        """A run that opts into every tool, to its end: the run, and what its calls were answered."""
        wanted = CreateAssistant.model_validate({"model": "m", "tools": tools or []})
        assistant = await assistants.create(Caller(self.box.deps, owner), wanted)
        body = {"assistant_id": assistant["id"], "metadata": {"server_tools": "*"}}
        run = await create.create_with_thread(
            Caller(self.box.deps, owner), self.box.driven, CreateThreadAndRun.model_validate(body)
        )
        key = RunKey(owner, run["thread_id"], run["id"])
        message = {"owner": owner, "thread_id": key.thread_id, "run_id": key.run_id, "reason": "start"}
        await self.box.handle_run(message)
        steps = await service.list_steps(self.box.deps, key, ListQuery(limit=100, order="asc"))
        calls = [each for row in steps.records for each in row.data["step"]["step_details"].get("tool_calls", [])]
        return await service.get(self.box.deps, key), [each["function"]["output"] for each in calls]


@pytest.fixture
def settings() -> dict[str, Any]:
    return {}


@pytest.fixture
async def office(tmp_path, settings) -> AsyncIterator[Office]:
    made = Office(tmp_path, **settings)
    yield made
    await made.box.close()


async def test_a_run_sends_five_letters_and_no_more(office):
    office.llm.script(*([letter()] for _ in range(7)), [text("I tried.")])

    run, outputs = await office.run()

    assert run["status"] == "completed"
    assert len(office.letters) == 5
    assert outputs[:5] == ["sent"] * 5
    assert all("a run may make 5 calls with side effects" in each for each in outputs[5:])


@pytest.mark.parametrize("settings", [{"side_effects_per_run": 2}])
async def test_calls_of_one_turn_are_counted_one_by_one(office):
    office.llm.script([letter(), call("look_up", word="box"), letter(), letter()], [letter()], [text("I tried.")])

    _, outputs = await office.run()

    assert office.letters == ["Dear Ann"] * 2
    assert outputs[1] == "box"
    assert [each.startswith("Error: This call was not carried out") for each in outputs] == [False] * 3 + [True] * 2


@pytest.mark.parametrize("settings", [{"side_effects_per_run": 2}])
async def test_ids_that_a_model_uses_again_evade_no_count(office):
    again = raw_call("send_letter", '{"text": "Dear Ann"}', call_id="call_0")
    office.llm.script([again, again, again], [again], [again], [text("I tried.")])

    run, outputs = await office.run()

    assert run["status"] == "completed"
    assert office.letters == ["Dear Ann"] * 2
    assert outputs[:4] == ["sent"] * 4, "a turn that uses an id again has made one call"


@pytest.mark.parametrize("settings", [{"side_effects_per_hour": 3}])
async def test_an_owner_has_a_number_of_calls_an_hour_whatever_runs_make_them(office):
    def script() -> None:
        office.llm.script([letter()], [letter()], [text("Done.")])

    script()
    await office.run()
    await office.restart()
    script()
    _, outputs = await office.run()
    assert outputs[0] == "sent"
    assert "3 calls with side effects an hour" in outputs[1]
    assert len(office.letters) == 3

    script()
    assert (await office.run("bob"))[1] == ["sent", "sent"]

    office.ahead = 3601
    script()
    assert (await office.run())[1] == ["sent", "sent"]


async def test_the_setting_of_sites_reaches_the_tool_that_visits_them(tmp_path):
    settings = Settings(_env_file=None, box_home=tmp_path, fetch_allowed_domains="news.example")
    fetch = toolbox(catalog(settings, embedded=False))["fetch_article"]

    answer = await fetch.run('{"url": "https://elsewhere.invalid/?d=secret"}', ToolContext("call_1", "ann", "t", "r"))

    assert answer == "Error: elsewhere.invalid may not be fetched from; allowed domains: news.example"


async def test_a_call_that_cannot_be_counted_is_not_made(office, monkeypatch):
    commit = office.box.deps.store.commit

    async def failing(partition, changes, *after):
        if partition == "ann:side-effects":
            raise Unavailable("silent")
        return await commit(partition, changes, *after)

    monkeypatch.setattr(office.box.deps.store, "commit", failing)
    office.llm.script([letter()], [text("I tried.")])

    run, [output] = await office.run()

    assert run["status"] == "completed"
    assert "could not be counted" in output
    assert office.letters == []


@pytest.mark.parametrize("settings", [{"max_turns": 3}])
async def test_a_model_that_calls_for_ever_is_stopped(office):
    office.llm.script(*([call("look_up", word="box")] for _ in range(9)))

    run, outputs = await office.run()

    assert (run["status"], run["last_error"]["code"]) == ("failed", "server_error")
    assert "3 turns" in run["last_error"]["message"]
    assert "MAX_TURNS" in run["last_error"]["message"]
    assert run["incomplete_details"] is None
    assert len(outputs) == len(office.llm.requests) == 3


ALLOWED = {"server_tools_allowed": {"ann": ["*"], "*": ["look_up"], "eve": []}}


@pytest.mark.parametrize("settings", [ALLOWED])
@pytest.mark.parametrize(("owner", "offered"), [("ann", ["send_letter", "look_up"]), ("bob", ["look_up"]), ("eve", [])])
async def test_the_operator_says_who_may_use_which_tool(office, owner, offered):
    office.llm.script([letter()], [text("Done.")])

    run, [output] = await office.run(owner)

    assert run["status"] == "completed"
    assert [each["name"] for each in office.llm.requests[0].tools] == offered
    assert office.letters == (["Dear Ann"] if owner == "ann" else [])
    told = "Error: send_letter is not allowed here (SERVER_TOOLS_ALLOWED)"
    assert output == ("sent" if owner == "ann" else told)


@pytest.mark.parametrize("settings", [ALLOWED])
async def test_a_function_that_the_client_declares_is_the_clients_where_the_tool_is_denied(office):
    office.llm.script([letter()])

    run, _ = await office.run("bob", tools=[FUNCTION])

    assert run["status"] == "requires_action"
    assert office.letters == []
