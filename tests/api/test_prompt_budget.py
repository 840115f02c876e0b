"""What of a thread reaches the model when it is too much: pictures, long entries, old outputs, a refused length."""

from __future__ import annotations

import base64
import json
import os
import re
from itertools import pairwise

import pytest

from shared.llm.scripted import call, fail, text, usage
from shared.runs.prompt.estimate import estimate_tokens
from shared.runs.prompt.tokens import text_tokens


@pytest.fixture
def say(client, thread):
    """Add a message of the user: words or parts."""

    def say(content):
        return client.beta.threads.messages.create(thread.id, role="user", content=content)

    return say


@pytest.fixture
def picture(client):
    """A part with an uploaded picture of so many bytes."""

    def picture(size):
        data = b"\x89PNG\r\n\x1a\n" + os.urandom(size)
        uploaded = client.files.create(file=("i.png", data), purpose="vision")
        return {"type": "image_file", "image_file": {"file_id": uploaded.id}}

    return picture


def data_url(size):
    url = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + os.urandom(size)).decode()
    return {"type": "image_url", "image_url": {"url": url}}


@pytest.mark.parametrize("uploaded", [True, False])
def test_a_message_that_is_only_a_picture_keeps_what_was_said_before(llm, ask, say, picture, uploaded):
    llm.script([text("Yes.")])
    say([picture(500_000) if uploaded else data_url(500_000)])
    say("What was my question?")

    ask()

    sent = json.dumps(llm.requests[0].input)
    assert "Weather?" in sent
    assert "input_image" in sent


WORDS = " ".join(f"word{number}" for number in range(4000))


def spoken(request):
    return [part["text"] for item in request.input if item["type"] == "message" for part in item["content"]]


@pytest.mark.parametrize("settings", [{"model_context_tokens": 4000}])
def test_a_message_that_is_too_large_loses_its_middle_and_what_is_older_stays(llm, ask, say):
    llm.default = lambda request: [text("Yes.")]
    say(WORDS)
    say("What was my question?")
    ask()
    say("Really?")
    ask()

    first, second = (spoken(request) for request in llm.requests)
    assert (first[0], first[2]) == ("Weather?", "What was my question?")
    assert re.fullmatch(r"word0 .*\n\([\d,]+ characters left out\)\n.* word3999", first[1], re.S)
    assert second[:3] == first, "it is shortened once and for all"


@pytest.mark.parametrize("settings", [{"model_context_tokens": 8000}])
def test_outputs_that_are_too_large_are_shortened_in_their_own_run(llm, ask, submit):
    llm.script([call("get_weather", call_id="a"), call("get_weather", call_id="b")], [text("Wet.")])
    submit(ask(), a=WORDS * 3, b=WORDS * 3)

    sent = llm.requests[1].input
    kinds = [item.get("role") or item["type"] for item in sent]
    assert kinds == ["user", *["function_call"] * 2, *["function_call_output"] * 2]
    assert all("characters left out" in item["output"] for item in sent[3:])
    assert 2000 < estimate_tokens(sent) < 8000


def test_outputs_of_earlier_runs_are_short_and_stay_what_they_are(llm, ask, say, submit):
    llm.script([call("get_weather", call_id="a")], [text("Wet.")], [text("Yes.")], [text("Yes.")])
    submit(ask(), a=WORDS)
    for _ in range(2):
        say("Sure?")
        ask()

    own, later = ([item.get("output") for item in request.input] for request in llm.requests[1:3])
    assert own[2] == WORDS
    assert text_tokens(later[2]) <= 2000
    assert later[2].endswith("word3999")
    assert llm.requests[3].input[: len(later)] == llm.requests[2].input


def test_a_run_without_enough_prompt_tokens_is_incomplete_before_the_model_is_asked(llm, ask, say):
    say(WORDS)

    run = ask(max_prompt_tokens=256)

    assert (run.status, run.incomplete_details.reason) == ("incomplete", "max_prompt_tokens")
    assert llm.requests == []


def test_older_messages_give_way_to_the_prompt_tokens_that_are_left(llm, ask, say):
    llm.script([text("Yes.")])
    say(WORDS)
    say("Now?")

    run = ask(max_prompt_tokens=256)

    assert run.status == "completed"
    assert spoken(llm.requests[0]) == ["Now?"]


def test_tools_and_instructions_count_against_the_prompt_tokens(llm, ask):
    assert ask(max_prompt_tokens=256, instructions=WORDS).incomplete_details.reason == "max_prompt_tokens"
    long = {"type": "function", "function": {"name": "f", "description": "Tells the weather. " * 50}}
    assert ask(max_prompt_tokens=256, tools=[long]).incomplete_details.reason == "max_prompt_tokens"
    assert llm.requests == []


def test_prompt_tokens_count_for_all_turns(llm, ask, submit):
    llm.script([call("get_weather", call_id="a"), usage(200, 10)])
    run = ask(max_prompt_tokens=256)

    run = submit(run, a="wet " * 60)

    assert (run.status, run.incomplete_details.reason) == ("incomplete", "max_prompt_tokens")
    assert run.usage.prompt_tokens == 200
    assert len(llm.requests) == 1


@pytest.mark.parametrize("last", [1, 2, 3, 4, 5])
def test_the_last_messages_come_with_calls_and_outputs_together(llm, ask, say, submit, last):
    llm.script([text("I look."), call("get_weather", call_id="a")], [text("Wet.")], [text("Yes.")])
    submit(ask(), a="wet")
    say("Sure?")

    ask(truncation_strategy={"type": "last_messages", "last_messages": last})

    items = llm.requests[-1].input
    called = [item["call_id"] for item in items if item["type"] == "function_call"]
    answered = [item["call_id"] for item in items if item["type"] == "function_call_output"]
    assert called == answered
    assert len([item for item in items if item["type"] == "message"]) == min(last, 4)


@pytest.mark.parametrize("created_with", [{}, {"additional_messages": [{"role": "user", "content": "d"}]}])
def test_the_last_messages_are_those_that_were_not_deleted(client, thread, llm, ask, say, created_with):
    gone = [say(word) for word in ("gone 1", "a", "b", "c", "gone 2", "gone 3", "gone 4")]
    for each in gone:
        if each.content[0].text.value.startswith("gone"):
            client.beta.threads.messages.delete(each.id, thread_id=thread.id)
    llm.script([text("Yes.")])

    ask(truncation_strategy={"type": "last_messages", "last_messages": 2}, **created_with)

    assert spoken(llm.requests[0]) == (["c", "d"] if created_with else ["b", "c"])


TOO_LONG = fail("invalid_prompt", "The prompt is longer than the model can take.", too_long=True)


class Small:
    """A model that takes so many tokens."""

    def __init__(self, tokens):
        self.tokens = tokens

    def __call__(self, request):
        fits = estimate_tokens(request.input) <= self.tokens
        return [text("Yes.")] if fits else [TOO_LONG]


@pytest.mark.parametrize("settings", [{}, {"model_turns": "background"}])
def test_a_prompt_that_is_too_long_for_the_model_is_halved_until_it_fits(client, llm, ask, say):
    llm.default = Small(3000)
    for _ in range(6):
        say(" ".join(WORDS.split()[:1000]))
    say("What was my question?")

    run = ask()

    assert run.status == "completed"
    weights = [estimate_tokens(request.input) for request in llm.requests]
    assert weights == sorted(weights, reverse=True)
    assert 1000 < weights[-1] <= 3000 < weights[-2]
    assert spoken(llm.requests[-1])[-1] == "What was my question?"
    assert len(set(llm.started)) == len(llm.started)


def test_later_turns_of_the_run_begin_with_what_fitted(llm, ask, say, submit):
    llm.script([TOO_LONG], [call("get_weather", call_id="a")], [text("Wet.")])
    say(WORDS)
    say("Now?")

    submit(ask(), a="wet")

    whole, half, next_turn = (estimate_tokens(request.input) for request in llm.requests)
    assert half <= next_turn <= whole / 2


@pytest.mark.parametrize("strategy", [{"type": "auto"}, {"type": "last_messages", "last_messages": 9}])
def test_a_prompt_that_nothing_makes_short_enough_fails_the_run(llm, ask, say, strategy):
    llm.default = lambda request: [TOO_LONG]
    say(WORDS)

    run = ask(truncation_strategy=strategy)

    assert (run.status, run.last_error.code) == ("failed", "invalid_prompt")
    assert len(llm.requests) == 1 if strategy["type"] == "last_messages" else 3 <= len(llm.requests) <= 12


def test_a_model_that_takes_less_than_the_settings_say_finds_its_prompts_again(llm, ask, say):
    llm.default = Small(3000)
    for number in range(40):
        say(f"{number} " + " ".join(WORDS.split()[:80]))
    for _ in range(4):
        ask()
        say("And now?")

    sent = [request.input for request in llm.requests if estimate_tokens(request.input) <= 3000]
    assert len(sent) == 4 < len(llm.requests)
    assert all(later[: len(before)] == before for before, later in pairwise(sent))


def test_what_a_listener_hears_of_a_halved_prompt_is_the_answer_alone(llm, stream, say):
    llm.script([TOO_LONG], [text("Yes.")])
    say(WORDS)

    names = [name for name, _, _ in stream()]

    assert names.count("thread.message.created") == 1
    assert names[-2:] == ["thread.run.completed", "done"]


def test_pictures_have_a_budget_of_bytes_and_the_oldest_give_way(llm, ask, say, picture):
    llm.default = lambda request: [text("Yes.")]
    for _ in range(12):
        say([{"type": "text", "text": "Look."}, picture(5_000_000)])
    ask()
    say("And now?")
    ask()

    first, second = (request.input for request in llm.requests)
    parts = [part for item in first for part in item["content"]]
    shown = [part for part in parts if part["type"] == "input_image"]
    marks = [part for part in parts if "was left out: newer ones" in part.get("text", "")]
    assert sum(len(part["image_url"]) for part in shown) <= 40_000_000
    assert (len(shown) + len(marks), len(shown) >= 3) == (12, True)
    assert parts.index(marks[-1]) < parts.index(shown[0])
    assert second[: len(first)] == first, "what was left out stays out, what was shown stays"


def test_data_urls_count_too_and_links_do_not(llm, ask, say):
    llm.script([text("Yes.")])
    say([data_url(3_000_000)])
    for _ in range(5):
        say([data_url(3_000_000) for _ in range(2)])
    say(
        [{"type": "text", "text": "Compare."}, {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]
    )

    ask()

    urls = [part["image_url"] for item in llm.requests[0].input for part in item["content"] if "image_url" in part]
    assert 10_000_000 < sum(map(len, urls)) <= 40_000_000
    assert urls[-1] == "https://example.com/a.png"
