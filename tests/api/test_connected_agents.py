"""Assistants that ask one another: a call is a run of the other's, on a thread of its own."""

from __future__ import annotations

import json
import time

import pytest

from shared.deps import Caller
from shared.llm.scripted import call, fail, incomplete, pause, text
from shared.objects.run import RunKey
from shared.retention import holding
from shared.runs.recorder import Recorder
from shared.store.base import Unavailable
from shared.tools.base import ToolContext, tool
from tests.fakes.weather import WEATHER

OVER = ("completed", "failed", "cancelled", "expired", "incomplete")


def asks(assistant_id, name="stocks"):
    details = {"id": assistant_id, "name": name, "description": "Knows prices."}
    return {"type": "connected_agent", "connected_agent": details}


@pytest.fixture
def letters():
    return []


@pytest.fixture
def tools(letters):
    async def send_letter(text: str, context: ToolContext) -> str:
        """Send a letter."""
        letters.append(text)
        return "sent"

    return [tool(send_letter, idempotent=False, timeout=10)]


@pytest.fixture
def settings():
    return {"heartbeat_seconds": 0.1}


class Story:
    def __init__(self, http):
        self.http = http

    def assistant(self, *tools, **more):
        made = self.http.post("assistants", json={"model": "gpt-x", "tools": tools, **more})
        assert made.status_code == 200, made.text
        return made.json()["id"]

    def begin(self, assistant_id, **thread):
        thread = {"messages": [{"role": "user", "content": "Price?"}]} | thread
        run = self.http.post("threads/runs", json={"assistant_id": assistant_id, "thread": thread}).json()
        return self.path(run["thread_id"], run["id"])

    @staticmethod
    def path(thread_id, run_id):
        return f"threads/{thread_id}/runs/{run_id}"

    def end(self, path, *statuses):
        for _ in range(1000):
            run = self.http.get(path).json()
            if run.get("status") in (statuses or OVER):  # shown by the step, a child may not be there yet
                return run
            time.sleep(0.01)
        raise AssertionError(run)

    def calls(self, path):
        steps = self.http.get(f"{path}/steps?order=asc").json().get("data", [])
        return [each for step in steps for each in step["step_details"].get("tool_calls", [])]

    def child(self, path):
        """The run that the first call began, once the call is there."""
        for _ in range(1000):
            if calls := self.calls(path):
                asked = calls[0]["connected_agent"]
                return self.path(asked["thread_id"], asked["run_id"])
            time.sleep(0.01)
        raise AssertionError("nobody was asked")

    def output(self, path):
        self.end(path)
        return self.calls(path)[0]["connected_agent"]["output"]


@pytest.fixture
def story(http, box):
    return Story(http)


def test_an_assistant_asks_another_on_a_thread_of_its_own(story, llm, http):
    other = story.assistant(instructions="Prices.")
    llm.script([call("stocks", message="MSFT?")], [text("It is 12.")], [text("12, I heard.")])

    path = story.begin(story.assistant(asks(other)), metadata={"user": "anna"})

    assert story.end(path)["status"] == "completed"
    [made] = story.calls(path)
    asked = made["connected_agent"]
    assert made["type"] == "connected_agent"
    assert asked["name"] == "stocks"
    assert asked["arguments"] == '{"message": "MSFT?"}'
    assert (asked["output"], asked["assistant_id"]) == ("It is 12.", other)
    child = http.get(story.path(asked["thread_id"], asked["run_id"])).json()
    assert (child["status"], child["assistant_id"]) == ("completed", other)
    assert child["instructions"] == "Prices."
    messages = http.get(f"threads/{asked['thread_id']}/messages?order=asc").json()["data"]
    assert [each["content"][0]["text"]["value"] for each in messages] == ["MSFT?", "It is 12."]
    parent_thread, parent_run = path.split("/")[1::2]
    marks = {"user": "anna", "parent_thread_id": parent_thread, "parent_run_id": parent_run}
    assert http.get(f"threads/{asked['thread_id']}").json()["metadata"] == marks
    assert {each["id"] for each in http.get("threads").json()["data"]} == {parent_thread, asked["thread_id"]}
    assert llm.requests[0].tools[0]["description"] == "Knows prices."

    http.delete(f"threads/{parent_thread}")
    assert http.get(f"threads/{asked['thread_id']}").status_code == 404
    assert http.get("threads").json()["data"] == []


def test_what_the_other_does_not_say_is_told_to_the_model(story, llm, http):
    waits, gone = story.assistant(WEATHER), story.assistant()
    http.delete(f"assistants/{gone}")
    plain = story.assistant()
    names = {"waits": waits, "gone": gone, "wrong": "x", "plain": plain}
    asking = story.assistant(*(asks(each, name) for name, each in names.items()))

    def ask(name, *turns, **arguments):
        llm.script([call(name, **(arguments or {"message": "Hm?"}))], *turns, [text("Oh.")])
        path = story.begin(asking)
        assert story.end(path)["status"] == "completed"
        return story.output(path), story.child(path)

    assert ask("gone")[0] == f"Error: No assistant found with id '{gone}'."
    assert "Invalid 'assistant_id'" in ask("wrong")[0]
    assert ask("plain", question="x")[0] == "Error: 'message' must be a text"
    assert ask("plain", [fail("server_error", "It broke.")])[0] == "Error: its run failed: It broke."
    short, _ = ask("plain", [text("Well, "), incomplete()])
    assert short.startswith("Error: it stopped before its answer was complete (max_completion_tokens).")
    assert short.endswith("Well, ")
    said, child = ask("waits", [call("get_weather", city="Oslo")])
    assert said.startswith("Error: it waits for an approval or for the outputs of functions")
    assert http.get(child).json()["status"] == "cancelled"
    assert len(ask("plain", [text("x" * 60_000)])[0]) < 50_100


def test_assistants_do_not_ask_in_circles(story, llm, http):
    first, second = story.assistant(), story.assistant()
    http.post(f"assistants/{first}", json={"tools": [asks(second)]})
    http.post(f"assistants/{second}", json={"tools": [asks(first)]})
    llm.script([call("stocks", message="1")], [call("stocks", message="2")], [text("No.")], [text("No!")])

    path = story.begin(first)

    assert story.output(path) == "No."
    assert story.output(story.child(path)) == "Error: it is waiting for this very answer, so it cannot be asked"


def test_assistants_ask_one_another_three_deep(story, llm):
    lowest = story.assistant()
    for _ in range(4):
        lowest = story.assistant(asks(lowest))
    llm.script(*([call("stocks", message="?")] for _ in range(4)), *([text(str(each))] for each in range(4)))

    path = story.begin(lowest)
    assert story.end(path)["status"] == "completed"
    for _ in range(3):
        path = story.child(path)

    assert story.output(path) == "Error: assistants may ask one another 3 deep, and this is deeper"
    assert llm.turns_left == 0


@pytest.mark.parametrize("end", ["cancelled", "expired", "deleted"])
def test_the_parents_end_reaches_the_child_and_what_is_below(story, llm, http, box, letters, end):
    lowest = story.assistant(metadata={"server_tools": "*"})
    middle = story.assistant(asks(lowest))
    never = [pause(60), call("send_letter", text="Too late.")]
    llm.script([call("stocks", message="1")], [call("stocks", message="2")], never)
    path = story.begin(story.assistant(asks(middle)))
    child = story.child(path)
    grandchild = story.child(child)
    story.end(grandchild, "in_progress")

    if end == "cancelled":
        http.post(f"{path}/cancel")
    elif end == "expired":
        run = http.get(path).json()
        box.run(expire(box, run))
    else:
        http.delete(f"threads/{path.split('/')[1]}")

    if end == "deleted":
        assert http.get(child).status_code == http.get(grandchild).status_code == 404
    else:
        assert story.end(path)["status"] == end
        assert story.end(child)["status"] == story.end(grandchild)["status"] == "cancelled"
    assert letters == []


async def expire(box, run):
    """Let the run's time be over, and its driver see it."""
    recorder = await Recorder.load(box.deps, RunKey("me", run["thread_id"], run["id"]))
    await recorder.end("expired")


def test_a_cancelled_child_is_told_to_its_parent(story, llm, http):
    llm.script([call("stocks", message="1")], [pause(60)], [text("Oh.")])
    path = story.begin(story.assistant(asks(story.assistant())))
    child = story.child(path)
    story.end(child, "in_progress")

    http.post(f"{child}/cancel")

    assert story.output(path) == "Error: its run was cancelled"


ONE_PLACE = [
    {"runs_at_once": 1, "run_start": start, "model_turns": turns}
    for start in ("here", "queue")
    for turns in ("streamed", "background")
]


@pytest.mark.parametrize("settings", ONE_PLACE)
def test_runs_that_wait_take_no_place_from_those_they_wait_for(story, llm):
    other = story.assistant(instructions="other")
    asking = story.assistant(asks(other), instructions="asking")
    llm.default = asked_or_asking

    paths = [story.begin(asking) for _ in range(3)]

    assert [story.output(each) for each in paths] == ["12"] * 3


def asked_or_asking(request):
    if request.instructions == "other":
        return [text("12")]
    answered = any(item.get("type") == "function_call_output" for item in request.input)
    return [text("12!")] if answered else [call("stocks", message="?")]


def test_the_operator_may_be_asked_or_say_no(story, llm, box, http):
    llm.script([call("stocks", message="?")], [text("Nothing.")])
    asking = story.assistant(asks(story.assistant()))
    box.settings.server_tools_allowed.update({"*": ["*", "connected_agent:ask"]})
    path = story.begin(asking)
    run = story.end(path, "requires_action")
    [wanted] = run["required_action"]["submit_tool_approval"]["tool_calls"]
    assert wanted["connected_agent"]["name"] == "stocks"
    said = {"tool_approvals": [{"tool_call_id": wanted["id"], "approve": False}]}
    http.post(f"{path}/submit_tool_outputs", json=said)
    assert "did not approve" in story.output(path)
    assert http.get(story.child(path)).status_code == 404

    llm.script([call("stocks", message="?")], [text("12")], [text("12!")])
    path = story.begin(asking)
    [wanted] = story.end(path, "requires_action")["required_action"]["submit_tool_approval"]["tool_calls"]
    http.post(f"{path}/submit_tool_outputs", json={"tool_approvals": [{"tool_call_id": wanted["id"], "approve": True}]})
    assert story.output(path) == "12"
    assert http.get(story.child(path)).json()["status"] == "completed"

    llm.script([text("Nothing.")])
    box.settings.server_tools_allowed.update({"*": ["*", "connected_agent:deny"]})
    story.end(story.begin(asking))
    assert llm.requests[-1].tools == []


def test_who_is_forbidden_meanwhile_is_not_asked(story, llm, http, box):
    asking = story.assistant(asks(story.assistant()))
    box.settings.server_tools_allowed.update({"*": ["*", "connected_agent:ask"]})
    llm.script([call("stocks", message="?")], [text("I may not.")])
    path = story.begin(asking)
    [wanted] = story.end(path, "requires_action")["required_action"]["submit_tool_approval"]["tool_calls"]
    box.settings.server_tools_allowed.update({"*": ["*", "connected_agent:deny"]})

    http.post(f"{path}/submit_tool_outputs", json={"tool_approvals": [{"tool_call_id": wanted["id"], "approve": True}]})

    assert story.output(path) == "Error: connected_agent is not allowed here (SERVER_TOOLS_ALLOWED)"
    assert http.get(story.child(path)).status_code == 404


def test_one_turn_may_ask_several_and_a_stream_tells_each_once(story, llm, http):
    other = story.assistant(instructions="other")
    asking = story.assistant(asks(other))
    llm.script([call("stocks", message="1"), call("stocks", message="2")])
    llm.default = lambda request: [text("12" if request.instructions == "other" else "12 and 12.")]

    body = {"assistant_id": asking, "thread": {"messages": [{"role": "user", "content": "Price?"}]}, "stream": True}
    with http.stream("POST", "threads/runs", json=body) as response:
        data = [json.loads(line[6:]) for line in response.iter_lines() if line.startswith("data: {")]

    assert data[-1]["status"] == "completed"
    deltas = [each["delta"]["step_details"] for each in data if each["object"] == "thread.run.step.delta"]
    told = [call["connected_agent"] for delta in deltas for call in delta["tool_calls"]]
    [done] = [each for each in data if each["object"] == "thread.run.step" and each["status"] == "completed"][:1]
    made = [each["connected_agent"] for each in done["step_details"]["tool_calls"]]
    assert [each["output"] for each in made] == ["12", "12"]
    assert [each["run_id"] for each in told if "run_id" in each] == [each["run_id"] for each in made]
    assert len({each["thread_id"] for each in made}) == 2


def test_a_hold_keeps_the_childs_thread(story, llm, http, box):
    llm.script([call("stocks", message="1")], [text("12")], [text("12!")])
    path = story.begin(story.assistant(asks(story.assistant())))
    story.end(path)
    child = story.child(path).split("/")[1]
    box.run(holding.add(Caller(box.deps, "me"), thread_id=child, metadata={}))

    assert http.delete(f"threads/{path.split('/')[1]}").status_code == 200
    assert http.get(f"threads/{child}").status_code == 200


def test_a_deleted_child_is_told_to_its_parent(story, llm, http):
    llm.script([call("stocks", message="1")], [pause(60)], [text("Oh.")])
    path = story.begin(story.assistant(asks(story.assistant())))
    child = story.child(path)
    story.end(child, "in_progress")

    http.delete(f"threads/{child.split('/')[1]}")

    assert story.output(path) == "Error: its thread was deleted"


def test_a_store_that_stumbles_ends_no_call(story, llm, http, box):
    llm.script([call("stocks", message="1")], [text("12")], [text("12!")])
    thread = http.post("threads", json={"messages": [{"role": "user", "content": "Price?"}]}).json()["id"]
    stumbled: list[str] = []

    async def stumbling(get, partition, key):
        if key.startswith("run_") and not partition.endswith(thread) and len(stumbled) < 3:
            stumbled.append(key)
            raise Unavailable("busy")
        return await get(partition, key)

    asking = story.assistant(asks(story.assistant()))
    box.deps.store.replace(get=stumbling)
    path = story.path(thread, http.post(f"threads/{thread}/runs", json={"assistant_id": asking}).json()["id"])

    assert story.output(path) == "12"
    assert len(stumbled) == 3
