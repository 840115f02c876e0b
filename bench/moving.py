"""Time and memory of `import` and `export`, by the real program: `python -m bench moving`, or with a number of threads.

`python -m bench.moving 10000` measures 200,000 messages: each thread has 20, and a run with two steps. `--azurite` puts
them into an emulated storage account, whose own speed that is.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests import azurite

CREATED: Final = 1_716_470_000
MESSAGES: Final = 20
THREADS: Final = 500
TEXT: Final = "The quick brown fox jumps over the lazy dog. " * 5


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took."""

    seconds: float
    #: Processor time, and the most memory that was resident.
    busy: float
    megabytes: float


def bundle(number: int) -> dict[str, Any]:
    """A thread as the hosted service would have given it out."""
    thread_id, run_id = f"thread_z{number:023}", f"run_z{number:023}"
    of = {"thread_id": thread_id, "assistant_id": "asst_z", "created_at": CREATED + number}
    messages = [
        {
            "id": f"msg_z{number:012}{place:011}",
            "object": "thread.message",
            **of,
            "run_id": run_id if place % 2 else None,
        }
        | {"role": "assistant" if place % 2 else "user"}
        | {"content": [{"type": "text", "text": {"value": TEXT, "annotations": []}}], "metadata": {}}
        for place in range(MESSAGES)
    ]
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}", "output": "1"}}
    details: list[dict[str, Any]] = [
        {"type": "tool_calls", "tool_calls": [call]},
        {"type": "message_creation", "message_creation": {"message_id": messages[1]["id"]}},
    ]
    steps = [
        {"id": f"step_z{number:012}{place:011}", "object": "thread.run.step", "run_id": run_id, **of}
        | {"status": "completed", "type": each["type"], "step_details": each}
        for place, each in enumerate(details)
    ]
    run = {"id": run_id, "object": "thread.run", "status": "completed", "model": "gpt-4o", **of, "steps": steps}
    thread = {"id": thread_id, "object": "thread", "created_at": CREATED + number, "metadata": {"user": "ann"}}
    return {"thread": thread, "messages": messages, "runs": [run]}


def written(folder: Path, threads: int) -> Path:
    """An export with so many threads."""
    (folder / "threads").mkdir(parents=True)
    assistant = {"id": "asst_z", "object": "assistant", "created_at": CREATED, "model": "gpt-4o"}
    (folder / "assistants.json").write_text(json.dumps([assistant]))
    for number in range(threads):
        each = bundle(number)
        (folder / "threads" / f"{each['thread']['id']}.json").write_text(json.dumps(each))
    return folder


def measured(environment: dict[str, str], *words: str) -> Cost:
    """Run the program to its end. Raises RuntimeError if it fails."""
    started = time.perf_counter()
    silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    line = [sys.executable, "-m", "shared", *words]
    pid = os.posix_spawn(sys.executable, line, {**os.environ, **environment}, file_actions=silent)
    _, status, used = os.wait4(pid, 0)
    if status:
        raise RuntimeError(f"{' '.join(words)}: ended with {os.waitstatus_to_exitcode(status)}")
    return Cost(time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


@contextmanager
def storage(folder: Path, emulated: bool) -> Iterator[dict[str, str]]:
    """The setting of an emulated account, or none."""
    folder.mkdir()
    with azurite.running(folder) if emulated else nullcontext("") as connection:
        yield {"AzureWebJobsStorage": connection} if connection else {}


def main() -> None:
    """Import, again, export in both forms, and import what was exported; print a line for each."""
    parser = argparse.ArgumentParser(prog="python -m bench.moving")
    parser.add_argument("threads", type=int, nargs="?", default=THREADS)
    parser.add_argument("--azurite", action="store_true")
    asked = parser.parse_args()
    print(f"{asked.threads:,} threads, {asked.threads * MESSAGES:,} messages")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, out = str(written(folder / "source", asked.threads)), str(folder / "out")
        commands = [
            ("one", "look (dry run)", ("import", source)),
            ("one", "import", ("import", source, "--yes")),
            ("one", "import again", ("import", source, "--yes")),
            ("one", "export", ("export", out)),
            ("one", "export --as responses", ("export", str(folder / "new"), "--as", "responses")),
            ("two", "import of the export", ("import", out, "--yes")),
        ]
        with storage(folder / "emulator", asked.azurite) as setting:
            for home, title, words in commands:
                owner = {"BOX_API_KEYS": json.dumps({home: "bench-key-0123456789"})}
                environment = {"BOX_HOME": str(folder / home), "SANDBOX": "none", **setting, **owner}
                cost = measured(environment, *words)
                print(
                    f"{title:24} {cost.seconds:7.1f} s  busy {cost.busy:7.1f} s  {cost.megabytes:5.0f} MB", flush=True
                )


if __name__ == "__main__":
    main()
