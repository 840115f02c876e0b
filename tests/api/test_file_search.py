"""File search in a run: real stores and ingestion, the model scripted."""

from __future__ import annotations

import re

import openai
import pytest

from shared.llm.scripted import call, text
from shared.runs.prompt.tokens import text_tokens

FOOD = "The favourite food of the wind turbine inspector is raclette. He eats it in winter with his team."
CONTENT = "step_details.tool_calls[*].file_search.results[*].content"


@pytest.fixture
def food(client):
    return client.files.create(file=("food.txt", FOOD.encode()), purpose="assistants")


@pytest.fixture
def store(client, food):
    store = client.vector_stores.create(name="Facts")
    client.vector_stores.files.create_and_poll(food.id, vector_store_id=store.id, poll_interval_ms=20)
    return store


@pytest.fixture
def assistant(client, store):
    return client.beta.assistants.create(
        model="gpt-x",
        tools=[{"type": "file_search"}],
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
    )


@pytest.fixture
def thread(client):
    return client.beta.threads.create(messages=[{"role": "user", "content": "What does the inspector eat?"}])


def test_a_search_is_a_step_and_its_markers_become_citations(client, llm, assistant, thread, food):
    llm.script(
        [call("file_search", queries=["inspector's favourite food"])],
        [text("Ràclette 【1:0†food.txt】", ", it says 【7:7†no】.")],
    )

    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=20)

    assert run.status == "completed"
    told = llm.requests[1].input[-1]["output"]
    assert told.startswith("【1:0†food.txt】\n")
    assert FOOD in told
    step = client.beta.threads.runs.steps.list(run.id, thread_id=thread.id, order="asc").data[0]
    [found] = step.step_details.tool_calls[0].file_search.results
    assert (found.file_id, found.file_name, found.content) == (food.id, "food.txt", None)
    step = client.beta.threads.runs.steps.retrieve(step.id, thread_id=thread.id, run_id=run.id, include=[CONTENT])
    [found] = step.step_details.tool_calls[0].file_search.results
    assert found.content[0].text == FOOD
    said = client.beta.threads.messages.list(thread.id).data[0].content[0].text
    [citation] = said.annotations
    assert said.value[citation.start_index : citation.end_index] == citation.text == "【1:0†food.txt】"
    assert citation.file_citation.file_id == food.id


@pytest.mark.parametrize(("include", "content"), [([], None), ([CONTENT], [{"type": "text", "text": FOOD}])])
def test_scenario_d_file_search_stream(stream, llm, food, include, content):
    llm.script([call("file_search", queries=["food"])], [text("Raclette 【1:", "0†food.txt】.")])
    events = [(name.removeprefix("thread."), data) for name, data, _ in stream(params={"include[]": include})]

    [delta] = [data for name, data in events if name == "run.step.delta"]
    [opened] = delta["delta"]["step_details"]["tool_calls"]
    assert opened["file_search"]["results"] == []
    completed = next(data for name, data in events if name == "run.step.completed")
    [found] = completed["step_details"]["tool_calls"][0]["file_search"]["results"]
    assert (found["file_id"], found.get("content")) == (food.id, content)
    texts = [data["delta"]["content"][0]["text"] for name, data in events if name == "message.delta"]
    [cited] = [each for each in texts if each.get("annotations")]
    assert cited["value"] == "【1:0†food.txt】"
    assert cited["annotations"][0]["start_index"] == len("Raclette ")


@pytest.fixture
def two_files(client):
    """An assistant with two files, and the file's id by name."""
    contents = {"alpha.txt": b"The alpha budget is 100 euros.", "beta.txt": b"The beta deadline is in June."}
    store, file_ids = client.vector_stores.create(name="Facts"), {}
    for name, content in contents.items():
        file = client.files.create(file=(name, content), purpose="assistants")
        client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id, poll_interval_ms=20)
        file_ids[name] = file.id
    resources = {"file_search": {"vector_store_ids": [store.id]}}
    assistant = client.beta.assistants.create(model="gpt-x", tools=[{"type": "file_search"}], tool_resources=resources)
    return assistant, file_ids


def cited(client, thread):
    said = client.beta.threads.messages.list(thread.id).data[0].content[0].text
    return [(each.text, each.file_citation.file_id) for each in said.annotations]


def test_a_marker_that_is_repeated_in_a_later_run_cites_its_own_file(client, llm, thread, two_files):
    assistant, file_ids = two_files

    def ask(query, answer):
        llm.script([call("file_search", queries=[query])], [text(answer)])
        client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=20)
        outputs = [item["output"] for item in llm.requests[-1].input if item["type"] == "function_call_output"]
        return [output.partition("\n")[0] for output in outputs]

    [first] = ask("alpha budget", "100 euros.")
    client.beta.threads.messages.create(thread.id, role="user", content="And beta?")
    before, after = ask("beta deadline", f"100 euros{first}, June【3:0†beta.txt】.")

    assert before == first == "【1:0†alpha.txt】"
    assert after == "【3:0†beta.txt】"
    assert cited(client, thread) == [(first, file_ids["alpha.txt"]), (after, file_ids["beta.txt"])]

    client.beta.threads.messages.create(thread.id, role="user", content="Again?")
    llm.script([text(f"Known{first}, in June{after}, nonsense【3:0†alpha.txt】【1:0†beta.txt】.")])
    client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=20)
    assert cited(client, thread) == [(first, file_ids["alpha.txt"]), (after, file_ids["beta.txt"])]


def test_an_attachment_is_searched_as_soon_as_it_is_read(client, llm, food):
    assistant = client.beta.assistants.create(model="gpt-x", tools=[{"type": "file_search"}])
    attachment = {"file_id": food.id, "tools": [{"type": "file_search"}]}
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "Food?", "attachments": [attachment]}])
    llm.script([call("file_search", queries=["favourite food"])], [text("Raclette.")])

    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=20)

    assert run.status == "completed"
    assert FOOD in llm.requests[1].input[-1]["output"]
    [store_id] = client.beta.threads.retrieve(thread.id).tool_resources.file_search.vector_store_ids
    assert client.vector_stores.retrieve(store_id).expires_after.days == 7


def test_nothing_found_and_bad_arguments_are_told_to_the_model(client, llm, thread):
    assistant = client.beta.assistants.create(model="gpt-x", tools=[{"type": "file_search"}])
    llm.script([call("file_search", queries=["x"])], [call("file_search", wrong=1)], [text("Nothing.")])

    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=20)

    assert run.status == "completed"
    outputs = [request.input[-1]["output"] for request in llm.requests[1:]]
    assert outputs[0] == "(nothing found)"
    assert outputs[1].startswith("Error:")


def test_a_run_is_refused_when_its_store_has_expired(client, box, thread):
    store = client.vector_stores.create(expires_after={"anchor": "last_active_at", "days": 1})
    assistant = client.beta.assistants.create(
        model="gpt-x",
        tools=[{"type": "file_search"}],
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
    )
    box.clock.advance(86_401)

    with pytest.raises(openai.BadRequestError) as error:
        client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    assert error.value.body["message"] == f"Vector store {store.id} is expired."


def test_a_run_is_refused_when_the_store_of_its_thread_has_expired(client, box, food):
    assistant = client.beta.assistants.create(model="gpt-x", tools=[{"type": "file_search"}])
    thread = client.beta.threads.create(tool_resources={"file_search": {"vector_stores": [{"file_ids": [food.id]}]}})
    [store_id] = thread.tool_resources.file_search.vector_store_ids
    box.clock.advance(8 * 86_400)

    with pytest.raises(openai.BadRequestError) as error:
        client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    assert error.value.body["message"] == f"Vector store {store_id} is expired."


def test_the_assistants_store_is_searched_when_that_of_the_thread_is_gone(client, llm, assistant):
    thread = client.beta.threads.create(tool_resources={"file_search": {"vector_stores": [{}]}})
    client.vector_stores.delete(thread.tool_resources.file_search.vector_store_ids[0])
    llm.script([call("file_search", queries=["favourite food"])], [text("Raclette.")])

    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=20)

    assert run.status == "completed"
    assert FOOD in llm.requests[1].input[-1]["output"]


@pytest.mark.parametrize(("model", "count"), [("gpt-x", 20), ("gpt-3.5-turbo", 5), ("gpt-35-turbo", 5)])
def test_so_many_results_are_told_as_the_models_window_suggests(client, llm, thread, assistant, store, model, count):
    words = " ".join(f"raclette{number}" for number in range(2000))
    file = client.files.create(file=("long.txt", words.encode()), purpose="assistants")
    small = {"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 0}}
    client.vector_stores.files.create_and_poll(
        file.id, vector_store_id=store.id, chunking_strategy=small, poll_interval_ms=20
    )
    llm.script([call("file_search", queries=["raclette1 raclette"])], [text("Much.")])

    client.beta.threads.runs.create_and_poll(
        thread_id=thread.id, assistant_id=assistant.id, model=model, poll_interval_ms=20
    )
    assert llm.requests[1].input[-1]["output"].count("【") == count


@pytest.fixture
def long_store(client, store):
    """The store with a file of some 40,000 tokens in chunks of 4,096."""
    lines = (f"Raclette line {number}: cheese from the valley, melted in winter." for number in range(2500))
    file = client.files.create(file=("long.txt", "\n".join(lines).encode()), purpose="assistants")
    large = {"type": "static", "static": {"max_chunk_size_tokens": 4096, "chunk_overlap_tokens": 0}}
    client.vector_stores.files.create_and_poll(
        file.id, vector_store_id=store.id, chunking_strategy=large, poll_interval_ms=20
    )
    return store


@pytest.mark.parametrize(("model", "tokens"), [("gpt-x", 16_000), ("gpt-3.5-turbo", 4_000), ("gpt-35-turbo", 4_000)])
def test_no_search_tells_the_model_more_than_its_window_bears(
    client, llm, thread, assistant, long_store, model, tokens
):
    tool = {"type": "file_search", "file_search": {"max_num_results": 50}}
    llm.script([call("file_search", queries=["raclette cheese"])], [text("Much.")])

    run = client.beta.threads.runs.create_and_poll(
        thread_id=thread.id, assistant_id=assistant.id, model=model, tools=[tool], poll_interval_ms=20
    )

    told = llm.requests[1].input[-1]["output"]
    assert tokens / 2 < text_tokens(told) <= tokens * 1.01
    step = client.beta.threads.runs.steps.list(run.id, thread_id=thread.id, order="asc").data[0]
    found = len(step.step_details.tool_calls[0].file_search.results)
    left_out = found - len(re.findall("^【", told, re.M))
    assert left_out > 0
    assert told.endswith(f"({left_out} more results left out)")


def test_a_thread_of_questions_grows_by_what_was_cited(client, llm, thread, assistant, long_store):
    def ask(answer):
        client.beta.threads.messages.create(thread.id, role="user", content="And more?")
        llm.script([call("file_search", queries=["raclette cheese"])], [text(answer)])
        client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=20)
        return llm.requests[-1].input

    first = ask("Nothing said.")
    marker = re.findall("^【.*】$", first[-1]["output"], re.M)[0]
    ask(f"Cheese {marker.replace('1:', '3:')}.")
    third, fourth = ask("No."), ask("No.")

    weights = [text_tokens(item["output"]) for item in fourth if item["type"] == "function_call_output"]
    assert weights[0] < 50, "nothing was cited"
    assert 1000 < weights[1] <= 4_000, "one result was"
    assert weights[2] < 50
    assert weights[3] > 8_000, "the present run's is whole"
    shared = len(third) - 2  # the third run's own call and its whole output came last
    assert fourth[:shared] == third[:shared]
