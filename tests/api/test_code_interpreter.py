"""The code interpreter in a run: real Python in a real sandbox, the model scripted."""

from __future__ import annotations

import pytest

from shared.llm.scripted import call, text

CHART = "import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show(); print('drawn')"


@pytest.fixture
def settings():
    return {"sandbox": "auto"}


@pytest.fixture
def assistant(client):
    return client.beta.assistants.create(model="gpt-x", tools=[{"type": "code_interpreter"}])


@pytest.fixture
def thread(client):
    return client.beta.threads.create(messages=[{"role": "user", "content": "Compute."}])


def steps_of(client, run):
    return client.beta.threads.runs.steps.list(run.id, thread_id=run.thread_id, order="asc").data


def test_code_runs_and_its_output_goes_to_the_model(client, llm, ask):
    llm.script([call("code_interpreter", code="x = 6 * 7\nprint(x)")], [text("It is 42.")])

    run = ask()

    assert run.status == "completed"
    tool_step, message_step = steps_of(client, run)
    [shown] = tool_step.step_details.tool_calls
    assert shown.code_interpreter.input == "x = 6 * 7\nprint(x)"
    assert [output.logs for output in shown.code_interpreter.outputs] == ["42"]
    assert llm.requests[1].input[-1]["output"] == "42"
    assert [tool["name"] for tool in llm.requests[0].tools] == ["code_interpreter"]
    assert message_step.type == "message_creation"


def test_the_model_is_told_what_it_can_import(client, llm, ask):
    llm.script([call("code_interpreter", code="import pandas\nprint(pandas.__version__)")], [text("Done.")])
    ask()
    [tool] = llm.requests[0].tools
    assert f"pandas {llm.requests[1].input[-1]['output']}, " in tool["description"]
    assert "python-docx" in tool["description"]


def test_variables_live_on_in_the_thread(client, llm, ask, thread):
    llm.script([call("code_interpreter", code="x = 41")], [text("Noted.")])
    ask()
    client.beta.threads.messages.create(thread.id, role="user", content="And one more?")
    llm.script([call("code_interpreter", code="x + 1")], [text("42.")])

    run = ask()

    [shown] = steps_of(client, run)[0].step_details.tool_calls
    assert [output.logs for output in shown.code_interpreter.outputs] == ["42"]


def test_files_go_in_and_charts_and_files_come_out(client, llm, ask, thread):
    table = client.files.create(file=("numbers.csv", b"n\n1\n2\n"), purpose="assistants")
    client.beta.threads.messages.create(
        thread.id,
        role="user",
        content="Double them.",
        attachments=[{"file_id": table.id, "tools": [{"type": "code_interpreter"}]}],
    )
    code = (
        f"import pandas as pd\nassert open('/mnt/data/{table.id}').read() == open('/mnt/data/numbers.csv').read()\n"
        f"(pd.read_csv('/mnt/data/numbers.csv') * 2).to_csv('/mnt/data/double.csv', index=False)\n{CHART}"
    )
    answer = "Here: [double.csv](sandbox:/mnt/data/double.csv)."
    llm.script([call("code_interpreter", code=code)], [text(answer)])

    run = ask()

    [shown] = steps_of(client, run)[0].step_details.tool_calls
    assert [output.type for output in shown.code_interpreter.outputs] == ["logs", "image"]
    image, said = client.beta.threads.messages.list(thread.id).data[0].content
    assert image.image_file.file_id == shown.code_interpreter.outputs[1].image.file_id
    assert client.files.content(image.image_file.file_id).read().startswith(b"\x89PNG")
    assert client.files.retrieve(image.image_file.file_id).purpose == "assistants_output"
    [link] = said.text.annotations
    assert (link.type, answer[link.start_index : link.end_index]) == ("file_path", "sandbox:/mnt/data/double.csv")
    assert client.files.content(link.file_path.file_id).read() == b"n\n2\n4\n"
    assert run.status == "completed"


def test_a_link_repeated_in_a_later_run_leads_to_the_newest_state(client, llm, ask, thread):
    def answered():
        [link] = client.beta.threads.messages.list(thread.id).data[0].content[0].text.annotations
        return client.files.content(link.file_path.file_id).text

    for state in ("v1", "v2"):
        code = f"_ = open('/mnt/data/my notes.txt', 'w').write('{state}')"
        llm.script([call("code_interpreter", code=code)], [text("[notes](sandbox:/mnt/data/my%20notes.txt)")])
        ask()
        assert answered() == state
        client.beta.threads.messages.create(thread.id, role="user", content="The link again?")

    llm.script([text("Again: [notes](sandbox:/mnt/data/my notes.txt).")])
    ask()
    assert answered() == "v2"


def test_the_model_is_told_which_files_a_message_brings(client, llm, ask, thread):
    table, gone = (client.files.create(file=(name, b"n\n1\n"), purpose="assistants") for name in ("a.csv", "b.csv"))
    attachments = [{"file_id": each.id, "tools": [{"type": "code_interpreter"}]} for each in (table, gone)]
    client.beta.threads.messages.create(thread.id, role="user", content="Double them.", attachments=attachments)
    client.files.delete(gone.id)
    llm.script([text("Yes.")])

    ask()

    told = [part["text"] for part in llm.requests[0].input[-1]["content"]]
    assert told == ["Double them.", f"(attached: a.csv, in /mnt/data/{table.id})"]


def test_scenario_e_code_interpreter_stream(stream, llm):
    llm.script([call("code_interpreter", code=CHART)], [text("See.")])
    events = [(name.removeprefix("thread."), data) for name, data, _ in stream()]

    deltas = [data["delta"]["step_details"]["tool_calls"][0] for name, data in events if name == "run.step.delta"]
    assert deltas[0]["code_interpreter"] == {"input": "", "outputs": []}
    inputs = [delta["code_interpreter"].get("input", "") for delta in deltas]
    assert "".join(inputs) == CHART
    assert len([each for each in inputs if each]) > 1, "the code should come in pieces"
    outputs = [output for delta in deltas[1:] for output in delta["code_interpreter"].get("outputs", [])]
    assert [(output["index"], output["type"]) for output in outputs] == [(0, "logs"), (1, "image")]
    parts = [data["delta"]["content"][0] for name, data in events if name == "message.delta"]
    assert [(part["index"], part["type"]) for part in parts] == [(0, "image_file"), (1, "text")]
    names = [name for name, _ in events]
    assert names.index("run.step.completed") < names.index("message.created")


def test_deleting_the_thread_ends_its_session_and_deletes_its_files(client, llm, ask, thread, box):
    llm.script([call("code_interpreter", code="open('/mnt/data/secret.txt', 'w').write('x')")], [text("Done.")])
    ask()
    kept = lambda: [*(box.settings.box_home / "sandbox").rglob("secret.txt")]  # noqa: E731
    assert kept()

    client.beta.threads.delete(thread.id)

    assert not kept()


def test_a_failure_of_the_code_is_told_to_the_model(client, llm, ask):
    llm.script([call("code_interpreter", code="1 / 0")], [call("code_interpreter", wrong="x")], [text("Sorry.")])

    run = ask()

    assert run.status == "completed"
    assert "ZeroDivisionError" in llm.requests[1].input[-1]["output"]
    assert "must be JSON" in llm.requests[2].input[-1]["output"]


@pytest.mark.parametrize("settings", [{"sandbox": "none"}])
@pytest.mark.parametrize("choice", ["auto", "required", {"type": "code_interpreter"}])
def test_a_box_without_a_sandbox_does_not_offer_the_tool(client, llm, ask, choice):
    llm.script([text("I can't run code.")])

    run = ask(tool_choice=choice)

    assert run.status == "completed"
    assert (llm.requests[0].tools, llm.requests[0].tool_choice) == ([], "auto")


@pytest.mark.parametrize("settings", [{"sandbox": "none"}])
def test_a_box_without_a_sandbox_still_offers_other_tools(client, llm, ask):
    llm.script([text("I can't run code.")])

    ask(tools=[{"type": "code_interpreter"}, {"type": "file_search"}], tool_choice={"type": "code_interpreter"})

    assert [tool["name"] for tool in llm.requests[0].tools] == ["file_search"]
    assert llm.requests[0].tool_choice == "auto"
