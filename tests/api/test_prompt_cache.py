"""What a thread's prompts have in common, counted by a fake that reads and writes as providers' caches do."""

from __future__ import annotations

import json
from contextlib import ExitStack
from itertools import pairwise
from typing import Any

import pytest
from pydantic import SecretStr

from shared.llm.responses import ResponsesLlm
from shared.llm.responses.caching import PromptCache
from shared.llm.responses.endpoint import Endpoint
from tests.api.conftest import KEY, OTHER_KEY, Box
from tests.fakes import prompt_cache
from tests.fakes.responses_server import FakeResponses, serving_in_thread
from tests.fakes.weather import WEATHER

NEW, EARLIER = "gpt-5.6-luna", "gpt-5.4-mini"
#: Twelve exchanges fill it.
WINDOW = 6000
RULES = "Be brief and friendly. " * 200
CALL = 'call get_weather {"city": "Oslo"}\nthen\n'


class Talk:
    """A thread with an assistant, in front of a box."""

    def __init__(self, box: Box, client, model: str = NEW, **more: Any):
        self.box, self.client = box, client
        fields: dict[str, Any] = {"model": model, "instructions": RULES, "tools": [WEATHER]} | more
        self.assistant = client.beta.assistants.create(**fields)
        self.thread = client.beta.threads.create()

    def ask(self, question: str, **more: Any) -> None:
        """A message with its run; functions are answered."""
        self.client.beta.threads.messages.create(self.thread.id, role="user", content=question)
        run = self._run(self.client.beta.threads.runs.create_and_poll, assistant_id=self.assistant.id, **more)
        while run.status == "requires_action":
            calls = run.required_action.submit_tool_outputs.tool_calls
            outputs = [{"tool_call_id": call.id, "output": "rain " * 50} for call in calls]
            submit = self.client.beta.threads.runs.submit_tool_outputs_and_poll
            run = self._run(submit, run_id=run.id, tool_outputs=outputs)
        assert run.status == "completed", run.last_error

    def _run(self, how, **more: Any):
        return how(thread_id=self.thread.id, poll_interval_ms=5, **more)


@pytest.fixture
def fake():
    return FakeResponses(cache=prompt_cache.PromptCache())


@pytest.fixture
def costs(fake):
    """What each request cost."""
    return fake.cache.costs


@pytest.fixture
def open_box(tmp_path, fake, settings):
    """Open boxes over the same store, in front of the same model."""
    with serving_in_thread(fake) as base_url, ExitStack() as stack:

        def opened() -> Box:
            keys = {"me": SecretStr(KEY), "other": SecretStr(OTHER_KEY)}
            made = Box(tmp_path, {"box_api_keys": keys, "model_context_tokens": WINDOW} | settings)
            cache = PromptCache(made.settings.prompt_cache_ttl, made.settings.prompt_cache_seconds, made.clock)
            made.llm = ResponsesLlm(Endpoint(base_url, "fake", "key"), cache=cache)  # type: ignore[assignment]
            made.start()
            stack.callback(made.stop)
            return made

        yield opened


@pytest.fixture
def box(open_box, fake):
    made = open_box()
    fake.cache.clock = made.clock
    return made


def words(number: int) -> str:
    return f"say {number} " + "words " * 200


def longest_common(bodies: list[dict]) -> list[float]:
    """The share of each request that the one before began with, too."""
    texts = ["".join(text for text, _ in prompt_cache.pieces(body, implicit=False)) for body in bodies]
    shares = []
    for before, after in pairwise(texts):
        same = next((at for at, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), len(before))
        shares.append(same / len(after))
    return shares


@pytest.mark.parametrize(("model", "most"), [(NEW, 0.35), (EARLIER, 0.40)])
def test_a_thread_pays_for_what_is_new(box, client, costs, model, most):
    talk = Talk(box, client, model)
    for number in range(24):
        talk.ask((CALL if number % 10 == 9 else "") + words(number))
    assert sum(costs, prompt_cache.Cost()).ratio < most


def test_between_its_moves_the_window_repeats_what_it_was(box, client, fake):
    talk = Talk(box, client, EARLIER)
    for number in range(26):
        talk.ask(words(number))
    shares = longest_common(fake.bodies)
    assert sum(share < 0.8 for share in shares[5:]) <= 5
    assert all(body["input"][0]["role"] == "user" for body in fake.bodies)


@pytest.mark.parametrize(
    "own", [{"instructions": "Answer in verse."}, {"model": "gpt-5.6-sol"}, {"tools": []}, {"reasoning_effort": "low"}]
)
def test_one_run_with_something_of_its_own_costs_only_itself(box, client, costs, own):
    talk = Talk(box, client)
    for number in range(6):
        talk.ask(words(number), **(own if number == 3 else {}))
    assert (costs[3].read, costs[3].written) == (0, 0)
    assert costs[4].share > 0.5
    assert costs[5].share > 0.8


@pytest.mark.parametrize("model", [NEW, EARLIER])
def test_what_a_run_adds_to_the_instructions_is_no_miss(box, client, costs, model):
    talk = Talk(box, client, model)
    for number in range(6):
        talk.ask(words(number), additional_instructions=f"It is day {number}.")
    assert all(cost.share > 0.6 for cost in costs[2:])


@pytest.mark.parametrize("question", ["say hello", CALL + "say hello", CALL * 4 + "say hello"])
def test_a_thread_with_a_single_run_pays_no_more_than_without_a_cache(box, client, costs, question):
    Talk(box, client).ask(question)
    assert len(costs) == question.count("then") + 1
    assert sum(costs, prompt_cache.Cost()).ratio <= 1


def test_threads_of_one_assistant_share_its_block(box, client, costs):
    talk = Talk(box, client, instructions="Be brief. " * 1200)
    for number in range(20):
        talk.thread = client.beta.threads.create()
        talk.ask(f"say {number}")
        talk.ask(f"say {number} again")
    assert sum(costs, prompt_cache.Cost()).ratio < 0.5


def test_turns_of_a_first_run_are_written_once_the_block_has_paid_for_them(box, client, costs):
    talk = Talk(box, client, instructions="Be brief. " * 1200)
    talk.ask("say hello")
    for _ in range(8):
        talk.thread = client.beta.threads.create()
        talk.ask("say hello")
    before = len(costs)
    talk.thread = client.beta.threads.create()
    talk.ask(CALL * 3 + "say hello")
    assert costs[before + 3].read > costs[before].tokens


def test_a_thread_asked_once_a_day_writes_nothing(box, client, costs):
    talk = Talk(box, client)
    for number in range(4):
        talk.ask(words(number))
        box.clock.advance(86_400)
    assert sum(costs, prompt_cache.Cost()).ratio <= 1


@pytest.mark.parametrize("settings", [{"prompt_cache_ttl": "12h"}])
def test_a_longer_lifetime_is_made_use_of(box, client, costs):
    talk = Talk(box, client)
    for number in range(4):
        talk.ask(words(number))
        box.clock.advance(3600)
    assert costs[-1].share > 0.7


def test_a_thread_that_is_taken_up_again_is_written_from_its_second_question_on(box, client, costs):
    talk = Talk(box, client)
    for number in range(3):
        talk.ask(words(number))
    box.clock.advance(86_400)
    for number in range(3):
        talk.ask(words(number))
    assert [cost.written > 0 for cost in costs] == [False, True, True] * 2
    assert costs[-1].share > 0.7


def test_the_last_messages_alone_are_no_beginning(box, client, costs):
    talk = Talk(box, client)
    for number in range(4):
        talk.ask(words(number), truncation_strategy={"type": "last_messages", "last_messages": 2})
    assert costs[-1].written == 0


def test_the_key_is_the_threads_and_tells_nobody_whose_it_is(box, client, fake):
    talk = Talk(box, client)
    talk.ask("say one")
    talk.ask("say two", instructions="Other ones.")
    keys = {body["prompt_cache_key"] for body in fake.bodies}
    assert len(keys) == 1
    assert "me" not in keys
    for _ in range(12):
        talk.thread = client.beta.threads.create()
        talk.ask("say one")
    assert 2 <= len(set(fake.cache.keys)) <= 4


def test_another_owner_has_other_keys(box, client, fake):
    """Assistants are an owner's own, so keys are, too."""
    talk = Talk(box, client)
    talk.ask("say one")
    theirs = Talk(box, client.with_options(api_key=OTHER_KEY))
    theirs.ask("say one")
    assert fake.cache.keys[0] != fake.cache.keys[1]


def test_files_of_earlier_messages_are_told_in_the_same_words(box, client, fake):
    """A hundred are told of, and the oldest ones are let go in blocks."""
    talk = Talk(box, client, EARLIER, tools=[{"type": "code_interpreter"}])
    for number in range(116):
        uploaded = client.files.create(file=(f"{number}.txt", b"text"), purpose="assistants")
        attached = [{"file_id": uploaded.id, "tools": [{"type": "code_interpreter"}]}]
        client.beta.threads.messages.create(talk.thread.id, role="user", content="Look.", attachments=attached)
        if number >= 98:
            talk.ask("say yes")
    shares = longest_common(fake.bodies)
    assert sum(share < 0.9 for share in shares) <= 2


def test_another_process_says_the_same_in_the_same_order(open_box, box, client, fake):
    talk = Talk(box, client, EARLIER, tools=[{"type": "file_search"}, WEATHER], metadata={"server_tools": "*"})
    talk.ask("say one")
    talk.client = client.with_options(base_url=f"{open_box().url}/v1")
    talk.ask("say one")
    first, second = ([json.dumps(body[name]) for name in ("tools", "instructions")] for body in fake.bodies)
    assert first == second
    assert list(fake.bodies[0]) == list(fake.bodies[1])
    assert json.dumps(fake.bodies[1]["input"][:1]) == json.dumps(fake.bodies[0]["input"])
