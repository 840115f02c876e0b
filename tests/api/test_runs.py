"""Runs as a client sees them that polls."""

from __future__ import annotations

import asyncio
import threading

import openai
import pytest

from shared.llm.scripted import call, fail, incomplete, pause, raw_call, text, usage


def texts(client, thread):
    messages = client.beta.threads.messages.list(thread.id, order="asc")
    return [message.content[0].text.value for message in messages]


def test_a_run_answers_with_a_message(client, llm, ask, thread):
    llm.script([text("Ra", "in."), usage(10, 5)])

    run = ask()

    assert (run.status, run.last_error, run.required_action, run.expires_at) == ("completed", None, None, None)
    assert run.completed_at >= run.started_at >= run.created_at
    assert (run.usage.prompt_tokens, run.usage.completion_tokens, run.usage.total_tokens) == (10, 5, 15)
    assert texts(client, thread) == ["Weather?", "Rain."]
    answer = client.beta.threads.messages.list(thread.id, run_id=run.id).data[0]
    assert (answer.run_id, answer.assistant_id, answer.status) == (run.id, run.assistant_id, "completed")
    [step] = client.beta.threads.runs.steps.list(run.id, thread_id=thread.id).data
    assert step.step_details.message_creation.message_id == answer.id
    assert (step.status, step.usage.total_tokens, step.expires_at) == ("completed", 15, None)


def test_a_run_waits_for_a_client_function(client, llm, ask, thread):
    llm.script([call("get_weather", city="Oslo", call_id="call_1")], [text("Rain.")])

    run = ask()

    assert (run.status, run.usage) == ("requires_action", None)
    [wanted] = run.required_action.submit_tool_outputs.tool_calls
    assert (wanted.id, wanted.function.name, wanted.function.arguments) == ("call_1", "get_weather", '{"city": "Oslo"}')
    [step] = client.beta.threads.runs.steps.list(run.id, thread_id=thread.id).data
    assert (step.status, step.usage, step.step_details.tool_calls[0].function.output) == ("in_progress", None, None)

    queued = client.beta.threads.runs.submit_tool_outputs(
        run.id, thread_id=thread.id, tool_outputs=[{"tool_call_id": "call_1", "output": "wet"}]
    )
    assert (queued.status, queued.required_action, queued.expires_at) == ("queued", None, run.expires_at)
    done = client.beta.threads.runs.poll(run.id, thread_id=thread.id, poll_interval_ms=10)

    assert done.status == "completed"
    steps = client.beta.threads.runs.steps.list(run.id, thread_id=thread.id, order="asc").data
    assert [step.type for step in steps] == ["tool_calls", "message_creation"]
    assert steps[0].step_details.tool_calls[0].function.output == "wet"
    assert done.usage.total_tokens == sum(step.usage.total_tokens for step in steps)
    assert llm.requests[1].input[-1] == {"type": "function_call_output", "call_id": "call_1", "output": "wet"}


def test_several_calls_are_answered_in_one_request(client, llm, ask, thread):
    llm.script([call("get_weather", call_id="call_a"), call("get_weather", call_id="call_b")], [text("Rain.")])
    run = ask()
    submit = client.beta.threads.runs.submit_tool_outputs

    with pytest.raises(openai.BadRequestError) as error:
        submit(run.id, thread_id=thread.id, tool_outputs=[{"tool_call_id": "call_a", "output": "1"}])
    assert error.value.body["message"] == "Expected tool outputs for call_ids ['call_a', 'call_b'], got ['call_a']"
    extra = [{"tool_call_id": each, "output": ""} for each in ("call_a", "call_b", "call_c")]
    with pytest.raises(openai.BadRequestError, match="Expected tool outputs"):
        submit(run.id, thread_id=thread.id, tool_outputs=extra)

    submit(run.id, thread_id=thread.id, tool_outputs=extra[:2])
    assert client.beta.threads.runs.poll(run.id, thread_id=thread.id, poll_interval_ms=10).status == "completed"
    with pytest.raises(openai.BadRequestError) as error:
        submit(run.id, thread_id=thread.id, tool_outputs=extra[:2])
    assert error.value.body["message"] == 'Runs in status "completed" do not accept tool outputs.'


def test_an_active_run_locks_its_thread(client, llm, ask, thread):
    llm.script([call("get_weather")], [text("Rain.")])
    run = ask()

    with pytest.raises(openai.BadRequestError) as error:
        client.beta.threads.messages.create(thread.id, role="user", content="And tomorrow?")
    assert error.value.body["message"] == f"Can't add messages to {thread.id} while a run {run.id} is active."
    with pytest.raises(openai.BadRequestError) as error:
        client.beta.threads.runs.create(thread.id, assistant_id=run.assistant_id)
    assert error.value.body["message"] == f"Thread {thread.id} already has an active run {run.id}."
    assert len(client.beta.threads.messages.list(thread.id).data) == 1
    client.beta.threads.update(thread.id, metadata={"still": "possible"})


def test_of_two_runs_created_at_once_one_wins(client, llm, thread, assistant):
    release = threading.Event()
    llm.script([call("get_weather")])
    outcomes = []

    def create():
        release.wait()
        try:
            outcomes.append(client.beta.threads.runs.create(thread.id, assistant_id=assistant.id).id)
        except openai.BadRequestError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=create) for _ in range(8)]
    for each in threads:
        each.start()
    release.set()
    for each in threads:
        each.join()
    assert sum(isinstance(outcome, str) for outcome in outcomes) == 1
    assert len(client.beta.threads.runs.list(thread.id).data) == 1


def test_cancelling_a_run_that_waits_for_the_client(client, llm, ask, thread):
    llm.script([call("get_weather")])
    run = ask()

    cancelling = client.beta.threads.runs.cancel(run.id, thread_id=thread.id)

    assert (cancelling.status, cancelling.required_action, cancelling.cancelled_at) == ("cancelling", None, None)
    done = client.beta.threads.runs.poll(run.id, thread_id=thread.id, poll_interval_ms=10)
    assert (done.status, done.expires_at) == ("cancelled", None)
    assert done.cancelled_at is not None
    [step] = client.beta.threads.runs.steps.list(run.id, thread_id=thread.id).data
    assert step.status == "cancelled"
    with pytest.raises(openai.BadRequestError) as error:
        client.beta.threads.runs.cancel(run.id, thread_id=thread.id)
    assert error.value.body["message"] == "Cannot cancel run with status 'cancelled'."
    client.beta.threads.messages.create(thread.id, role="user", content="Never mind.")


@pytest.mark.parametrize("settings", [{"heartbeat_seconds": 3600}])
def test_cancelling_a_run_while_the_model_thinks(client, llm, box, assistant, thread):
    """Its driver hears of it; it would not look by itself for an hour."""
    never = asyncio.Event()
    llm.script([text("I ", pause(never))])
    run = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    while client.beta.threads.runs.retrieve(run.id, thread_id=thread.id).status != "in_progress":
        pass

    client.beta.threads.runs.cancel(run.id, thread_id=thread.id)

    done = client.beta.threads.runs.poll(run.id, thread_id=thread.id, poll_interval_ms=10)
    assert done.status == "cancelled"
    assert llm.abandoned == 1


@pytest.mark.parametrize("settings", [{"run_lifetime_seconds": 60}])
def test_a_run_expires_though_nobody_polls(client, llm, box, ask, thread):
    llm.script([call("get_weather")])
    run = ask()
    assert run.status == "requires_action"
    box.clock.advance(61)

    expired = client.beta.threads.runs.retrieve(run.id, thread_id=thread.id)
    assert (expired.status, expired.expires_at, expired.required_action) == ("expired", None, None)
    [step] = client.beta.threads.runs.steps.list(run.id, thread_id=thread.id).data
    assert step.status == "expired"
    with pytest.raises(openai.BadRequestError, match="do not accept tool outputs"):
        client.beta.threads.runs.submit_tool_outputs(run.id, thread_id=thread.id, tool_outputs=[])


def test_a_failed_model_fails_the_run(client, llm, ask, thread):
    llm.script([fail("rate_limit_exceeded", "You exceeded your quota.")])

    run = ask()

    assert run.status == "failed"
    assert (run.last_error.code, run.last_error.message) == ("rate_limit_exceeded", "You exceeded your quota.")
    assert run.failed_at is not None
    assert texts(client, thread) == ["Weather?"]


def test_a_token_limit_makes_the_run_incomplete(client, llm, ask, thread):
    llm.script([text("It is ra"), incomplete()])

    run = ask(max_completion_tokens=256)

    assert (run.status, run.incomplete_details.reason) == ("incomplete", "max_completion_tokens")
    assert (run.completed_at, run.last_error) == (None, None)
    message = client.beta.threads.messages.list(thread.id).data[0]
    assert (message.status, message.incomplete_details.reason) == ("incomplete", "max_tokens")
    assert llm.requests[0].max_output_tokens == 256


def test_an_answer_that_the_provider_stopped_for_another_reason_is_no_token_limit(client, llm, ask, thread):
    llm.script([text("It is ra"), incomplete("steered")])

    run = ask()

    words = "The model's provider stopped the answer before its end (steered)."
    assert (run.status, run.last_error.code, run.last_error.message) == ("failed", "server_error", words)
    message = client.beta.threads.messages.list(thread.id).data[0]
    assert (message.status, message.incomplete_details.reason) == ("incomplete", "run_failed")


def test_token_limits_count_for_the_whole_run(client, llm, ask, thread, submit):
    llm.script([call("get_weather", call_id="call_1"), usage(300, 250)])
    run = ask(max_completion_tokens=260)

    run = submit(run, call_1="wet")

    assert (run.status, run.incomplete_details.reason) == ("incomplete", "max_completion_tokens")
    assert run.usage.completion_tokens == 250


def test_the_run_is_a_snapshot_of_its_assistant(client, llm, ask, thread, assistant, submit):
    llm.script([call("get_weather", call_id="call_1")], [text("Rain.")])
    run = ask(additional_instructions="Be brief.", temperature=0, metadata={"k": "v"})
    client.beta.assistants.update(assistant.id, instructions="Be rude.", model="other", tools=[])

    submit(run, call_1="")

    assert [request.instructions for request in llm.requests] == ["Be kind.\nBe brief."] * 2
    assert [request.temperature for request in llm.requests] == [0, 0]
    assert [request.model for request in llm.requests] == ["gpt-x"] * 2
    stored = client.beta.threads.runs.retrieve(run.id, thread_id=thread.id)
    assert (stored.model, stored.temperature, stored.metadata) == ("gpt-x", 0, {"k": "v"})


def test_additional_messages_are_stored_in_order_before_the_run(client, llm, ask, thread):
    llm.script([text("Yes.")])

    ask(additional_messages=[{"role": "user", "content": "One"}, {"role": "assistant", "content": "Two"}])

    assert texts(client, thread) == ["Weather?", "One", "Two", "Yes."]
    assert [item["content"][0]["text"] for item in llm.requests[0].input] == ["Weather?", "One", "Two"]
    by_hand = client.beta.threads.messages.list(thread.id, order="asc").data[2]
    assert (by_hand.role, by_hand.run_id, by_hand.assistant_id) == ("assistant", None, None)


def test_the_next_run_sees_earlier_calls_and_outputs(client, llm, ask, thread, submit):
    llm.script([call("get_weather", call_id="call_1")], [text("Rain.")], [text("As I said.")])
    run = ask()
    submit(run, call_1="wet")
    client.beta.threads.messages.create(thread.id, role="user", content="Sure?")

    ask()

    kinds = [item.get("role") or item["type"] for item in llm.requests[-1].input]
    assert kinds == ["user", "function_call", "function_call_output", "assistant", "user"]


@pytest.mark.parametrize(
    ("kind", "seen"), [("last_messages", ["Two", "Three"]), ("auto", ["Weather?", "One", "Two", "Three"])]
)
def test_last_messages_cuts_the_prompt(client, llm, ask, thread, kind, seen):
    for content in ("One", "Two", "Three"):
        client.beta.threads.messages.create(thread.id, role="user", content=content)
    llm.script([text("Yes.")])

    ask(truncation_strategy={"type": kind, "last_messages": 2})

    assert [item["content"][0]["text"] for item in llm.requests[0].input] == seen


@pytest.mark.parametrize("settings", [{"model_context_tokens": 100}])
def test_auto_truncation_drops_the_oldest(client, llm, ask, thread):
    client.beta.threads.messages.create(thread.id, role="user", content="x" * 2000)
    client.beta.threads.messages.create(thread.id, role="user", content="Now?")
    llm.script([text("Yes.")])

    ask()

    assert [item["content"][0]["text"] for item in llm.requests[0].input] == ["Now?"]


def test_a_forced_tool_holds_for_the_first_turn_only(client, llm, ask, thread, submit):
    llm.script([call("get_weather", call_id="call_1")], [text("Rain.")])
    forced = {"type": "function", "function": {"name": "get_weather"}}
    run = ask(tool_choice=forced, parallel_tool_calls=False)
    submit(run, call_1="")

    assert [request.tool_choice for request in llm.requests] == [{"type": "function", "name": "get_weather"}, "auto"]
    assert [request.parallel_tool_calls for request in llm.requests] == [False, False]


def test_a_response_format_is_passed_on(client, llm, ask, thread):
    llm.script([text("{}")])
    schema = {"name": "weather", "schema": {"type": "object"}, "strict": True}

    run = ask(response_format={"type": "json_schema", "json_schema": schema})

    assert run.response_format.json_schema.name == "weather"
    assert llm.requests[0].text_format == {"type": "json_schema", **schema}


def test_calls_that_are_not_json_reach_the_client_as_they_are(client, llm, ask):
    llm.script([raw_call("get_weather", "{city")])

    run = ask()

    assert run.required_action.submit_tool_outputs.tool_calls[0].function.arguments == "{city"


def test_a_thread_and_its_run_in_one_request(client, llm, assistant):
    llm.script([text("Rain.")])

    run = client.beta.threads.create_and_run_poll(
        assistant_id=assistant.id,
        thread={"messages": [{"role": "user", "content": "Weather?"}], "metadata": {"from": "test"}},
        poll_interval_ms=10,
    )

    assert run.status == "completed"
    assert client.beta.threads.retrieve(run.thread_id).metadata == {"from": "test"}
    assert len(client.beta.threads.messages.list(run.thread_id).data) == 2


def test_runs_are_listed_newest_first(client, llm, ask, thread):
    llm.default = lambda request: [text("Yes.")]
    ids = [ask().id for _ in range(3)]

    runs = client.beta.threads.runs.list(thread.id, limit=2)

    assert [run.id for run in runs.data] == ids[:0:-1]
    assert runs.has_more
    assert [run.id for run in runs] == ids[::-1]


def test_polling_helpers_are_told_when_to_ask_again(http, llm, assistant, thread):
    llm.script([call("get_weather")])
    run = http.post(f"threads/{thread.id}/runs", json={"assistant_id": assistant.id}).json()

    response = http.get(f"threads/{thread.id}/runs/{run['id']}")

    assert 0 < int(response.headers["openai-poll-after-ms"]) <= 1000


def test_a_young_run_is_asked_for_sooner_than_an_old_one(http, llm, box, assistant, thread):
    llm.script([call("get_weather")])
    run = http.post(f"threads/{thread.id}/runs", json={"assistant_id": assistant.id}).json()

    def pace() -> int:
        response = http.get(f"threads/{thread.id}/runs/{run['id']}")
        return int(response.headers["openai-poll-after-ms"])

    assert pace() in (100, 250)
    box.clock.ahead += 5
    assert pace() == 500


def test_metadata_of_a_run_can_change_while_it_is_driven(client, llm, box, assistant, thread):
    go_on = box.event()
    llm.script([text("Ra", pause(go_on), "in.")])
    run = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)

    changed = client.beta.threads.runs.update(run.id, thread_id=thread.id, metadata={"seen": "yes"})
    assert changed.metadata == {"seen": "yes"}
    box.loop.call_soon_threadsafe(go_on.set)

    done = client.beta.threads.runs.poll(run.id, thread_id=thread.id, poll_interval_ms=10)
    assert (done.status, done.metadata) == ("completed", {"seen": "yes"})


def test_unknown_runs_and_steps_are_not_found(client, llm, ask, thread):
    llm.script([text("Yes.")])
    run = ask()
    elsewhere = client.beta.threads.create()
    missing = "run_" + "0" * 24

    for call_it, message in (
        (lambda: client.beta.threads.runs.retrieve(missing, thread_id=thread.id), f"No run found with id '{missing}'."),
        (
            lambda: client.beta.threads.runs.retrieve(run.id, thread_id=elsewhere.id),
            f"No run found with id '{run.id}'.",
        ),
        (
            lambda: client.beta.threads.runs.steps.retrieve("step_x", thread_id=thread.id, run_id=run.id),
            "No run step found with id 'step_x'.",
        ),
        (
            lambda: client.beta.threads.runs.create(thread.id, assistant_id="asst_x"),
            "No assistant found with id 'asst_x'.",
        ),
        (
            lambda: client.beta.threads.runs.create("thread_x", assistant_id=run.assistant_id),
            "No thread found with id 'thread_x'.",
        ),
    ):
        with pytest.raises(openai.NotFoundError) as error:
            call_it()
        assert error.value.body["message"] == message


def test_deleting_the_assistant_leaves_its_runs_readable(client, llm, ask, thread, assistant):
    llm.script([text("Yes.")])
    run = ask()
    client.beta.assistants.delete(assistant.id)

    assert client.beta.threads.runs.retrieve(run.id, thread_id=thread.id).status == "completed"
    with pytest.raises(openai.NotFoundError):
        ask()


def test_deleting_a_thread_ends_its_run(client, llm, box, ask, thread):
    llm.script([call("get_weather")])
    run = ask()

    client.beta.threads.delete(thread.id)

    with pytest.raises(openai.NotFoundError) as error:
        client.beta.threads.runs.retrieve(run.id, thread_id=thread.id)
    assert error.value.body["message"] == f"No thread found with id '{thread.id}'."
