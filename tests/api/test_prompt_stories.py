"""Threads of every kind in front of a strict endpoint: no prompt is refused, and each begins as the last one did."""

from __future__ import annotations

import base64
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from openai import DefaultHttpxClient, OpenAI
from pydantic import SecretStr

from shared.llm.responses import ResponsesLlm
from shared.llm.responses.endpoint import Endpoint
from tests.api.conftest import KEY, SDK, TLS, Box
from tests.fakes.responses_events import FakeTurn
from tests.fakes.responses_server import FakeResponses, serving_in_thread
from tests.fakes.weather import WEATHER

WINDOW = 8_000
PIXEL = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(60)).decode()
CALLS = (("get_weather", '{"city": "Oslo"}'), ("get_weather", "not json"))

#: Words of messages, and of outputs.
sizes = st.sampled_from([1, 300, 900, 1500])
outputs = st.sampled_from([1, 60, 400])
turns = st.builds(
    FakeTurn,
    text=st.sampled_from([(), ("Well.",), ("words " * 300,)]),
    calls=st.sampled_from([(), CALLS[:1], CALLS]),
    call_ids=st.just(()),
    reasoning=st.booleans(),
    refusal=st.sampled_from(["", "", "No."]),
    phase=st.sampled_from(["", "commentary"]),
    context=st.sampled_from(["", "all_turns", "current_turn"]),
)
#: What a run asks for besides.
PLAIN: dict[str, Any] = {}
ways = st.sampled_from(
    [
        *[PLAIN] * 8,
        {"additional_instructions": "Be quick."},
        {"instructions": "Be somebody else."},
        {"truncation_strategy": {"type": "last_messages", "last_messages": 2}},
        {"response_format": {"type": "json_object"}},
        {"model": "gpt-5.4-mini"},
        {"model": "llama-4"},
        {"max_prompt_tokens": 900},
    ]
)
asks = st.tuples(st.just("ask"), sizes, ways, st.lists(turns, max_size=2), outputs)
others = st.one_of(
    st.tuples(st.just("say"), sizes, st.booleans()),
    st.tuples(st.just("run"), ways, st.lists(turns, max_size=2), outputs),
    st.tuples(st.just("delete"), st.integers(0, 5)),
    st.tuples(st.just("restart")),
    st.tuples(st.just("shrink"), st.sampled_from([0, 4000])),
)
#: Questions with their answers, and now and then something else in between.
stories = st.lists(st.tuples(asks, st.none() | others), min_size=8, max_size=14)


@dataclass
class Story:
    """A thread, the hosts that it sees, and what the model was sent."""

    stack: ExitStack
    home: Path
    fake: FakeResponses = field(default_factory=FakeResponses)

    def __post_init__(self) -> None:
        self.url = self.stack.enter_context(serving_in_thread(self.fake))
        self.hosts = self.stack.enter_context(ExitStack())
        self.restart()
        self.assistant = self.client.beta.assistants.create(
            model="gpt-5.6-luna", instructions="Be brief. " * 20, tools=[WEATHER]
        )
        self.thread = self.client.beta.threads.create().id
        #: The input of the newest plain run, as it began.
        self.before: list[Any] | None = None
        #: Words that the thread has gained since.
        self.added = 0

    def restart(self) -> None:
        self.hosts.close()
        box = Box(self.home, {"box_api_keys": {"me": SecretStr(KEY)}, "model_context_tokens": WINDOW})
        box.llm = ResponsesLlm(Endpoint(self.url, "fake", "key"))  # type: ignore[assignment]
        box.start()
        self.hosts.callback(box.stop)
        self.client = OpenAI(base_url=f"{box.url}/v1", http_client=DefaultHttpxClient(verify=TLS), **SDK)
        self.hosts.callback(self.client.close)

    def shrink(self, most: int) -> None:
        """The model takes no more tokens than that; 0: whatever it is sent."""
        self.fake.takes = most

    def say(self, size: int, picture: bool) -> None:
        self.added += size
        content: list[Any] = [{"type": "text", "text": "word " * size}]
        if picture:
            content.append({"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}})
        self.client.beta.threads.messages.create(self.thread, role="user", content=content)

    def delete(self, number: int) -> None:
        self.before = None
        messages = self.client.beta.threads.messages.list(self.thread, limit=10).data
        if number < len(messages):
            self.client.beta.threads.messages.delete(messages[number].id, thread_id=self.thread)

    def ask(self, said: int, way: dict[str, Any], turns: list[FakeTurn], size: int) -> None:
        self.say(said, False)
        self.run(way, turns, size)

    def run(self, way: dict[str, Any], turns: list[FakeTurn], size: int) -> None:
        self.fake.bodies.clear()
        self.fake.script(*turns)
        self.added += sum(len(turn.calls) * size + len(" ".join(turn.text).split()) for turn in turns)
        runs = self.client.beta.threads.runs
        run = runs.create_and_poll(thread_id=self.thread, assistant_id=self.assistant.id, poll_interval_ms=5, **way)
        while run.status == "requires_action":
            calls = run.required_action.submit_tool_outputs.tool_calls
            outputs = [{"tool_call_id": call.id, "output": "rain " * size} for call in calls]
            run = runs.submit_tool_outputs_and_poll(
                thread_id=self.thread, run_id=run.id, tool_outputs=outputs, poll_interval_ms=5
            )
        self.fake.forget_script()
        if self.fake.takes and "truncation_strategy" in way and run.status == "failed":
            return  # it may leave nothing out
        assert run.status in ("completed", "incomplete"), run.last_error
        assert run.status == "completed" or "max_prompt_tokens" in way, run.incomplete_details
        self._compare(way)

    def _compare(self, way: dict[str, Any]) -> None:
        if way != PLAIN or self.fake.takes:
            return
        first = said(self.fake.bodies[0]["input"])
        if self.before is not None:
            gone = next(left for left in range(len(self.before) + 1) if begins(first, self.before[left:]))
            much = self.added > WINDOW // 3
            assert gone < len(self.before) or not self.before or much, "no part of the last prompt is repeated"
        self.before, self.added = first, 0


def begins(items: list[Any], with_these: list[Any]) -> bool:
    return items[: len(with_these)] == with_these


def said(items: list[Any]) -> list[Any]:
    """The thread's own items without breakpoints, which are no part of what is read."""

    def bare(part: Any) -> Any:
        return {name: value for name, value in part.items() if name != "prompt_cache_breakpoint"}

    def unmarked(item: Any) -> Any:
        lists = [name for name in ("content", "output") if isinstance(item.get(name), list)]
        return item | {name: [bare(part) for part in item[name]] for name in lists}

    return [unmarked(item) for item in items if item.get("role") not in ("developer", "system")]


@pytest.mark.long
@settings(
    max_examples=20, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(stories)
def test_no_prompt_is_refused_and_each_begins_as_the_last_one_did(script):
    with tempfile.TemporaryDirectory() as home, ExitStack() as stack:
        story = Story(stack, Path(home))
        for name, *arguments in filter(None, chain.from_iterable(script)):
            getattr(story, name)(*arguments)
        assert story.fake.refusals == []
