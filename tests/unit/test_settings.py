"""Settings that have changed their names are still read under the old ones."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

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


def test_what_is_given_wins_over_the_environment_and_that_over_the_file(monkeypatch, tmp_path):
    file = tmp_path / ".env"
    file.write_text('MODEL_ALIASES={"*": "file"}\nBOX_PORT=1001\nBOX_HOST=file\nSOMETHING_ELSE=1\n')
    monkeypatch.setenv("BOX_PORT", "1002")
    monkeypatch.setenv("box_host", "environment")

    read = Settings(_env_file=file, box_host="given")

    assert (read.model_aliases, read.box_port, read.box_host) == ({"*": "file"}, 1002, "given")
    assert read.model_fields_set >= {"model_aliases", "box_port", "box_host"}
    assert "box_home" not in read.model_fields_set


def test_a_name_of_azures_is_read_in_any_case(monkeypatch):
    monkeypatch.setenv("AZUREWEBJOBSSTORAGE", "UseDevelopmentStorage=true")

    assert Settings(_env_file=None).uses_azure_storage
    assert not Settings(_env_file=None, AzureWebJobsStorage="").uses_azure_storage


def test_everything_that_is_wrong_is_told_at_once_and_no_value_of_it(monkeypatch):
    monkeypatch.setenv("BOX_API_KEYS", "{sk-secret")
    monkeypatch.setenv("BOX_PORT", "sk-secret")
    monkeypatch.setenv("RETENTION_DAYS", "0")

    with pytest.raises(ValidationError) as told:
        Settings(_env_file=None)

    assert {each["loc"][0] for each in told.value.errors()} == {"box_api_keys", "box_port", "retention_days"}
    assert "sk-secret" not in str(told.value)
