"""The sample about documents: installed like the others, answered by the demo model with citations."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from shared.demo.offline import OfflineLlm
from shared.demo.samples.install import install, prompts
from tests.api.conftest import KEY, Box

EXAMPLE = Path(__file__).parents[2] / "examples" / "company_handbook.py"
#: What stands in the answer to each prompt, and in which document.
ANSWERS = [
    ("Up to five days of holiday can be taken into the next year", "handbook.md"),
    ("Hotel costs are paid up to 140 euros a night", "travel.md"),
    ("Work from home abroad is possible for 20 days a year", "handbook.md"),
    ("before 9:00 on the first day when you are ill", "handbook.md"),
]


@pytest.fixture
def model():
    return OfflineLlm(seconds_per_word=0)


@pytest.fixture
def box(tmp_path, model):
    box = Box(tmp_path, {})
    box.llm = model
    box.start()
    yield box
    box.stop()


def test_every_prompt_is_answered_from_the_right_document(client):
    clerk = install(client, "company_handbook", "m")
    names = {file.id: file.filename for file in client.files.list()}
    for prompt, (words, source) in zip(prompts("company_handbook"), ANSWERS, strict=True):
        thread = {"messages": [{"role": "user", "content": prompt}]}
        run = client.beta.threads.create_and_run_poll(assistant_id=clerk.id, thread=thread, poll_interval_ms=50)
        text = client.beta.threads.messages.list(run.thread_id).data[0].content[0].text
        assert words in " ".join(text.value.split())
        assert source in {names[each.file_citation.file_id] for each in text.annotations}


def test_installing_twice_changes_nothing(client):
    first, second = (install(client, "company_handbook", "m") for _ in range(2))

    assert first == second
    assert [first.metadata[f"prompt_{number}"] for number in (1, 2, 3)] == prompts("company_handbook")[:3]
    assert len(client.files.list().data) == 2
    [store] = client.vector_stores.list().data
    assert store.file_counts.completed == 2


def test_the_program_cites_and_leaves_nothing_behind(box, client, capsys, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", f"{box.url}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    spec = importlib.util.spec_from_file_location("company_handbook", EXAMPLE)
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)

    program.main(program.QUESTION)

    printed = capsys.readouterr().out
    assert "Up to five days" in printed
    assert "= handbook.md" in printed
    assert client.files.list().data == client.vector_stores.list().data == client.beta.assistants.list().data == []
