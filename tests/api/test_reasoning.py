"""What the model thought comes back to it in later runs of the thread, and to nobody else."""

from __future__ import annotations

import json

import pytest

from shared.llm.scripted import call, reasoning, text


def thoughts(request):
    return [item["encrypted_content"] for item in request.input if item["type"] == "reasoning"]


def phases(request):
    return [item.get("phase") for item in request.input if item.get("role") == "assistant"]


@pytest.fixture
def ask(client, assistant, thread):
    """Say something and have it answered, polled; calls are answered with `wet`."""

    def ask(said="And tomorrow?", **more):
        runs, messages = client.beta.threads.runs, client.beta.threads.messages
        messages.create(thread.id, role="user", content=said)
        run = runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=20, **more)
        if run.required_action is not None:
            calls = run.required_action.submit_tool_outputs.tool_calls
            outputs = [{"tool_call_id": each.id, "output": "wet"} for each in calls]
            answered = {"run_id": run.id, "thread_id": thread.id, "tool_outputs": outputs}
            run = runs.submit_tool_outputs_and_poll(**answered, poll_interval_ms=20)
        assert run.status == "completed"
        return run

    return ask


def test_an_answer_comes_back_with_what_was_thought_before_it_and_with_its_phase(llm, ask):
    llm.script([reasoning("a"), text("Rain.", phase="final_answer")], [reasoning("b"), text("Sun.")], [text("Yes.")])
    for _ in range(3):
        ask()

    user, thought, said = llm.requests[1].input[1:4]
    assert user["role"] == "user"
    assert thought == {"type": "reasoning", "summary": [], "encrypted_content": "a"}
    assert (said["role"], said["phase"], said["content"][0]["text"]) == ("assistant", "final_answer", "Rain.")
    assert thoughts(llm.requests[2]) == ["a", "b"]
    assert phases(llm.requests[2]) == ["final_answer", None]


TURNS = (
    [reasoning("a"), text("I look.", phase="commentary"), reasoning("b"), call("get_weather", call_id="call_1")],
    [reasoning("c"), text("Rain.", phase="final_answer")],
)


@pytest.mark.parametrize("streamed", [False, True])
def test_a_turn_comes_back_in_the_order_in_which_it_was_made(client, llm, ask, stream, streamed):
    llm.script(*TURNS, [text("Yes.")])
    if streamed:
        *_, (_, run, _), _done = stream()
        outputs = [{"tool_call_id": "call_1", "output": "wet"}]
        [*stream(f"threads/{run['thread_id']}/runs/{run['id']}/submit_tool_outputs", tool_outputs=outputs)]
    else:
        ask()
    ask()

    first, second, third = (request.input for request in llm.requests)
    kinds = [item.get("encrypted_content") or item.get("phase") or item["type"] for item in third[len(first) :]]
    assert kinds[:8] == [
        "a",
        "commentary",
        "b",
        "function_call",
        "function_call_output",
        "c",
        "final_answer",
        "message",
    ]
    assert third[: len(second)] == second, "the next run's prompt begins as this one's did"


def test_another_model_is_not_given_it_but_the_first_one_is_again(llm, ask):
    llm.script([reasoning("a"), text("Rain.", phase="final_answer")], [reasoning("b"), text("Sun.")], [text("Yes.")])
    ask()
    ask(model="another")
    ask()
    assert [thoughts(request) for request in llm.requests] == [[], [], ["a"]]
    assert phases(llm.requests[1]) == ["final_answer"]


def test_a_model_that_forgets_is_given_the_reasoning_of_the_present_run_alone(llm, ask):
    llm.reasoning_lasts = False
    llm.script(*TURNS, [text("Yes.")])
    ask()
    ask()
    assert [thoughts(request) for request in llm.requests] == [[], ["a", "b"], []]


def test_a_deleted_message_takes_its_reasoning_along(client, llm, ask, thread):
    llm.script([reasoning("a"), text("Rain.")], [reasoning("b"), text("Sun.")], [text("Yes.")])
    ask()
    newest = client.beta.threads.messages.list(thread.id).data[0]
    client.beta.threads.messages.delete(newest.id, thread_id=thread.id)
    ask()
    ask()
    assert [thoughts(request) for request in llm.requests] == [[], [], ["b"]]


def test_clients_see_nothing_of_it(http, llm, ask, stream, thread):
    llm.script(*TURNS, *TURNS)
    run = ask()
    told = [data for _, data, _ in stream()]
    for path in ("messages", "runs", f"runs/{run.id}", f"runs/{run.id}/steps"):
        told.append(http.get(f"threads/{thread.id}/{path}").json())
    steps = told[-1]["data"]
    told += [http.get(f"threads/{thread.id}/runs/{run.id}/steps/{step['id']}").json() for step in steps]

    assert len(steps) == 3
    written = json.dumps(told)
    assert not [word for word in ("encrypted_content", "reasoning_summary", "commentary", "origin") if word in written]


@pytest.mark.parametrize("settings", [{"reasoning_summary": "auto"}, {}])
def test_what_a_model_tells_of_its_reasoning_stands_with_the_step_if_it_is_asked_for(http, llm, ask, thread, settings):
    llm.script([reasoning("a", "I look it up.", "It rains."), text("Rain.")], [reasoning("b", "x" * 600), text("Sun.")])
    told = []
    for _ in range(2):
        [step] = http.get(f"threads/{thread.id}/runs/{ask().id}/steps").json()["data"]
        told.append(step["metadata"])
    summaries = ["I look it up.\n\nIt rains.", "x" * 511 + "…"]
    assert told == [{"reasoning_summary": each} if settings else {} for each in summaries]
