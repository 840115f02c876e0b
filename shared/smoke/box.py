"""The box under test, as clients have it: both SDK classes, plain HTTP, and what is asked of it again and again."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass
from typing import Any, Final

import httpx2 as httpx
from openai import AzureOpenAI, OpenAI
from openai.types.beta.threads import Message, Run

from shared.smoke.report import Look, Wrong

#: What Azure's programs send; any will do.
API_VERSION: Final = "2024-05-01-preview"
#: Seconds between looks at a run.
PAUSE_SECONDS: Final = 0.2
ACTIVE: Final = ("queued", "in_progress", "cancelling")


@dataclass(frozen=True, slots=True)
class Options:
    """What can be said about a smoke test."""

    url: str
    key: str
    model: str = "gpt-4o"
    #: Seconds for which the long stream is held; the code interpreter allows 120.
    hold: float = 120.0
    #: Size of the large file.
    megabytes: int = 40
    #: Seconds that a run, a file on its way into a store, or one answer may take.
    patience: float = 60.0
    #: Seconds that a box may take to wake up.
    waking: float = 60.0
    #: Seconds without a byte after which a stream counts as held back; the box sends a comment every 15.
    silence: float = 40.0


class BoxUnderTest:
    """A box at an address. Everything made in it carries `mark` in its name or metadata."""

    def __init__(self, options: Options):
        self.options = options
        self.mark = f"smoke-{secrets.token_hex(4)}"
        #: Ids of the threads that were made; the rest is found by its mark.
        self.threads: list[str] = []
        #: Uploads that are not completed yet.
        self.pending: list[str] = []
        how: dict[str, Any] = {"api_key": options.key, "max_retries": 0, "timeout": options.patience}
        self.client = OpenAI(base_url=f"{options.url}/v1", **how)
        self.azure = AzureOpenAI(azure_endpoint=options.url, api_version=API_VERSION, **how)
        headers = {"Authorization": f"Bearer {options.key}"}
        self.http = httpx.Client(base_url=options.url, headers=headers, timeout=options.patience)

    def close(self) -> None:
        """Close the connections; a stream that another thread reads ends."""
        for each in (self.client, self.azure, self.http):
            each.close()

    def assistant(self, *, server_tools: str = "", **more: Any) -> str:
        """A new assistant; its id."""
        metadata = {"smoke": self.mark} | ({"server_tools": server_tools} if server_tools else {})
        made = self.client.beta.assistants.create(
            model=self.options.model, name=self.mark, instructions="Be brief.", metadata=metadata, **more
        )
        return made.id

    def asked(self, question: str, **more: Any) -> str:
        """A new thread with a question; its id."""
        message: Any = {"role": "user", "content": question, **more}
        made = self.client.beta.threads.create(messages=[message], metadata={"smoke": self.mark})
        self.threads.append(made.id)
        return made.id

    def uploaded(self, name: str, content: bytes) -> str:
        """A new file; its id."""
        return self.client.files.create(file=(f"{self.mark}-{name}", content), purpose="assistants").id

    def settled(self, run: Run) -> Run:
        """The run, once it is over or waits for us. Raises Wrong."""
        until = time.monotonic() + self.options.patience
        while run.status in ACTIVE:
            if time.monotonic() > until:
                look = Look.QUEUE if run.status == "queued" else Look.MODEL
                raise Wrong(f"the run is still {run.status} after {self.options.patience:g} s", look)
            time.sleep(PAUSE_SECONDS)
            run = self.client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)
        return run

    def completed(self, run: Run) -> Run:
        """The run, once it is completed. Raises Wrong."""
        run = self.settled(run)
        if run.status != "completed":
            raise Wrong(self._end_in_words(run), Look.MODEL)
        return run

    def answer(self, run: Run) -> Message:
        """The newest message of the run. Raises Wrong."""
        messages = self.client.beta.threads.messages.list(run.thread_id, run_id=run.id, limit=1).data
        if not messages or messages[0].role != "assistant" or not messages[0].content:
            raise Wrong("the run completed, but left no answer", Look.MODEL)
        return messages[0]

    def calls(self, run: Run) -> list[Any]:
        """The tool calls of a run, oldest first."""
        steps = self.client.beta.threads.runs.steps.list(run.id, thread_id=run.thread_id, order="asc")
        details = [step.step_details for step in steps]
        return [call for each in details if each.type == "tool_calls" for call in each.tool_calls]

    def code_outputs(self, run: Run) -> list[Any]:
        """What the code of a run gave, in order."""
        calls = [call.code_interpreter for call in self.calls(run) if call.type == "code_interpreter"]
        return [output for call in calls for output in call.outputs or []]

    def health(self) -> str:
        """What the box says of the model and the storage behind it, if something fails; else nothing."""
        try:
            seen = self.http.get("/healthz", params={"deep": "1"}).json()
        except (httpx.HTTPError, json.JSONDecodeError):
            return ""
        if not isinstance(seen, dict) or seen.get("status") == "ok":
            return ""
        return "; the box says: " + ", ".join(f"{name} {told}" for name, told in seen.items() if name != "status")

    def _end_in_words(self, run: Run) -> str:
        if run.status == "requires_action":
            return "the run waits for a function of the client that it should not need"
        error = run.last_error
        said = "" if error is None else f" ({error.code}: {error.message})"
        return f"the run ended as {run.status}{said}{self.health()}"


def text_of(message: Message) -> str:
    """The text of a message."""
    return "".join(part.text.value for part in message.content if part.type == "text")
