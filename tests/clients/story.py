"""A program as people wrote it for the hosted API, told step by step.

    python story.py VERSION OpenAI|AzureOpenAI URL KEY

VERSION is any openai from 1.21 on that PYTHONPATH leads to. Each finished step prints a line; nobody imports this.
"""

from __future__ import annotations

import asyncio
import io
import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import openai

VERSION, CLASS, URL, KEY = sys.argv[1:]
assert openai.__version__ == VERSION
AZURE = {"azure_endpoint": URL, "api_version": "2024-05-01-preview", "azure_deployment": "gpt-4o"}
HOW: dict[str, Any] = (AZURE if CLASS == "AzureOpenAI" else {"base_url": f"{URL}/v1"}) | {
    "max_retries": 0,
    "timeout": 20,
}

client = getattr(openai, CLASS)(api_key=KEY, **HOW)
threads, runs, messages = client.beta.threads, client.beta.threads.runs, client.beta.threads.messages
stores = getattr(client, "vector_stores", None) or client.beta.vector_stores

WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}
TOOLS = [WEATHER, {"type": "code_interpreter"}, {"type": "file_search"}]
SOON = {"poll_interval_ms": 20}


def asked(question, **more):
    return threads.create(messages=[{"role": "user", "content": question, **more}])


def answer(thread_id):
    return messages.list(thread_id, limit=1).data[0].content[0].text.value


def upload(name, data):
    return client.files.create(file=(name, data), purpose="assistants")


def refused(kind, call):
    """The error that a call ends with."""
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"{kind} was expected")


class Listener(openai.AssistantEventHandler):
    """Writes down what each handler is told."""

    def __init__(self):
        super().__init__()
        self.heard: dict[str, list[Any]] = {}

    def hear(self, name, told):
        self.heard.setdefault(name, []).append(told.model_copy(deep=True) if told is not None else None)

    def on_event(self, event):
        self.hear(event.event, event.data)

    def on_text_created(self, text):
        self.hear("text_created", text)

    def on_text_delta(self, delta, snapshot):
        self.hear("text_delta", delta)

    def on_text_done(self, text):
        self.hear("text_done", text)

    def on_image_file_done(self, image_file):
        self.hear("image_file_done", image_file)

    def on_tool_call_created(self, tool_call):
        self.hear("tool_call_created", tool_call)

    def on_tool_call_done(self, tool_call):
        self.hear("tool_call_done", tool_call)

    def on_message_done(self, message):
        self.hear("message_done", message)

    def on_run_step_done(self, run_step):
        self.hear("run_step_done", run_step)

    def on_end(self):
        self.hear("end", None)


def listen(thread, assistant):
    listener = Listener()
    with runs.stream(thread_id=thread.id, assistant_id=assistant.id, event_handler=listener) as stream:
        stream.until_done()
    return listener


def assistants_are_made_changed_listed_page_by_page_deleted(_):
    made = [client.beta.assistants.create(model="gpt-4o", name=f"Tutor {number}") for number in range(3)]
    assert client.beta.assistants.retrieve(made[0].id) == made[0]
    changed = client.beta.assistants.update(made[0].id, instructions="Be brief.", tools=[WEATHER])
    assert (changed.instructions, changed.name) == ("Be brief.", "Tutor 0")
    newest_first = [each.id for each in client.beta.assistants.list(limit=1) if each.name]
    assert newest_first == [each.id for each in reversed(made)]
    assert all(client.beta.assistants.delete(each.id).deleted for each in made)


def threads_and_messages_carry_text_images_and_attachments(_):
    pixel = client.files.create(file=("pixel.png", b"\x89PNG"), purpose="vision")
    notes = upload("notes.txt", b"raclette")
    thread = threads.create(messages=[{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}])
    message = messages.create(
        thread.id,
        role="user",
        content=[{"type": "text", "text": "three"}, {"type": "image_file", "image_file": {"file_id": pixel.id}}],
        attachments=[{"file_id": notes.id, "tools": [{"type": "file_search"}, {"type": "code_interpreter"}]}],
    )
    assert message.content[1].image_file.file_id == pixel.id
    assert message.attachments[0].file_id == notes.id
    resources = threads.retrieve(thread.id).tool_resources
    assert resources.code_interpreter.file_ids == [notes.id]
    assert len(resources.file_search.vector_store_ids) == 1
    seen = messages.update(message.id, thread_id=thread.id, metadata={"seen": "yes"})
    assert messages.retrieve(message.id, thread_id=thread.id) == seen
    texts = [each.content[0].text.value for each in messages.list(thread.id, limit=1, order="asc")]
    assert texts == ["one", "two", "three"]
    assert threads.update(thread.id, metadata={"a": "b"}).metadata == {"a": "b"}
    assert threads.delete(thread.id).deleted


def files_keep_their_names_and_go_out_as_they_came(_):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "Zürich 数据.txt"
        path.write_text("Grüezi")
        file = client.files.create(file=path, purpose="assistants")
        with path.open("rb") as opened:
            same = client.files.create(file=opened, purpose="assistants")
    assert file.filename == same.filename == "Zürich 数据.txt"
    assert client.files.content(file.id).read().decode() == "Grüezi"
    with client.files.with_streaming_response.content(file.id) as response:
        assert b"".join(response.iter_bytes(3)).decode() == "Grüezi"
    assert client.files.wait_for_processing(file.id) == client.files.retrieve(file.id)
    assert {each.id for each in client.files.list(purpose="assistants")} >= {file.id, same.id}
    assert client.files.delete(file.id).deleted


def vector_stores_take_files_one_by_one_and_in_batches(_):
    store = stores.create(name="Facts")
    one = stores.files.upload_and_poll(vector_store_id=store.id, file=("ann.txt", b"Ann eats."), **SOON)
    assert one.status == "completed"
    files = [("ben.txt", io.BytesIO(b"Ben eats.")), ("cleo.txt", io.BytesIO(b"Cleo eats."))]
    batch = stores.file_batches.upload_and_poll(store.id, files=files, **SOON)
    assert (batch.status, batch.file_counts.completed) == ("completed", 2)
    assert len(list(stores.files.list(store.id, limit=1))) == 3
    assert len(list(stores.file_batches.list_files(batch.id, vector_store_id=store.id, limit=1))) == 2
    assert stores.files.delete(one.id, vector_store_id=store.id).deleted
    assert stores.update(store.id, name="Fewer").name == "Fewer"
    assert stores.delete(store.id).deleted


def a_run_is_polled_to_its_answer(assistant):
    thread = asked("hello there")
    run = runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id, **SOON)
    assert (run.status, run.usage.total_tokens) == ("completed", 15)
    assert answer(thread.id) == "You said: hello there"
    more = [{"role": "user", "content": "ponder it"}]
    second = runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id, additional_messages=more)
    assert answer(thread.id) == "You said: ponder it"
    assert [each.id for each in runs.list(thread.id, limit=1)] == [second.id, run.id]
    [step] = runs.steps.list(run.id, thread_id=thread.id)
    assert runs.steps.retrieve(step.id, thread_id=thread.id, run_id=run.id) == step
    body = {"messages": [{"role": "user", "content": "in one"}]}
    whole = threads.create_and_run_poll(assistant_id=assistant.id, thread=body, **SOON)
    assert answer(whole.thread_id) == "You said: in one"


def functions_are_called_and_their_outputs_polled(assistant):
    thread = asked("weather Oslo Zürich")
    run = runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id, **SOON)
    assert run.status == "requires_action"
    calls = run.required_action.submit_tool_outputs.tool_calls
    assert [json.loads(call.function.arguments)["city"] for call in calls] == ["Oslo", "Zürich"]
    outputs = [{"tool_call_id": call.id, "output": "wet"} for call in calls]
    run = runs.submit_tool_outputs_and_poll(run_id=run.id, thread_id=thread.id, tool_outputs=outputs, **SOON)
    assert run.status == "completed"
    assert answer(thread.id) == "It is wet，wet."


def a_text_is_streamed_to_every_handler(assistant):
    thread = asked("good morning")
    listener = listen(thread, assistant)
    heard = listener.heard
    assert len(heard["text_created"]) == len(heard["end"]) == 1
    assert [delta.value for delta in heard["text_delta"]] == ["You said: ", "good morning"]
    assert [text.value for text in heard["text_done"]] == ["You said: good morning"]
    [message] = listener.get_final_messages()
    assert message.to_dict() == messages.retrieve(message.id, thread_id=thread.id).to_dict()
    assert listener.get_final_run().status == "completed"
    body = {"messages": [{"role": "user", "content": "in one"}]}
    with threads.create_and_run_stream(assistant_id=assistant.id, thread=body) as stream:
        assert [event.event for event in stream][:2] == ["thread.created", "thread.run.created"]


def functions_are_called_in_a_stream_and_answered_before_it_is_done(assistant):
    followed = Listener()

    class Answering(Listener):
        def on_event(self, event):
            super().on_event(event)
            if event.event == "thread.run.requires_action":
                run = event.data
                calls = run.required_action.submit_tool_outputs.tool_calls
                outputs = [{"tool_call_id": call.id, "output": f"{call.function.name}!"} for call in calls]
                with runs.submit_tool_outputs_stream(
                    run_id=run.id, thread_id=run.thread_id, tool_outputs=outputs, event_handler=followed
                ) as stream:
                    stream.until_done()

    first = Answering()
    thread = asked("weather Oslo Zürich")
    with runs.stream(thread_id=thread.id, assistant_id=assistant.id, event_handler=first) as stream:
        stream.until_done()
    assert first.get_final_run().status == "requires_action"
    called = first.heard["tool_call_done"]
    assert [json.loads(call.function.arguments)["city"] for call in called] == ["Oslo", "Zürich"]
    assert all(re.fullmatch("call_[A-Za-z0-9]{24}", call.id) for call in called)
    assert [text.value for text in followed.heard["text_done"]] == ["It is get_weather!，get_weather!."]
    [step, _] = followed.heard["run_step_done"]
    assert [call.function.output for call in step.step_details.tool_calls] == ["get_weather!"] * 2


def code_runs_and_its_chart_and_file_arrive(assistant):
    heard = listen(asked("chart please"), assistant).heard
    call = heard["tool_call_done"][0]  # the SDK tells it again with every step that ends
    assert re.fullmatch("call_[A-Za-z0-9]{24}", call.id)
    assert "import matplotlib" in call.code_interpreter.input
    assert {output.type for output in call.code_interpreter.outputs} == {"image", "logs"}
    [image] = heard["image_file_done"]
    assert client.files.content(image.file_id).read().startswith(b"\x89PNG")
    [text] = heard["text_done"]
    [link] = text.annotations
    assert text.value[link.start_index : link.end_index] == "sandbox:/mnt/data/double.csv"
    assert client.files.content(link.file_path.file_id).read() == b"n\n2\n"


def files_are_searched_and_cited(assistant):
    file = upload("food.txt", b"Ann eats raclette.")
    thread = asked("search food", attachments=[{"file_id": file.id, "tools": [{"type": "file_search"}]}])
    heard = listen(thread, assistant).heard
    assert heard["tool_call_created"][0].type == "file_search"
    [text] = heard["text_done"]
    [citation] = text.annotations
    assert citation.file_citation.file_id == file.id
    assert text.value[citation.start_index : citation.end_index] == citation.text


def runs_fail_and_are_cancelled_in_ways_that_clients_understand(assistant):
    failed = listen(asked("fail now"), assistant).get_final_run()
    assert (failed.status, failed.last_error.code) == ("failed", "rate_limit_exceeded")
    thread = asked("slow please")
    run = runs.create(thread_id=thread.id, assistant_id=assistant.id)
    error = refused(openai.BadRequestError, lambda: messages.create(thread.id, role="user", content="x"))
    assert re.search(r"Can't add messages to thread_\w+ while a run run_\w+ is active\.", str(error))
    assert runs.cancel(run.id, thread_id=thread.id).status == "cancelling"
    assert runs.poll(run.id, thread_id=thread.id, **SOON).status == "cancelled"


def errors_say_what_is_wrong(_):
    error = refused(openai.NotFoundError, lambda: threads.retrieve("thread_" + "a" * 24))
    assert str(error).startswith("Error code: 404 - {'error': {'message': \"No thread found with id 'thread_aaa")
    assert error.response.headers["x-request-id"]
    assert (error.type, error.code) == ("invalid_request_error", None)
    error = refused(openai.BadRequestError, lambda: client.beta.assistants.create(model=None))
    assert (error.param, error.status_code) == ("model", 400)
    stranger = getattr(openai, CLASS)(api_key="sk-wrong", **HOW)
    refused(openai.AuthenticationError, stranger.beta.assistants.list)
    raw = client.beta.assistants.with_raw_response.list(limit=1)
    assert raw.headers["x-request-id"]
    assert len(raw.parse().data) == 1
    with client.beta.assistants.with_streaming_response.list() as response:
        assert json.loads(b"".join(response.iter_bytes()))["object"] == "list"
    if CLASS == "AzureOpenAI":
        tokens = openai.AzureOpenAI(azure_ad_token_provider=lambda: KEY, **HOW)
        assert list(tokens.beta.assistants.list())


def the_async_client_does_the_same(assistant):
    async def tell():
        async with getattr(openai, f"Async{CLASS}")(api_key=KEY, **HOW) as client:
            beta, thread = client.beta, {"messages": [{"role": "user", "content": "weather Oslo"}]}
            run = await beta.threads.create_and_run_poll(assistant_id=assistant.id, thread=thread, **SOON)
            [call] = run.required_action.submit_tool_outputs.tool_calls
            async with beta.threads.runs.submit_tool_outputs_stream(
                run_id=run.id, thread_id=run.thread_id, tool_outputs=[{"tool_call_id": call.id, "output": "wet"}]
            ) as stream:
                said = "".join([delta async for delta in stream.text_deltas])
            assert said == "It is wet."
            listed = [each.role async for each in beta.threads.messages.list(run.thread_id, limit=1)]
            assert listed == ["assistant", "assistant", "user"]

    asyncio.run(tell())


STORIES = [
    assistants_are_made_changed_listed_page_by_page_deleted,
    threads_and_messages_carry_text_images_and_attachments,
    files_keep_their_names_and_go_out_as_they_came,
    vector_stores_take_files_one_by_one_and_in_batches,
    a_run_is_polled_to_its_answer,
    functions_are_called_and_their_outputs_polled,
    a_text_is_streamed_to_every_handler,
    functions_are_called_in_a_stream_and_answered_before_it_is_done,
    code_runs_and_its_chart_and_file_arrive,
    files_are_searched_and_cited,
    runs_fail_and_are_cancelled_in_ways_that_clients_understand,
    errors_say_what_is_wrong,
    the_async_client_does_the_same,
]

if __name__ == "__main__":
    tutor = client.beta.assistants.create(model="gpt-4o", tools=TOOLS)
    for tell in STORIES:
        tell(tutor)
        print(tell.__name__.replace("_", " "), flush=True)
    print("the end")
