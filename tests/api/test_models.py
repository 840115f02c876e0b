"""Models."""

from __future__ import annotations

import openai
import pytest


@pytest.fixture
def settings():
    return {"model_aliases": {"gpt-4o": "scripted", "*": "scripted", "org/model:v1": "scripted", "gpt-4*": "scripted"}}


def test_models_are_the_providers_and_the_aliases(client):
    assert [model.id for model in client.models.list()] == ["scripted", "gpt-4o", "org/model:v1"]


def test_a_models_id_may_have_slashes_and_colons(client):
    assert client.models.retrieve("org/model:v1").id == "org/model:v1"


def test_an_unknown_model_is_not_found(client):
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("nope")
    assert caught.value.code == "model_not_found"


@pytest.mark.parametrize("name", ["gpt-4-turbo", "gpt-4.1"])
def test_a_name_of_a_family_is_found_by_whoever_knows_it(client, name):
    assert client.models.retrieve(name).id == name
    assert name not in [model.id for model in client.models.list()]


def test_the_pattern_of_a_family_is_no_model(client):
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-4*")
