"""What the Responses adapter says about the prompt cache: to which models, where, and after a refusal."""

from __future__ import annotations

import json
import time
from contextlib import aclosing
from dataclasses import replace

import pytest

from shared.json_types import Json
from shared.llm.base import Caching, TurnRequest
from shared.llm.responses import ResponsesLlm
from shared.llm.responses.caching import PromptCache, takes_breakpoints, takes_key
from shared.llm.responses.endpoint import Endpoint
from tests.fakes.prompt_cache import BREAKPOINT
from tests.fakes.responses_events import FakeTurn
from tests.fakes.responses_server import serving


def said(role: str, text: str) -> Json:
    kind = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}


def called(number: int) -> list[Json]:
    call = {"type": "function_call", "call_id": f"call_{number}", "name": "get_weather", "arguments": "{}"}
    return [call, {"type": "function_call_output", "call_id": f"call_{number}", "output": f"rain {number}"}]


CACHING = Caching(key="k", run="run_2", instructions="Be brief.", continues=True)
ASKED = TurnRequest("gpt-5.6-luna", "Be brief.", [said("user", "Weather?")], caching=CACHING)
TALK = [
    said("user", "one"),
    said("assistant", "1"),
    said("user", "two"),
    *called(1),
    *called(2),
    said("assistant", "2"),
    said("user", "three"),
]


async def ask(llm: ResponsesLlm, request: TurnRequest = ASKED, **caching) -> None:
    assert request.caching is not None
    request = replace(request, caching=replace(request.caching, **caching))
    async with aclosing(llm.stream(request, time.time() + 20)) as events:
        assert [event async for event in events]


def marks(body: Json) -> list[str]:
    """The texts behind which there is a breakpoint."""
    parts = [part for item in body["input"] for part in item.get("output", item.get("content", ()))]
    return [part["text"] for part in parts if BREAKPOINT in part]


@pytest.mark.parametrize(
    ("model", "key", "breakpoints"),
    [
        ("gpt-5.6-luna", True, True),
        ("gpt-5.6", True, True),
        ("gpt-5.10", True, True),
        ("gpt-6", True, True),
        ("gpt-35-turbo", True, False),
        ("gpt-41-mini", True, False),
        ("gpt-56-luna", True, True),
        ("openai/gpt-5.6-sol-2026-07-09", True, True),
        ("ft:gpt-5.6-luna:acme::x", True, True),
        ("gpt-5.4-mini", True, False),
        ("gpt-5", True, False),
        ("gpt-4o", True, False),
        ("gpt-4o-mini", True, False),
        ("gpt-4.1", True, False),
        ("o4-mini", True, False),
        ("gpt-oss-120b", False, False),
        ("llama3.1", False, False),
        ("qwen3:8b", False, False),
        ("my-gpt-5.6x", False, False),
        ("foo4-mini", False, False),
    ],
)
def test_models_are_known_by_their_names(model, key, breakpoints):
    assert (takes_key(model), takes_breakpoints(model)) == (key, breakpoints)


async def test_a_thread_that_goes_on_is_marked_where_its_requests_ended(fake, llm):
    await ask(llm, replace(ASKED, input=TALK))
    [body] = fake.bodies
    assert (body["prompt_cache_key"], body["prompt_cache_options"]) == ("k", {"mode": "explicit"})
    assert body["input"][0] == {
        "type": "message",
        "role": "developer",
        "content": [{"type": "input_text", "text": "Be brief.", BREAKPOINT: {"mode": "explicit"}}],
    }
    assert "instructions" not in body
    assert marks(body) == ["Be brief.", "one", "rain 2", "three"]


async def test_each_turn_is_marked_where_the_one_before_it_ended(fake, llm):
    await ask(llm, replace(ASKED, input=[*TALK, *called(3)]))
    await ask(llm, replace(ASKED, input=[*TALK, *called(3), *called(4)]))
    assert [marks(body)[1:] for body in fake.bodies] == [["rain 2", "three", "rain 3"], ["rain 2", "rain 3", "rain 4"]]


async def test_what_is_not_marked_reads_the_same(fake, llm):
    await ask(llm, replace(ASKED, input=TALK))
    await ask(llm, replace(ASKED, input=TALK), continues=False)
    with_marks, without = ([*map(json.dumps, body["input"])] for body in fake.bodies)
    assert marks(fake.bodies[1]) == []
    mark = ', "prompt_cache_breakpoint": {"mode": "explicit"}'
    assert [item.replace(mark, "") for item in with_marks] == without


async def test_a_first_run_writes_nothing_by_itself(fake, llm):
    await ask(llm, continues=False)
    assert marks(fake.bodies[0]) == []
    assert fake.bodies[0]["prompt_cache_options"] == {"mode": "explicit"}


async def test_a_first_run_looks_for_the_block_of_an_assistant_that_others_use(fake, llm):
    for run in ("run_1", "run_1", "run_2", "run_2"):
        await ask(llm, continues=False, run=run)
    assert [marks(body) for body in fake.bodies] == [[], [], ["Be brief."], ["Be brief."]]


async def test_a_block_that_nobody_has_sent_for_long_is_gone(fake):
    now = 1000.0
    async with serving(fake) as base_url:
        llm = ResponsesLlm(Endpoint(base_url, "fake", "key"), cache=PromptCache("12h", 43_200, lambda: now))
        for passed in (0, 43_199, 43_201):
            now += passed
            await ask(llm, continues=False, run=f"run_{passed}")
        await llm.close()
    assert [marks(body) for body in fake.bodies] == [[], ["Be brief."], []]
    assert fake.bodies[0]["prompt_cache_options"] == {"mode": "explicit", "ttl": "12h"}


async def test_a_first_run_writes_its_turns_once_its_reads_have_paid_for_it(fake, llm):
    for read in (0, 10, 1000):
        await ask(llm, replace(ASKED, input=[said("user", "w" * 300), *called(1)]), continues=False, read=read)
    assert [marks(body) for body in fake.bodies] == [[], [], ["w" * 300, "rain 1"]]


async def test_instructions_of_one_run_stay_where_they_were(fake, llm):
    await ask(llm, instructions=None)
    await ask(llm, instructions=None, run="run_3")
    once, again = fake.bodies
    assert once["instructions"] == "Be brief."
    assert once["input"] == ASKED.input
    assert marks(again) == ["Weather?"]


async def test_what_one_run_adds_stands_behind_the_newest_question(fake, llm):
    request = replace(ASKED, instructions="Be brief.\nIt is Monday.", input=[*TALK, *called(3)])
    await ask(llm, request, additional="It is Monday.")
    await ask(llm, replace(ASKED, input=TALK))
    with_it, without = fake.bodies
    asked = with_it["input"].index(without["input"][-1])
    assert with_it["input"][asked + 1] == said("developer", "It is Monday.")
    assert asked == len(without["input"]) - 1


async def test_no_instructions_are_no_message(fake, llm):
    await ask(llm, replace(ASKED, instructions=""), instructions="")
    assert marks(fake.bodies[0]) == ["Weather?"]
    assert [item["role"] for item in fake.bodies[0]["input"]] == ["user"]


async def test_earlier_models_are_told_the_key_alone(fake, llm):
    await ask(llm, replace(ASKED, model="gpt-5.4"))
    assert fake.bodies[0] == {
        "model": "gpt-5.4",
        "input": ASKED.input,
        "instructions": "Be brief.",
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "k",
        "stream": True,
        "store": False,
    }


async def test_others_models_are_told_nothing(fake, llm):
    await ask(llm, replace(ASKED, model="qwen3"))
    assert not [name for name in fake.bodies[0] if name.startswith("prompt_cache")]


@pytest.mark.parametrize("refused", ["prompt_cache_options", "prompt_cache_options.mode"])
async def test_a_model_that_knows_no_breakpoints_is_not_told_of_them_again(fake, llm, refused):
    fake.refuses = {refused: "unknown_parameter"}
    await ask(llm)
    await ask(llm)
    await ask(llm, replace(ASKED, model="gpt-5.6-sol"))
    assert ["prompt_cache_options" in body for body in fake.bodies] == [True, False, False, True, False]
    assert {body.get("instructions") for body in (fake.bodies[1], fake.bodies[2])} == {"Be brief."}
    assert [body["input"] for body in fake.bodies[1:3]] == [ASKED.input] * 2
    assert {body["prompt_cache_key"] for body in fake.bodies} == {"k"}


@pytest.mark.parametrize("names", [{"code": "unknown_parameter"}, {}])
async def test_an_endpoint_refuses_a_breakpoint_by_its_place(fake, llm, names):
    place = f"input[0].content[0].{BREAKPOINT}"
    named = {"param": place, **names} if names else {}
    fake.script(FakeTurn(status=400, message=f"Unknown parameter: '{place}'.", **named))
    await ask(llm)
    await ask(llm)
    assert ["prompt_cache_options" in body for body in fake.bodies] == [True, False, False]


async def test_the_key_can_be_refused_as_well(fake, llm):
    fake.refuses = {"prompt_cache_key": "unknown_parameter"}
    await ask(llm)
    await ask(llm)
    assert ["prompt_cache_key" in body for body in fake.bodies] == [True, False, False]
    assert all("prompt_cache_options" in body for body in fake.bodies)
