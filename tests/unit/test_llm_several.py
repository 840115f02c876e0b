"""Several endpoints with the same models: who is asked, and who goes on when one cannot."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace

import pytest

from shared.config import Settings
from shared.llm.base import LlmError, Turn, TurnDone, TurnRequest
from shared.llm.responses import ResponsesLlm, from_settings
from shared.llm.responses.attempts import BACKOFF
from shared.llm.responses.circuit import PAUSES, Circuits
from shared.llm.responses.endpoint import Endpoint
from shared.llm.responses.members import Member
from shared.llm.responses.several import LOST_SECONDS, SeveralLlm
from shared.settings.model_endpoints import ModelEndpoint
from tests.durability.hosts import free_port
from tests.fakes.endless import Endless, endless
from tests.fakes.responses_events import FakeTurn
from tests.fakes.responses_server import FakeResponses, serving

QUESTION = {"role": "user", "content": "Weather?"}
ASKED = TurnRequest(model="m", instructions="", input=[QUESTION], owner="me", thread="thread_1")
RAIN = FakeTurn(text=("Rain.",))
FAST = replace(BACKOFF, first=0.001)


class Ours:
    """Endpoints by name, in front of doubles, and a clock for what is broken."""

    def __init__(self) -> None:
        self.fakes: dict[str, FakeResponses] = {}
        self.members: dict[str, tuple[Member, ResponsesLlm]] = {}
        self.now, self.patience = 0.0, 20.0
        self.stack = AsyncExitStack()

    async def add(self, name: str, *, is_main: bool = False, url: str = "", **entry) -> FakeResponses:
        fake = self.fakes[name] = FakeResponses(default=replace(RAIN, text=(name,)))
        url = url or await self.stack.enter_async_context(serving(fake))
        member = Member(name, Endpoint(url, name, "key"), ModelEndpoint(base_url=url, **entry), is_main)
        self.members[name] = (member, ResponsesLlm(member.endpoint, backoff=FAST, member=member))
        return fake

    @property
    def llm(self) -> SeveralLlm:
        if not hasattr(self, "_llm"):
            circuits = Circuits(lambda: self.now)
            self._llm = SeveralLlm(self.members, backoff=FAST, circuits=circuits, patience=self.patience)
        return self._llm

    async def ask(self, request: TurnRequest = ASKED, seconds: float = 20) -> Turn:
        async with aclosing(self.llm.stream(request, time.time() + seconds)) as events:
            async for event in events:
                if isinstance(event, TurnDone):
                    return event.turn
        raise AssertionError("no end")

    @property
    def asked(self) -> dict[str, int]:
        return {name: fake.requests for name, fake in self.fakes.items()}


@pytest.fixture
async def ours():
    ours = Ours()
    async with ours.stack:
        yield ours
        await ours.llm.close()


@pytest.fixture
async def two(ours):
    """`first` comes before `second` whatever the thread."""
    await ours.add("first")
    await ours.add("second", priority=2)
    return ours


FAILURES = {
    "429 for long": FakeTurn(status=429, headers=(("retry-after", "30"),)),
    "500": FakeTurn(status=500),
    "503": FakeTurn(status=503),
    "408": FakeTurn(status=408),
    "connection lost": FakeTurn(cut_after=0),
    "cut before a word": FakeTurn(text=("Ra",), cut_after=2),
    "failed": FakeTurn(failed="server_error"),
    "key refused": FakeTurn(status=401),
    "role missing": FakeTurn(status=403),
    "no such deployment": FakeTurn(status=404, code="DeploymentNotFound"),
    "quota spent": FakeTurn(status=429, code="insufficient_quota"),
}


@pytest.mark.parametrize("failure", FAILURES)
async def test_what_one_endpoint_cannot_do_the_next_does_within_the_turn(two, failure):
    two.fakes["first"].script(FAILURES[failure])
    turn = await two.ask()
    assert (turn.endpoint, turn.items[0]["content"][0]["text"]) == ("second", "second")
    assert two.asked["second"] == 1


async def test_an_endpoint_that_refuses_connections_is_passed_over(ours):
    await ours.add("first", url=f"http://127.0.0.1:{free_port()}/v1")
    await ours.add("second", priority=2)
    assert (await ours.ask()).endpoint == "second"


@pytest.mark.parametrize(
    "busy",
    [
        FakeTurn(status=429, headers=(("retry-after-ms", "20"),)),
        FakeTurn(status=429),
        FakeTurn(error_event="rate_limit_exceeded", cut_after=1),
    ],
)
async def test_a_short_wait_is_cheaper_than_to_leave_where_the_prompt_is_cached(two, busy):
    two.fakes["first"].script(busy)
    assert (await two.ask()).endpoint == "first"
    assert two.asked == {"first": 2, "second": 0}


@pytest.mark.parametrize("then", ["500", "429 for long", "connection lost", "key refused"])
async def test_who_has_waited_or_left_something_out_goes_on_to_the_next_too(two, then):
    busy = FakeTurn(status=429, headers=(("retry-after-ms", "20"),))
    picky = FakeTurn(status=400, code="unsupported_parameter", param="temperature", message="Unsupported parameter.")
    for first in (busy, picky):
        two.now += 1000
        two.fakes["first"].script(first, FAILURES[then])
        assert (await two.ask(replace(ASKED, temperature=0.5))).endpoint == "second"


async def test_one_that_says_nothing_is_left_for_the_next_and_else_waited_for(two):
    two.patience = 0.2
    first, second = two.fakes.values()
    first.delay = 30
    turn = await two.ask()
    assert (turn.endpoint, turn.usage.is_complete) == ("second", False)
    assert two.llm.order(ASKED) == ["second", "first"]
    assert await two.llm.start(ASKED, "key", time.time() + 20)
    # It is the last that may be asked: slow is better than never.
    two.now += 1000
    second.delay = 0.5
    assert (await two.ask()).endpoint == "second"


@pytest.mark.parametrize("wait", ["86400", "1e300"])
async def test_one_that_asks_for_a_day_is_tried_again_after_two_minutes(two, wait):
    two.fakes["first"].script(FakeTurn(status=503, headers=(("retry-after", wait),)))
    assert (await two.ask()).endpoint == "second"
    two.now += PAUSES.longest + 1
    assert (await two.ask()).endpoint == "first"


async def test_what_the_caller_did_is_told_to_him_by_the_first(two):
    two.fakes["first"].script(FakeTurn(status=400, code="invalid_json_schema", message="Invalid schema."))
    with pytest.raises(LlmError, match="Invalid schema") as caught:
        await two.ask()
    assert (caught.value.code, two.asked["second"]) == ("invalid_prompt", 0)


async def test_a_turn_of_which_a_word_was_heard_is_nobody_elses(two):
    two.fakes["first"].script(FakeTurn(text=("Ra", "in."), cut_after=5))
    with pytest.raises(LlmError) as caught:
        await two.ask()
    assert (caught.value.broke_off, two.asked["second"]) == (True, 0)
    assert (await two.ask()).endpoint == "second", "whoever asks again is spared the one that broke"


async def test_a_broken_endpoint_is_left_alone_ever_longer_and_tried_by_one(two):
    first = two.fakes["first"]
    first.script(*[FakeTurn(status=503)] * 3)
    for failures in (1, 2, 3):
        await two.ask()
        assert first.requests == failures
        two.now += PAUSES.first * 2 ** (failures - 1) - 0.1
        await two.ask()
        assert first.requests == failures, "too early"
        two.now += 0.2
    first.delay = 0.05
    turns = await asyncio.gather(*(two.ask() for _ in range(4)))
    assert Counter(turn.endpoint for turn in turns) == {"first": 1, "second": 3}
    assert (await two.ask()).endpoint == "first"


async def test_all_that_fail_are_asked_again_and_then_the_turn_fails_as_with_one(two):
    for fake in two.fakes.values():
        fake.default = FakeTurn(status=503)
    with pytest.raises(LlmError) as caught:
        await two.ask()
    assert caught.value.code == "server_error"
    assert two.asked == {"first": FAST.attempts, "second": FAST.attempts}


async def test_one_that_is_refused_and_one_that_is_down_end_when_time_is_up(two):
    two.fakes["first"].default = FakeTurn(status=401)
    two.fakes["second"].script(FakeTurn(status=503), FakeTurn(status=503))
    assert (await two.ask()).endpoint == "second"


@pytest.mark.parametrize(("down", "busy"), [("first", "second"), ("second", "first")])
async def test_the_next_round_waits_for_whoever_may_be_there_first(two, down, busy):
    two.fakes[down].script(FakeTurn(status=503))
    two.fakes[busy].script(FAILURES["429 for long"])
    assert (await two.ask(seconds=5)).endpoint == down


async def test_failed_attempts_count_whoever_made_them(two):
    two.fakes["first"].script(FakeTurn(failed="server_error", tokens=(7, 0, 0, 1, 0)))
    two.fakes["second"].default = replace(RAIN, tokens=(20, 0, 0, 2, 0))
    turn = await two.ask()
    assert (turn.usage.output_tokens, turn.usage.is_complete) == (3, True)


async def test_a_thread_stays_and_threads_follow_the_weights(ours):
    await ours.add("one", weight=3)
    await ours.add("two", weight=1)
    await ours.add("three", weight=1, priority=2)
    threads = [replace(ASKED, thread=f"thread_{number}") for number in range(400)]
    found = [ours.llm.order(thread)[0] for thread in threads]
    counts = Counter(found)
    assert found == [ours.llm.order(thread)[0] for thread in threads]
    assert set(counts) == {"one", "two"}
    assert 240 < counts["one"] < 350
    without = SeveralLlm({name: ours.members[name] for name in ("one", "three")})
    stayed = [without.order(thread)[0] for thread, was in zip(threads, found, strict=True) if was == "one"]
    assert set(stayed) == {"one"}


async def test_models_are_asked_for_by_the_names_that_each_endpoint_has_for_them(ours):
    first = await ours.add("first", deployments={"gpt-5.6-*": "prod", "tiny": "small-1"})
    second = await ours.add("second", priority=2)
    await ours.ask(replace(ASKED, model="gpt-5.6-luna"))
    await ours.ask(replace(ASKED, model="other"))
    assert [body["model"] for body in first.bodies + second.bodies] == ["prod", "other"]
    assert [each.id for each in await ours.llm.models()] == ["fake-model", "tiny"]


async def test_an_endpoint_that_says_nothing_holds_a_list_up_for_seconds_only(ours, caplog):
    await ours.add("first")
    silent = await ours.stack.enter_async_context(endless(Endless(head_pause=60)))
    await ours.add("second", url=silent)
    began = time.monotonic()
    assert [each.id for each in await ours.llm.models()] == ["fake-model"]
    assert time.monotonic() - began < 8
    [told] = [each for each in caplog.records if each.action == "model_list_failed"]
    assert "TimeoutError" in told.reason


async def test_a_model_that_nobody_has_is_the_callers(ours):
    await ours.add("first", deployments={"tiny": "small-1"})
    with pytest.raises(LlmError, match="no endpoint of this box has 'm'"):
        await ours.ask()


# -- what belongs to an endpoint --------------------------------------------------------------------------------------

THINKING = FakeTurn(reasoning=True, text=("Hm.",))


@pytest.fixture
async def main_and_other(ours):
    await ours.add("main", is_main=True)
    await ours.add("other", priority=2)
    for fake in ours.fakes.values():
        fake.default = THINKING
    return ours


def thoughts_sent(fake: FakeResponses) -> list[str]:
    return [item["encrypted_content"] for item in fake.bodies[-1]["input"] if item.get("type") == "reasoning"]


async def test_reasoning_is_given_back_to_its_own_endpoint_alone(main_and_other):
    ours, main = main_and_other, main_and_other.fakes["main"]
    of_main = await ours.ask()
    main.script(FakeTurn(status=503))
    of_other = await ours.ask()
    assert (of_main.endpoint, of_other.endpoint) == ("main", "other")
    both = replace(ASKED, input=[QUESTION, *of_main.items, QUESTION, *of_other.items, QUESTION])
    ours.now += 100
    await ours.ask(both)
    assert thoughts_sent(main) == [of_main.items[0]["encrypted_content"]]
    main.script(FakeTurn(status=503))
    await ours.ask(both)
    assert thoughts_sent(ours.fakes["other"]) == [of_other.items[0]["encrypted_content"]]
    sent = [item for fake in ours.fakes.values() for body in fake.bodies for item in body["input"]]
    assert not [item for item in sent if "origin" in item], "our marks are our own"


async def test_what_was_thought_before_there_were_others_is_mains(main_and_other):
    ours, main = main_and_other, main_and_other.fakes["main"]
    alone = ResponsesLlm(ours.members["main"][0].endpoint)
    async with aclosing(alone.stream(ASKED, time.time() + 20)) as events:
        turn = [event async for event in events][-1].turn
    later = replace(ASKED, input=[QUESTION, *turn.items, QUESTION])
    await ours.ask(later)
    assert thoughts_sent(main) != []
    assert ours.llm.origin("m") == alone.origin("m")
    main.script(FakeTurn(status=503))
    await ours.ask(later)
    assert thoughts_sent(ours.fakes["other"]) == []


@pytest.mark.parametrize("down", [False, True])
async def test_a_background_turn_is_its_endpoints(main_and_other, down):
    ours = main_and_other
    if down:
        ours.fakes["main"].script(FakeTurn(status=503))
    response_id = await ours.llm.start(ASKED, "key", time.time() + 20)
    turn = await ours.llm.poll(response_id)
    assert turn is not None
    assert turn.endpoint == ("other" if down else "main")
    assert response_id.startswith("other/resp_" if down else "resp_")
    await ours.llm.cancel(response_id)
    assert [len(fake.cancelled) for fake in ours.fakes.values()] == ([0, 1] if down else [1, 0])


async def test_a_background_turn_whose_endpoint_is_gone_is_begun_anew(main_and_other):
    with pytest.raises(LlmError) as caught:
        await main_and_other.llm.poll("closed-down/resp_1")
    assert caught.value.broke_off
    assert not (await main_and_other.llm.cancel("closed-down/resp_1")).is_complete


async def test_polls_that_fail_are_borne_for_a_while(ours):
    await ours.add("main", is_main=True, url=f"http://127.0.0.1:{free_port()}/v1")
    assert await ours.llm.poll("resp_1") is None
    ours.now += LOST_SECONDS - 1
    assert await ours.llm.poll("resp_1") is None
    ours.now += 2
    with pytest.raises(LlmError) as caught:
        await ours.llm.poll("resp_1")
    assert caught.value.broke_off, "so that it is begun anew, where somebody answers"


# -- health and settings ----------------------------------------------------------------------------------------------


async def test_what_is_used_is_booked_on_the_model_whatever_an_endpoint_calls_it(ours):
    await ours.add("first", deployments={"tiny": "fake-model"})
    assert SeveralLlm(ours.members, {"a": "tiny"}).answering("a") == "tiny"


async def test_health_is_told_by_endpoint_and_holds_while_every_model_has_one(ours):
    await ours.add("first", deployments={"tiny": "fake-model"})
    await ours.add("second", url=f"http://127.0.0.1:{free_port()}/v1")
    llm = SeveralLlm(ours.members, {"a": "tiny"})
    health = await llm.health()
    assert (health.answers, health.words) == (True, "answers")
    assert health.endpoints == {
        "first": "answers",
        "second": "The model could not be reached: its server refused the connection.",
    }
    health = await SeveralLlm(ours.members, {"a": "tiny", "b": "large"}).health()
    assert (health.answers, health.words) == (False, "No endpoint answers for large.")


async def test_health_says_who_is_left_alone(two):
    two.fakes["first"].script(FakeTurn(status=503))
    await two.ask()
    assert (await two.llm.health()).endpoints["first"].endswith(", and is left alone for 1 s")


def settings(**given) -> Settings:
    none = {"openai_base_url": "", "openai_api_key": "", "azure_openai_endpoint": "", "azure_openai_api_key": ""}
    return Settings(_env_file=None, **none | given)


FRANCE = {"base_url": "https://france.openai.azure.com", "identity": True}


def test_settings_name_several_beside_the_main_one(monkeypatch):
    monkeypatch.setenv("SWEDEN_KEY", "s3cret")
    sweden = {"base_url": "https://sweden.example/v1", "api_key_variable": "SWEDEN_KEY", "weight": 2}
    found = from_settings(settings(openai_api_key="sk-1", model_endpoints={"france": FRANCE, "sweden": sweden}))
    assert isinstance(found, SeveralLlm)
    assert found.description == (
        "main: Responses API at https://api.openai.com/v1; "
        "france: Azure OpenAI at https://france.openai.azure.com (identity); "
        "sweden: Responses API at https://sweden.example/v1"
    )
    assert "s3cret" not in repr(settings(model_endpoints={"sweden": sweden}))


def test_the_main_one_can_have_weight_and_priority_too():
    found = from_settings(settings(openai_api_key="sk-1", model_endpoints={"own": {"priority": 2}, "france": FRANCE}))
    assert found is not None
    assert found.order(ASKED) == ["france", "own"]


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ({"own": {}}, "own has no base_url"),
        ({"a": {"api_key": "k"}}, "needs a base_url"),
        ({"a": {}, "b": {}}, "a and b"),
        ({"main": FRANCE}, "main is the endpoint of the other settings"),
        ({"a b": FRANCE}, "pattern"),
        ({"a": FRANCE | {"api_key": "hidden-key"}}, "a key or an identity"),
        ({"a": FRANCE | {"wait": 1}}, "Extra"),
        ({"a": {"base_url": "http://x/v1", "api_key_variable": "NOT_THERE"}}, "no variable NOT_THERE"),
    ],
)
def test_entries_that_cannot_be_are_told(entries, told):
    with pytest.raises(ValueError, match=told) as caught:
        from_settings(settings(model_endpoints=entries))
    assert "hidden-key" not in str(caught.value)
