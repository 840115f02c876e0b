"""Settings that have changed their names are still read under the old ones."""

from __future__ import annotations

import pytest

from shared.config import Settings


@pytest.mark.parametrize("name", ["HEARTBEAT_SECONDS", "LOOK_SECONDS"])
def test_the_heartbeat_is_set_under_either_name(monkeypatch, name):
    monkeypatch.delenv("HEARTBEAT_SECONDS", raising=False)
    monkeypatch.setenv(name, "0.25")

    assert Settings(_env_file=None).heartbeat_seconds == 0.25


def test_the_new_name_of_the_heartbeat_wins(monkeypatch):
    monkeypatch.setenv("LOOK_SECONDS", "9")
    monkeypatch.setenv("HEARTBEAT_SECONDS", "0.25")

    assert Settings(_env_file=None).heartbeat_seconds == 0.25
