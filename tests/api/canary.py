"""A word that stands wherever content can be, and looking for it wherever bytes are."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import zlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from shared.llm.scripted import call, reasoning, text

#: Stands in texts, names, metadata, code and its outputs of one user; never in an id.
CANARY = "Zaunkoenig7Q"
#: What another user says.
OTHER = "Nachtigall3K"

CODE = f"""
import matplotlib.pyplot as plt
open('/mnt/data/{CANARY}.txt', 'w').write('{CANARY}')
plt.plot([1, 2]); plt.title('{CANARY}'); plt.show()
print('{CANARY}')
"""
SEND = {"to": f"{CANARY}@example.com", "subject": CANARY, "body": CANARY}
TOOLS = [
    {"type": "code_interpreter"},
    {"type": "file_search"},
    {"type": "function", "function": {"name": "ask_user", "parameters": {"type": "object"}}},
]


def live(client, llm, user: str, word: str = CANARY, *, name: str = "") -> tuple[str, list[str]]:
    """A user's whole story: the thread's id, and the ids of all files in it; the assistant may have another `name`."""
    metadata = {"user": user, "note": word}
    files = [
        client.files.create(file=(f"{word}-{kind}.txt", f"{word} {kind}".encode()), purpose="assistants").id
        for kind in ("searched", "attached")
    ]
    kinds = ("file_search", "code_interpreter")
    attachments: Any = [{"file_id": file, "tools": [{"type": kind}]} for file, kind in zip(files, kinds, strict=True)]
    message = {"role": "user", "content": word, "attachments": attachments, "metadata": {"said": word}}
    thread = client.beta.threads.create(metadata=metadata, messages=[message])
    store = thread.tool_resources.file_search.vector_store_ids[0]
    while client.vector_stores.retrieve(store).status != "completed":
        continue
    assistant = client.beta.assistants.create(
        model="m",
        name=name or word,
        instructions=word,
        metadata={"server_tools": "send_email", **metadata},
        tools=TOOLS,
    )
    llm.script(
        [
            reasoning(word, word),
            call("send_email", **{key: value.replace(CANARY, word) for key, value in SEND.items()}),
            call("code_interpreter", code=CODE.replace(CANARY, word)),
            call("file_search", queries=[word]),
            call("ask_user", call_id="call_ask", question=word),
        ],
        [reasoning(word, word), text(f"{word}: [file](sandbox:/mnt/data/{word}.txt)")],
    )
    run = client.beta.threads.runs.create_and_poll(
        thread_id=thread.id,
        assistant_id=assistant.id,
        additional_instructions=word,
        metadata={"run": word},
        poll_interval_ms=20,
    )
    assert run.status == "requires_action", run.last_error
    outputs: Any = [{"tool_call_id": "call_ask", "output": word}]
    run = client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=thread.id, tool_outputs=outputs, poll_interval_ms=20
    )
    assert run.status == "completed", run.last_error
    return thread.id, [each.id for each in client.files.list().data]


def readable(data: bytes) -> bytes:
    """The bytes, and what is compressed in them."""
    found = data
    start = data.find(b"x\x9c")
    while start >= 0:
        with suppress(zlib.error):
            found += zlib.decompressobj().decompress(data[start:])
        start = data.find(b"x\x9c", start + 1)
    return found


def places(home: Path, word: str = CANARY) -> list[str]:
    """Every file below a folder that has the word in its name or its bytes.

    Another process looks: one that opens and closes SQLite's files drops all its locks on them, the host's, too.
    """
    line = [sys.executable, "-m", "tests.api.canary", str(home), word]
    found: list[str] = json.loads(subprocess.run(line, capture_output=True, check=True).stdout)
    return found


def look(home: Path, word: str) -> list[str]:
    """What `places` finds."""
    return [
        path.relative_to(home).as_posix()
        for path in sorted(home.rglob("*"))
        if word in path.name or (path.is_file() and word.encode() in readable(path.read_bytes()))
    ]


def logged(records: Iterable[logging.LogRecord], word: str = CANARY) -> list[str]:
    """The log lines with the word, from whoever, whatever their level."""
    return [f"{each.name}: {each.getMessage()[:200]}" for each in records if word in f"{each.getMessage()}{vars(each)}"]


if __name__ == "__main__":
    print(json.dumps(look(Path(sys.argv[1]), sys.argv[2])))
