"""What the provider's prompt cache saves: `python -m bench.prompt_cache [--checkout FOLDER] [--runs 800]`.

A box in front of the fake model, which counts as providers do: 1 for a token, 1.25 for one that is written to the
cache, 0.1 for one that is read. Prints the share that was read, and the price against that of the same tokens without a
cache.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from openai import OpenAI

from bench import processes
from bench.compare import checkout
from bench.processes import HERE, KEY, Checkout
from tests.fakes.prompt_cache import Cost, PromptCache
from tests.fakes.responses_server import FakeResponses, serving_in_thread

NEW, EARLIER = "gpt-5.6-luna", "gpt-5.4-mini"
WEATHER: Final = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}
TOOLS: Final = [WEATHER, {"type": "code_interpreter"}, {"type": "file_search"}]
#: Characters of an answer.
ANSWERED: Final = 1200
TOOL_CALLS: Final = (
    'call get_weather {"city": "Oslo"}\nthen\n'
    'call code_interpreter {"code": "print(\'7 \' * 1500)"}\nthen\n'
    'call file_search {"query": "warranty of the washing machine"}\nthen\n'
)


@dataclass
class Boxes:
    """Hosts of one box, one after the other or side by side, in front of one model."""

    tree: Checkout
    settings: dict[str, str]
    cache: PromptCache = field(default_factory=PromptCache)
    clients: list[OpenAI] = field(default_factory=list)

    @contextmanager
    def opened(self) -> Iterator[Boxes]:
        """With a model and a home; no host yet."""
        with ExitStack() as stack:
            self.url = stack.enter_context(serving_in_thread(FakeResponses(cache=self.cache, keep_bodies=False)))
            self.home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            self.hosts = stack.enter_context(ExitStack())
            yield self

    def start(self) -> None:
        """One host more."""
        settings = {"SANDBOX": "auto", "EMBEDDING_MODEL": "", **self.settings}
        url, _ = self.hosts.enter_context(processes.box(self.url, self.home, self.tree, **settings))
        self.clients.append(OpenAI(base_url=url, api_key=KEY))

    def stop(self) -> None:
        """All hosts."""
        self.hosts.close()
        self.clients.clear()


def ask(client: OpenAI, thread_id: str, assistant_id: str, question: str, **more: Any) -> None:
    """A message and its run, whose functions are answered."""
    client.beta.threads.messages.create(thread_id, role="user", content=question)
    run = client.beta.threads.runs.create_and_poll(
        thread_id=thread_id, assistant_id=assistant_id, poll_interval_ms=5, **more
    )
    while run.status == "requires_action":
        calls = run.required_action.submit_tool_outputs.tool_calls
        outputs: Any = [{"tool_call_id": call.id, "output": "rain " * 40} for call in calls]
        run = client.beta.threads.runs.submit_tool_outputs_and_poll(
            run_id=run.id, thread_id=thread_id, tool_outputs=outputs, poll_interval_ms=5
        )
    assert run.status == "completed", run.last_error


def question(number: int, *, tools: bool = False) -> str:
    """A message that tells the fake what to do; it is as long as its answer."""
    return (TOOL_CALLS if tools else "") + f"say {number} " + "answer " * (ANSWERED // 7)


def one_thread(boxes: Boxes, model: str, runs: int) -> None:
    """A long thread: tools in every tenth run, one run with instructions of its own, a restart, a second process."""
    boxes.start()
    client = boxes.clients[0]
    uploaded = client.files.create(
        file=("manual.txt", b"The warranty of the washing machine is long. " * 400), purpose="assistants"
    )
    store = client.vector_stores.create(file_ids=[uploaded.id])
    while client.vector_stores.retrieve(store.id).status != "completed":
        pass
    assistant = client.beta.assistants.create(
        model=model,
        instructions="You answer questions about household machines. " * 60,
        tools=TOOLS,
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
    )
    thread = client.beta.threads.create()
    for number in range(runs):
        if number == runs // 2:
            boxes.stop()
            boxes.start()
        if number == runs * 3 // 4:
            boxes.start()
        own: Any = {"instructions": "Answer this one in verse."} if number == runs * 3 // 8 else {}
        more: Any = {"additional_instructions": f"It is day {number}."} if number % 7 == 3 else {}
        client = boxes.clients[number % len(boxes.clients)]
        ask(client, thread.id, assistant.id, question(number, tools=number % 10 == 9), **own, **more)


def one_run(boxes: Boxes, model: str, runs: int) -> None:
    """A thread that ends after its first answer, for which three tools were called."""
    boxes.start()
    client = boxes.clients[0]
    assistant = client.beta.assistants.create(model=model, instructions="Be brief. " * 1200, tools=TOOLS)
    ask(client, client.beta.threads.create().id, assistant.id, question(0, tools=True))


def many_threads(boxes: Boxes, model: str, runs: int) -> None:
    """Threads of one assistant with 3,000 tokens of instructions, two runs each."""
    boxes.start()
    client = boxes.clients[0]
    assistant = client.beta.assistants.create(model=model, instructions="Be brief. " * 1200)
    for number in range(max(2, runs // 4)):
        thread = client.beta.threads.create()
        for _ in range(2):
            ask(client, thread.id, assistant.id, f"say {number} is a good number.")


Story = Callable[[Boxes, str, int], None]
STORIES: Final[dict[str, tuple[Story, str]]] = {
    "a thread, gpt-5.6": (one_thread, NEW),
    "a thread, an earlier model": (one_thread, EARLIER),
    "a thread with one run, gpt-5.6": (one_run, NEW),
    "200 threads with two runs, gpt-5.6": (many_threads, NEW),
}


def measured(story: Story, model: str, runs: int, tree: Checkout = HERE, **settings: str) -> Cost:
    """What all requests of the story cost together."""
    with Boxes(tree, settings).opened() as boxes:
        story(boxes, model, runs)
        return boxes.cache.total


def main() -> None:
    """Print a line for each story."""
    warnings.simplefilter("ignore", DeprecationWarning)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkout", default=str(HERE.folder), help="a folder or revision to measure instead")
    parser.add_argument("--runs", type=int, default=800, help="messages of the long thread, each with a run")
    parser.add_argument("--only", default="", help="the stories whose names have this in them")
    options = parser.parse_args()
    print(f"{'':40}{'input tokens':>14}{'read':>8}{'written':>9}{'cost':>7}")
    with checkout(options.checkout) as tree:
        for name, (story, model) in ((name, each) for name, each in STORIES.items() if options.only in name):
            cost = measured(story, model, options.runs, tree)
            written = cost.written / cost.tokens
            print(f"{name:40}{cost.tokens:14,}{cost.share:8.1%}{written:9.1%}{cost.ratio:7.3f}", flush=True)


if __name__ == "__main__":
    main()
