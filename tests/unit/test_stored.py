"""Objects as they are stored: what they keep of a later version, and what they refuse."""

from __future__ import annotations

import msgspec
import pytest

from shared.objects.described import model_of
from shared.objects.run import Run, RunRecord
from shared.objects.thread import Head
from shared.objects.vector_store import BatchRecord

RUN = {"id": "run_1", "created_at": 1, "assistant_id": "asst_1", "thread_id": "thread_1", "model": "m"}
ROW = {"run": RUN, "owner": "me", "next": {"run": 1}, "first": {}}


def test_fields_of_a_later_version_come_back_at_every_depth():
    row = ROW | {"run": RUN | {"mood": ["good"]}, "next": {"run": 1, "poll": 3}, "weight": None}

    written = RunRecord.from_json(row).to_json()

    assert (written["run"]["mood"], written["next"]["poll"], written["weight"]) == (["good"], 3, None)


def test_fields_of_a_later_version_come_back_from_lists():
    spec = {"file_id": "file_1", "filename": "a.txt", "chunking_strategy": {}}
    batch = {"id": "vsfb_1", "created_at": 1, "vector_store_id": "vs_1"}

    record = BatchRecord.from_json({"batch": batch, "pending": [spec, spec | {"colour": "red"}]})

    assert [each.get("colour") for each in record.to_json()["pending"]] == [None, "red"]


def test_a_copy_keeps_them_and_leaves_the_original_alone():
    head = Head.from_json({"next": {}, "colour": "red"})

    copy = head.replace(active_run="run_1")
    copy.later["colour"] = "blue"

    assert (copy.to_json()["colour"], copy.active_run) == ("blue", "run_1")
    assert (head.to_json()["colour"], head.active_run) == ("red", None)


def test_what_is_written_is_a_snapshot():
    run = Run.from_json(RUN | {"metadata": {"a": "b"}})
    written = run.to_json()

    run.metadata["a"] = "c"

    assert written["metadata"] == {"a": "b"}


@pytest.mark.parametrize("wrong", [{"owner": 1}, {"turns": "2"}, {"run": RUN | {"status": "tired"}}, {"next": None}])
def test_a_row_of_another_shape_is_refused(wrong):
    with pytest.raises(msgspec.ValidationError):
        RunRecord.from_json(ROW | wrong)


def test_documents_describe_objects_as_they_are():
    described = model_of(RunRecord).model_json_schema()

    assert described["required"] == ["run", "owner", "next", "first"]
    assert described["$defs"]["Run"]["properties"]["status"]["default"] == "queued"
