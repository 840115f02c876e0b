"""Which model answers to a name."""

from __future__ import annotations

import json

import pytest

from shared.forwarding.calls import CHAT, EMBEDDINGS, Naming, outgoing
from shared.llm.responses.adapter import ResponsesLlm
from shared.llm.responses.endpoint import Endpoint
from shared.settings.model_aliases import resolve

ALIASES = {"gpt-4*": "old", "gpt-4o*": "omni", "gpt-4o-mini": "small", "*": "other", "odd*name": "odd"}


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("gpt-4o-mini", "small"),
        ("gpt-4o-mini-2024-07-18", "omni"),
        ("gpt-4o", "omni"),
        ("gpt-4-turbo", "old"),
        ("gpt-4", "old"),
        ("gpt-3.5-turbo", "other"),
        ("odd*name", "odd"),
        ("odd-name", "other"),
        ("*", "other"),
        ("", "other"),
    ],
)
def test_the_name_itself_wins_then_the_longest_family_then_the_rest(name, model):
    assert resolve(name, ALIASES) == resolve(name, dict(reversed(ALIASES.items()))) == model


@pytest.mark.parametrize("aliases", [{}, {"gpt-4o*": "omni"}])
def test_a_name_that_nothing_fits_is_its_own(aliases):
    assert resolve("gpt-5", aliases) == "gpt-5"


def test_families_hold_for_calls_of_every_kind_and_the_rest_for_chats_alone():
    naming = Naming({"text-embedding-ada*": "emb", "*": "other"})
    asked = [(EMBEDDINGS, "text-embedding-ada-002"), (EMBEDDINGS, "bge-m3"), (CHAT, "bge-m3")]
    sent = [json.loads(outgoing(call, {"model": name}, naming))["model"] for call, name in asked]
    assert sent == ["emb", "bge-m3", "other"]


def test_a_family_is_one_model_with_one_reasoning():
    llm = ResponsesLlm(Endpoint("http://127.0.0.1:9/v1", "fake", "key"), {"gpt-4o*": "omni"})
    assert llm.origin("gpt-4o-mini") == llm.origin("gpt-4o") == llm.origin("omni") != llm.origin("gpt-5")
