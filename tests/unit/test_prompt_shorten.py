"""Entries that are too large lose their middle; outputs of earlier runs are cut down once and for all."""

from __future__ import annotations

import json
import re

import pytest

from shared.json_types import Json
from shared.runs.prompt.earlier import citations, short_outputs
from shared.runs.prompt.estimate import estimate_tokens
from shared.runs.prompt.shorten import capped, level, shortened, squeezed
from shared.runs.prompt.tokens import text_tokens
from shared.runs.prompt.window import PromptEntry
from shared.store.base import Record

WORDS = " ".join(f"word{number}" for number in range(20_000))


def message(text: str, role: str = "user") -> Json:
    return {"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]}


def entry(*items: Json, number: int = 0, present: bool = False) -> PromptEntry:
    return PromptEntry((number, 1, 0), list(items), estimate_tokens(items), present)


@pytest.mark.parametrize("tokens", [20, 100, 5000])
@pytest.mark.parametrize("text", [WORDS, "字" * 30_000, "a" * 30_000, "\ud83d😀" * 9000, "x\n" * 9000])
def test_a_long_text_loses_its_middle(text: str, tokens: int) -> None:
    short = shortened(text, tokens)

    head, left_out, tail = re.split(r"\n\(([\d,]+) characters left out\)\n", short)
    assert text.startswith(head)
    assert text.endswith(tail)
    assert len(head) + int(left_out.replace(",", "")) + len(tail) == len(text)
    assert tokens * 0.6 - 20 <= text_tokens(short) <= tokens
    assert shortened(text, tokens) == short, "always the same"


def test_what_fits_stays_as_it_is() -> None:
    assert shortened(WORDS, text_tokens(WORDS)) == WORDS
    assert capped(entry(message("Hello")), 100).items == [message("Hello")]


def test_the_longest_texts_of_an_entry_give_way() -> None:
    question = {"type": "input_text", "text": "What is this?"}
    picture = {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "low"}
    whole = {"type": "message", "role": "user", "content": [question, picture, {"type": "input_text", "text": WORDS}]}

    short = capped(entry(whole), 1000)

    assert 800 < short.tokens == estimate_tokens(short.items) <= 1000
    assert short.items[0]["content"][:2] == [question, picture]
    assert "characters left out" in short.items[0]["content"][2]["text"]


def test_outputs_are_shortened_and_stay_with_their_calls() -> None:
    calls = [{"type": "function_call", "call_id": f"call_{n}", "name": "f", "arguments": "{}"} for n in range(3)]
    outputs = [
        {"type": "function_call_output", "call_id": f"call_{n}", "output": output}
        for n, output in enumerate([WORDS, "short", WORDS])
    ]

    short = capped(entry(*calls, *outputs), 1000)

    assert short.items[:3] == calls
    assert [item["call_id"] for item in short.items[3:]] == ["call_0", "call_1", "call_2"]
    assert short.items[4] == outputs[1]
    assert short.tokens <= 1000


@pytest.mark.parametrize("arguments", [json.dumps({"code": WORDS, "n": [1, WORDS]}), WORDS])
def test_arguments_that_are_json_stay_json(arguments: str) -> None:
    call = {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": arguments}

    [short] = capped(entry(call), 1000).items

    assert estimate_tokens([short]) <= 1000
    if arguments.startswith("{"):
        assert json.loads(short["arguments"])["n"][0] == 1
        assert capped(entry(call), 10**6).items == [call], "not even written anew"


@pytest.mark.parametrize(
    ("weights", "total", "most"), [([5, 100, 100], 105, 50), ([1, 1], 10, 8), ([10], 4, 4), ([], 9, 9), ([9], -5, 0)]
)
def test_what_is_small_leaves_its_share_to_others(weights: list[int], total: int, most: int) -> None:
    assert level(weights, total) == most


def test_an_entry_takes_half_of_the_window_and_nothing_older_is_touched() -> None:
    entries = [entry(message("My name is Zebedee.")), entry(message(WORDS), number=1), entry(message("?"), number=2)]

    first, second, third = squeezed(entries, 10_000, 9_000)

    assert (first, third) == (entries[0], entries[2])
    assert 4_000 < second.tokens <= 5_000


def test_what_the_present_run_needs_is_made_to_fit() -> None:
    outputs = [
        entry({"type": "function_call_output", "call_id": f"call_{n}", "output": WORDS}, number=2, present=True)
        for n in range(5)
    ]
    entries = [entry(message(WORDS)), entry(message("And now?"), number=1), *outputs]

    short = squeezed(entries, 10_000, 9_000)

    assert sum(each.tokens for each in short[1:]) <= 9_000
    assert short[1] == entries[1]
    assert 4_000 < short[0].tokens <= 5_000, "what may be dropped is not made shorter for it"


def test_arguments_that_are_nested_too_deep_to_read_are_shortened_as_text() -> None:
    deep = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "[" * 50_000 + "]" * 50_000}
    short = capped(entry(deep), 1000)
    assert short.tokens <= 1000 < entry(deep).tokens


def answer(run_id: str | None, *cited: str) -> Record:
    annotations = [{"type": "file_citation", "text": each, "file_citation": {"file_id": "f"}} for each in cited]
    content = [{"type": "text", "text": {"value": "".join(cited), "annotations": annotations}}]
    return Record("msg_1", {"run_id": run_id, "content": content}, "1")


def search(results: int, size: int = 300, **more: str) -> Json:
    markers = [f"【7:{number}†a.txt】" for number in range(results)]
    told = [f"{marker}\nresult {number}\n\n" + "lorem " * size for number, marker in enumerate(markers)]
    return {"outputs": {"call_1": "\n\n".join(told), **more}, "sources": dict.fromkeys(markers, "file-1")}


def test_of_a_search_later_runs_see_what_was_cited() -> None:
    cited = citations(
        [answer(None), answer("run_1", "【7:3†a.txt】", "【7:12†source】"), answer("run_2", "【7:5†a.txt】")]
    )

    short = short_outputs(search(20), cited["run_1"])["call_1"]

    assert [line for line in short.split("\n") if line.startswith(("【", "result"))] == [
        *("【7:3†a.txt】", "result 3"),
        *("【7:12†a.txt】", "result 12"),
    ]
    assert "lorem lorem" in short
    assert "(18 results left out that the answer did not cite" in short


def test_of_a_search_that_nobody_cited_a_mark_is_left() -> None:
    short = short_outputs(search(20), set())["call_1"]
    assert short.startswith("(20 results left out")
    assert text_tokens(short) < 40


def test_short_results_and_short_outputs_stay_as_they_are() -> None:
    step = search(3, size=50, call_2="12 degrees")
    assert short_outputs(step, set()) == step["outputs"]


def test_however_much_was_cited_it_has_a_bound() -> None:
    step = search(30, size=900)
    short = short_outputs(step, {f"7:{number}" for number in range(30)})["call_1"]
    assert text_tokens(short) <= 4_000
    assert "characters left out" in short


@pytest.mark.parametrize("step", [{"outputs": {"c": WORDS}}, {"outputs": {"c": WORDS}, "sources": {"【1:0†x】": "f"}}])
def test_of_other_outputs_later_runs_see_the_ends(step: Json) -> None:
    short = short_outputs(step, set())["c"]
    assert short.startswith("word0 word1 ")
    assert short.endswith(" word19999")
    assert text_tokens(short) <= 2_000
