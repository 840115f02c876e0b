"""Models end: the provider says when, the box warns whoever has one of them in the settings."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta

import pytest

from shared.assistants import models
from tests.api.conftest import Box, ModelBox
from tests.fakes.responses_server import FakeResponses, serving_in_thread

SOON, LATER = timedelta(days=40), timedelta(days=400)


def date(after: timedelta) -> str:
    return (datetime.now(UTC) + after).date().isoformat()


def openai(name: str, after: timedelta | None) -> dict:
    ends = None if after is None else date(after)
    return {"id": name, "object": "model", "created": 1_700_000_000, "owned_by": "openai", "shutdown_date": ends}


def azure(name: str, after: timedelta) -> dict:
    ends = {"inference": int(time.time() + after.total_seconds()), "fine_tune": 1}
    about = {"status": "succeeded", "lifecycle_status": "generally-available", "capabilities": {"inference": True}}
    return {"id": name, "object": "model", "created_at": 1_700_000_000, "deprecation": ends, **about}


ALIASES = {"gpt-4o": "big", "*": "small"}


@pytest.fixture
def endpoint():
    return FakeResponses(model_names=[])


@pytest.fixture
def started(tmp_path, endpoint):
    boxes = []
    with serving_in_thread(endpoint) as base_url:

        def start(**settings) -> Box:
            own = {"openai_base_url": base_url, "model_aliases": ALIASES, "embedding_model": "emb"}
            made = ModelBox(tmp_path, own | settings)
            made.start()
            boxes.append(made)
            return made

        yield start
        for made in boxes:
            made.stop()


@pytest.fixture
def box(endpoint, started):
    endpoint.model_entries = [
        openai("big", SOON),
        openai("small", LATER),
        openai("other", SOON),
        openai("undated", None),
        azure("emb-1", SOON),
    ]
    return started()


def warned(caplog, count: int) -> set[str]:
    """The models of which the log warns, as soon as there are so many."""
    until = time.monotonic() + 5
    while True:
        found = [each for each in caplog.records if getattr(each, "action", "") == "model_ends"]
        if len(found) >= count or time.monotonic() > until:
            return {each.model for each in found}
        time.sleep(0.02)


def test_shutdown_dates_are_passed_on(client):
    listed = {model.id: model for model in client.models.list()}
    assert [*listed][:2] == ["small", "gpt-4o"], "what the settings name comes first"
    assert listed["big"].shutdown_date == listed["gpt-4o"].shutdown_date == date(SOON)
    assert listed["undated"].shutdown_date is None
    assert listed["emb-1"].shutdown_date == date(SOON)
    assert (listed["big"].created, listed["emb-1"].created) == (1_700_000_000,) * 2


def test_only_models_of_the_settings_that_end_soon_are_warned_of(http):
    warnings = {each["id"]: each.get("warning") for each in http.get("models").json()["data"]}
    assert {name for name, words in warnings.items() if words} == {"big", "gpt-4o"}
    assert warnings["gpt-4o"] == f"gpt-4o (big) ends on {date(SOON)}: name another in MODEL_ALIASES."


def test_a_box_says_at_its_start_which_of_its_models_end(endpoint, started, caplog):
    caplog.set_level(logging.WARNING, "shared.assistants")
    endpoint.model_entries = [openai("big", SOON), openai("small", LATER), azure("emb-1", timedelta(days=-1))]
    started()
    assert warned(caplog, 3) == {"gpt-4o", "big", "emb"}
    assert any("ended on" in each.words for each in caplog.records if hasattr(each, "words"))


def test_a_name_without_a_version_ends_with_its_last_version(endpoint, started):
    endpoint.model_entries = [
        azure("big-2024-05-13", SOON),
        azure("big-2026-07-09", LATER),
        azure("big-mini-2026-07-09", SOON),
        azure("small-2026-07-09", SOON),
    ]
    box = started()
    listed = box.run(models.list_all(box.deps))
    ends = {each["id"]: each["shutdown_date"] for each in listed}
    assert ends["gpt-4o"] == date(LATER)


@pytest.mark.parametrize("said", ["soon", "", 0, True, [], {}, "2026-13-45", 10**30, -(10**30)])
def test_dates_that_are_none_are_not_believed(endpoint, started, said):
    entry = {"id": "big", "object": "model", "created": said, "shutdown_date": said, "deprecation": said}
    endpoint.model_entries = [entry]
    box = started()
    [model] = box.run(box.deps.llm.models())
    assert (model.id, model.ends, model.created) == ("big", None, None)
