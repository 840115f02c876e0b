"""`python -m bench compare`: what it makes of two checkouts' figures, and that it can measure a box at all."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from bench.compare import Ratio, checkout, main, ratios, table
from bench.processes import HERE
from bench.visit import operations


def test_ratios_are_taken_within_a_pair() -> None:
    """The machine was twice as slow during the second pair: that says nothing about the checkouts."""
    pairs = [
        ({"runs/s": 100.0}, {"runs/s": 110.0}),
        ({"runs/s": 50.0}, {"runs/s": 55.0}),
        ({"runs/s": 80}, {"runs/s": 72}),
    ]
    found = ratios(pairs)
    assert found == {"runs/s": Ratio(80.0, 72.0, 0.9, 1.1, 1.1)}
    assert "0.900   1.100  1.100" in table(found)


def test_a_figure_that_one_checkout_lacks_is_left_out() -> None:
    assert ratios([({"a": 1.0, "b": 2.0, "none": 0.0}, {"a": 1.0, "none": 0.0})]) == {"a": Ratio(1, 1, 1, 1, 1)}


def test_operations_are_counted_without_looks_into_queues() -> None:
    log = """Azurite Queue service is successfully listening at http://127.0.0.1:1
127.0.0.1 - - [28/Nov/2026:17:00:00 +0000] "GET /devstoreaccount1/runs/messages?numofmessages=1 HTTP/1.1" 200 60
127.0.0.1 - - [28/Nov/2026:17:00:00 +0000] "POST /devstoreaccount1/runs/messages?visibilitytimeout=60 HTTP/1.1" 201 -
127.0.0.1 - - [28/Nov/2026:17:00:01 +0000] "POST /devstoreaccount1/$batch HTTP/1.1" 202 -
127.0.0.1 - - [28/Nov/2026:17:00:01 +0000] "GET /devstoreaccount1/records(PartitionKey='a',RowKey='b') HTTP/1.1" 404 -
"""
    assert operations(log) == 3


def test_a_revision_is_checked_out_and_put_away() -> None:
    if subprocess.run(["git", "-C", HERE.folder, "rev-parse", "--verify", "HEAD"], capture_output=True).returncode:
        pytest.skip("not a git checkout")
    with checkout("HEAD") as tree:
        assert (tree.folder / "shared/__main__.py").exists()
        assert tree.folder != HERE.folder
    assert not tree.folder.exists()


@pytest.mark.long
def test_two_boxes_are_measured_in_turn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = str(HERE.folder)
    path = main([here, here, "--pairs", "1", "--seconds", "0.1", "--no-storage", "--results", str(tmp_path)])

    kept = json.loads(path.read_text())
    assert len(kept["pairs"]) == 1
    wanted = {"first delta, ms"}
    for load in ("streamed, 1", "streamed, 16", "polled, 1", "polled, 16"):
        wanted |= {f"{load} clients, runs/s", f"{load} clients, box CPU ms/run"}
    assert set(kept["ratios"]) == wanted
    assert all(ratio["min"] > 0 for ratio in kept["ratios"].values())
    assert "NEW/OLD" in capsys.readouterr().out
