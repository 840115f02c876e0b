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


def test_no_embedding_model_can_be_said(monkeypatch, tmp_path):
    file = tmp_path / ".env"
    file.write_text("EMBEDDING_MODEL=\nMODEL_TURNS=\n")
    monkeypatch.delenv("EMBEDDING_MODEL", raising=False)

    assert Settings(_env_file=file).embedding_model == ""
    assert Settings(_env_file=None).embedding_model == "text-embedding-3-small"
    monkeypatch.setenv("EMBEDDING_MODEL", "nomic-embed-text")
    assert Settings(_env_file=file).embedding_model == "nomic-embed-text"
    monkeypatch.setenv("EMBEDDING_MODEL", "")
    assert Settings(_env_file=None).embedding_model == ""
    file.write_text("EMBEDDING_MODEL=nomic-embed-text\n")
    assert Settings(_env_file=file).embedding_model == "", "the environment wins"


def test_other_settings_keep_their_default_when_nothing_is_in_them(monkeypatch):
    monkeypatch.setenv("MODEL_TURNS", "")

    assert Settings(_env_file=None).model_turns == "streamed"
