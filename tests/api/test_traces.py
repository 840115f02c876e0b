"""A run as a trace: its turns, calls, waits and searches, whoever carries it on, and nothing of what is said."""

from __future__ import annotations

import json
import time

import pytest

from shared.llm.scripted import call, fail, incomplete, pause, text, usage
from shared.tools.base import tool
from tests.api.conftest import KEY, Box, below
from tests.fakes.spans import Told
from tests.fakes.weather import WEATHER
from tests.waiting import until

SECRET = "the-word-that-stays-here"
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = {"traceparent": f"00-{TRACE}-{SPAN}-01"}


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def box(tmp_path, settings, tools, told):
    box = Box(tmp_path, settings)
    box.tools = tools
    box.telemetry = told.telemetry(box.settings, box.clock)
    box.start()
    yield box
    box.stop()


@pytest.fixture
def tools():
    async def look_up(word: str) -> str:
        """Look a word up."""
        return f"{SECRET}: {word}"

    async def send_letter(to: str) -> str:
        """Send a letter."""
        return "sent"

    return [tool(look_up, idempotent=True, timeout=5), tool(send_letter, idempotent=False, timeout=5)]


@pytest.fixture
def assistant(client):
    return client.beta.assistants.create(
        model="gpt-x", name="Helper", instructions=SECRET, tools=[WEATHER], metadata={"server_tools": "look_up"}
    )


@pytest.fixture
def thread(client):
    return client.beta.threads.create(messages=[{"role": "user", "content": SECRET}])


def test_a_run_is_a_trace_of_its_turns_and_calls(told, llm, ask):
    llm.script([call("look_up", word="rain")], [text("Wet.")])
    assert ask().status == "completed"
    assert told.trees() == "invoke_agent Helper\n  lease\n  chat gpt-x\n  execute_tool look_up\n  chat gpt-x"


def test_spans_speak_the_words_of_the_conventions(told, llm, ask):
    llm.script([call("look_up", call_id="call_1", word="rain"), usage(90, 7, 64, 3)], [text("Wet."), usage(110, 2)])
    run = ask(temperature=0.5, max_completion_tokens=900)
    told.settled()
    of_all = {
        "gen_ai.provider.name": "offline",
        "gen_ai.agent.id": run.assistant_id,
        "gen_ai.conversation.id": run.thread_id,
        "box.run.id": run.id,
    }
    assert dict(told.span("invoke_agent").attributes) == of_all | {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "Helper",
        "gen_ai.request.model": "gpt-x",
        "gen_ai.usage.input_tokens": 200,
        "gen_ai.usage.output_tokens": 9,
        "gen_ai.usage.cache_read.input_tokens": 64,
        "gen_ai.usage.reasoning.output_tokens": 3,
        "box.owner": "me",
        "box.run.status": "completed",
        "box.run.turns": 2,
    }
    first = next(dict(each.attributes) for each in told.spans() if each.name == "chat gpt-x")
    assert 0 <= first.pop("gen_ai.response.time_to_first_chunk") < 5
    assert first.pop("gen_ai.response.id")
    assert first == of_all | {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-x",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 900,
        "gen_ai.response.finish_reasons": ["tool_calls"],
        "gen_ai.usage.input_tokens": 90,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.usage.cache_read.input_tokens": 64,
        "gen_ai.usage.reasoning.output_tokens": 3,
    }
    assert dict(told.span("execute_tool").attributes) == of_all | {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "look_up",
        "gen_ai.tool.type": "extension",
        "gen_ai.tool.call.id": "call_1",
    }


def test_nothing_of_what_is_said_is_told(told, llm, ask):
    llm.script([call("look_up", word=SECRET)], [text(SECRET)])
    ask()
    told.settled()
    everything = "".join(each.to_json() for each in told.spans())
    assert "look_up" in everything
    assert SECRET not in everything
    assert KEY not in everything


@pytest.mark.parametrize("settings", [{"otel_instrumentation_genai_capture_message_content": "true"}])
def test_contents_are_told_when_the_operator_wants_them(told, llm, ask):
    llm.script([call("look_up", call_id="call_1", word="rain")], [text("Wet.")])
    ask()
    told.settled()
    last = [dict(each.attributes) for each in told.spans() if each.name == "chat gpt-x"][-1]
    assert json.loads(last["gen_ai.system_instructions"]) == [{"type": "text", "content": SECRET}]
    asked, called, given = json.loads(last["gen_ai.input.messages"])
    assert asked == {"role": "user", "parts": [{"type": "text", "content": SECRET}]}
    made = {"type": "tool_call", "id": "call_1", "name": "look_up", "arguments": '{"word": "rain"}'}
    assert called == {"role": "assistant", "parts": [made]}
    output = {"type": "tool_call_response", "id": "call_1", "response": f"{SECRET}: rain"}
    assert given == {"role": "tool", "parts": [output]}
    said = {"role": "assistant", "parts": [{"type": "text", "content": "Wet."}], "finish_reason": "stop"}
    assert json.loads(last["gen_ai.output.messages"]) == [said]
    call_of_ours = told.span("execute_tool").attributes
    assert call_of_ours["gen_ai.tool.call.arguments"] == '{"word": "rain"}'
    assert call_of_ours["gen_ai.tool.call.result"] == f"{SECRET}: rain"


def test_a_run_joins_the_trace_of_whoever_asks_for_it(told, client, llm, assistant, thread):
    llm.script([text("Wet.")], [text("Dry.")])
    client = client.with_options(default_headers=PARENT)
    client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=10)
    with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
        stream.until_done()
    told.settled(2)
    assert {f"{each.context.trace_id:032x}" for each in told.spans()} == {TRACE}
    tops = [each.parent for each in told.spans() if each.name.startswith("invoke_agent")]
    assert [f"{each.span_id:016x}" for each in tops] == [SPAN, SPAN]


@pytest.mark.parametrize("value", ["", "rain", "00-" + "0" * 32 + f"-{SPAN}-01", f"ff-{TRACE}-{SPAN}-01", "é" * 60])
def test_a_header_that_names_no_trace_begins_one(told, client, llm, assistant, thread, http, value):
    llm.script([text("Wet.")])
    path, body = f"threads/{thread.id}/runs", {"assistant_id": assistant.id}
    assert http.post(path, json=body, headers={"traceparent": value.encode()}).status_code == 200
    assert told.trees() == "invoke_agent Helper\n  lease\n  chat gpt-x"
    assert told.span("invoke_agent").parent is None


def test_whoever_does_not_record_is_not_recorded_here(told, llm, http, assistant, thread):
    llm.script([text("Wet.")], [text("Wet.")])
    path, body = f"threads/{thread.id}/runs", {"assistant_id": assistant.id}
    unrecorded = {"traceparent": f"00-{TRACE}-{SPAN}-00"}
    run = http.post(path, json=body, headers=unrecorded).json()
    while http.get(f"{path}/{run['id']}").json()["status"] != "completed":
        time.sleep(0.01)
    http.post(path, json=body)
    told.settled()
    assert {f"{each.context.trace_id:032x}" for each in told.spans()} != {TRACE}
    assert len(told.spans()) == 3


def test_what_a_run_waits_for_is_a_span(told, llm, ask, submit):
    llm.script([call("get_weather", call_id="call_1", city="Oslo")], [text("Wet.")])
    submit(ask(), call_1="rain")
    assert told.trees() == "invoke_agent Helper\n  lease\n  chat gpt-x\n  wait for tool outputs\n  lease\n  chat gpt-x"


@pytest.mark.parametrize("settings", [{"run_start": "queue"}])
def test_a_run_from_the_queue_says_how_long_it_was_there(told, llm, ask):
    llm.script([text("Wet.")])
    ask()
    assert told.trees() == "invoke_agent Helper\n  wait for a worker\n  lease\n  chat gpt-x"
    [waited] = told.metrics()["box.queue.wait"]
    assert waited["attributes"] == {"box.queue.name": "runs"}
    assert 0 <= waited["sum"] < 5


@pytest.mark.parametrize("settings", [{"server_tools_allowed": {"*": ["*", "send_letter:ask"]}}])
def test_a_wait_for_approval_is_a_span(told, client, llm, http, ask, thread):
    llm.script([call("send_letter", call_id="call_1", to="ann")], [text("Sent.")])
    with client.with_options(_extra_kwargs={"_strict_response_validation": False}) as client:
        run = client.beta.threads.runs.create_and_poll(
            thread_id=thread.id,
            assistant_id=client.beta.assistants.create(model="gpt-x", metadata={"server_tools": "*"}).id,
            poll_interval_ms=10,
        )
    answers = [{"tool_call_id": "call_1", "approve": True}]
    http.post(f"threads/{thread.id}/runs/{run.id}/submit_tool_outputs", json={"tool_approvals": answers})
    assert told.trees() == (
        "invoke_agent\n  lease\n  chat gpt-x\n  wait for approval\n  lease\n  execute_tool send_letter\n  chat gpt-x"
    )


def test_what_fails_says_why(told, llm, ask):
    llm.script([fail("rate_limit_exceeded", SECRET)])
    ask()
    assert told.trees() == ("invoke_agent Helper !rate_limit_exceeded\n  lease\n  chat gpt-x !rate_limit_exceeded")
    assert not told.span("invoke_agent").status.is_ok


def test_a_turn_that_is_cut_short_says_so(told, llm, ask):
    llm.script([text("We"), incomplete()])
    ask()
    told.settled()
    assert told.span("chat").attributes["gen_ai.response.finish_reasons"] == ["length"]
    assert told.span("invoke_agent").attributes["box.run.status"] == "incomplete"


def test_a_run_that_is_cancelled_ends_its_trace(told, client, box, llm, assistant, thread):
    llm.script([text(pause(box.event()))])
    run = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    until(lambda: llm.requests)
    client.beta.threads.runs.cancel(run.id, thread_id=thread.id)
    assert told.trees() == "invoke_agent Helper\n  lease\n  chat gpt-x !cancelled"
    assert told.span("invoke_agent").attributes["box.run.status"] == "cancelled"


@pytest.mark.parametrize("settings", [{"model_turns": "background"}])
def test_a_turn_in_the_background_lasts_from_its_beginning_to_its_answer(told, llm, ask):
    llm.script([fail(broke_off=True)], [text("Wet.")])
    llm.polls_before_done = 1
    ask()
    shown = told.trees()
    assert shown.startswith("invoke_agent Helper\n")
    assert sorted(line.strip() for line in shown.splitlines()[1:] if "lease" not in line and "wait" not in line) == [
        "chat gpt-x",
        "chat gpt-x !server_error",
        "retry !server_error",
    ]
    done = next(each for each in told.spans() if each.name == "chat gpt-x" and "error.type" not in each.attributes)
    assert done.end_time - done.start_time > 0.4e9  # the first poll comes after half a second


def test_files_are_indexed_in_the_trace_of_whoever_attached_them_and_searched_in_the_runs(told, client, llm, http):
    store, file = client.vector_stores.create(), client.files.create(file=("a.txt", b"Rain."), purpose="assistants")
    http.post(f"vector_stores/{store.id}/files", json={"file_id": file.id}, headers=PARENT)
    while client.vector_stores.retrieve(store.id).file_counts.completed == 0:
        time.sleep(0.01)
    assistant = client.beta.assistants.create(
        model="gpt-x",
        tools=[{"type": "file_search"}],
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
    )
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "Weather?"}])
    llm.script([call("file_search", queries=["rain"])], [text("Wet.")])
    client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=10)
    # A message that comes before the commit it announces is sent again, by itself.
    assert told.trees().replace("  ingest\n", "") == (
        "ingest\ninvoke_agent\n  lease\n  chat gpt-x\n  execute_tool file_search\n    retrieval\n  chat gpt-x"
    )
    ingested = next(each for each in told.spans() if each.name == "ingest" and each.parent.span_id == int(SPAN, 16))
    assert (f"{ingested.context.trace_id:032x}", f"{ingested.parent.span_id:016x}") == (TRACE, SPAN)
    assert ingested.attributes["box.file.ids"] == [file.id]
    assert told.span("retrieval").attributes["gen_ai.data_source.id"] == store.id


def test_an_assistant_that_is_asked_is_below_the_call(told, client, llm, thread):
    stocks = client.beta.assistants.create(model="gpt-x", name="Stocks")
    with client.with_options(_extra_kwargs={"_strict_response_validation": False}) as client:
        details = {"id": stocks.id, "name": "stocks", "description": "Knows prices."}
        asking = client.beta.assistants.create(
            model="gpt-x", name="Asking", tools=[{"type": "connected_agent", "connected_agent": details}]
        )
        llm.script([call("stocks", message="MSFT?")], [text("5.")], [text("It is 5.")])
        client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=asking.id, poll_interval_ms=10)
    assert told.trees(2) == (
        "invoke_agent Asking\n  lease\n  chat gpt-x\n  execute_tool stocks\n"
        "    invoke_agent Stocks\n      lease\n      chat gpt-x\n  chat gpt-x"
    )


def test_what_is_measured(told, llm, ask):
    llm.script([call("look_up", word="rain"), usage(90, 7)], [text("Wet."), usage(110, 2)])
    ask()
    told.settled()
    found = told.metrics()

    def by(name, attribute):
        return {point["attributes"][attribute]: point for point in found[name]}

    tokens = by("gen_ai.client.token.usage", "gen_ai.token.type")
    assert (tokens["input"]["sum"], sum(tokens["input"]["counts"]), tokens["output"]["sum"]) == (200, 2, 9)
    durations = by("gen_ai.client.operation.duration", "gen_ai.operation.name")
    counts = {name: sum(point["counts"]) for name, point in durations.items()}
    assert counts == {"chat": 2, "execute_tool": 1, "invoke_agent": 1}
    assert durations["execute_tool"]["attributes"]["gen_ai.tool.name"] == "look_up"
    [first] = found["gen_ai.client.operation.time_to_first_chunk"]
    assert sum(first["counts"]) == 2
    runs = {name: point["value"] for name, point in by("box.runs", "box.run.status").items()}
    assert runs == {"in_progress": 1, "completed": 1}
    assert [point["value"] for point in found["box.runs.driven"]] == [0]
    operations = {tuple(point["attributes"].values()) for point in found["box.storage.operations"]}
    assert operations >= {("store", "commit"), ("queues", "prepare")}


def test_a_run_that_began_before_anybody_asked_for_traces_gets_one(tmp_path, told):
    """The box is stopped in the middle of it, and started again with telemetry."""
    first = Box(tmp_path, {})
    first.llm.script([text(pause(60.0))])
    first.start()
    with below(f"{first.url}/v1/", Authorization=f"Bearer {KEY}") as http:
        assistant = http.post("assistants", json={"model": "gpt-x"}).json()["id"]
        run = http.post("threads/runs", json={"assistant_id": assistant, "thread": {}}).json()["id"]
    first.stop()
    second = Box(tmp_path, {})
    second.telemetry = told.telemetry(second.settings, second.clock)
    second.llm.script([text("Wet.")])
    second.start()
    try:
        assert told.trees() == "invoke_agent\n  lease\n  chat gpt-x"
        assert told.span("invoke_agent").attributes["box.run.id"] == run
    finally:
        second.stop()
