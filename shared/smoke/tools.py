"""Steps with the box's own tools: code that draws, documents that are searched, and a stream that is held open."""

from __future__ import annotations

import time
from typing import Any, Final

import httpx2 as httpx

from shared.smoke.box import BoxUnderTest, text_of
from shared.smoke.reach import in_words
from shared.smoke.report import Look, Wrong

CODE: Final[Any] = {"type": "code_interpreter"}
SEARCH: Final[Any] = {"type": "file_search"}
TABLE: Final = b"fruit,amount\napples,12\npears,7\nplums,21\n"
LEGEND: Final = b"The lighthouse of Zyrgon is painted turquoise. Its keeper is called Odile.\n"
PNG: Final = (b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82")
#: Seconds of a held stream that the model and the start of the interpreter may take, rather than the program.
AROUND: Final = 3.0


def chart(box: BoxUnderTest) -> dict[str, float]:
    """Code draws a chart of an attached file; the picture arrives whole."""
    table = box.uploaded("fruit.csv", TABLE)
    question = f"Draw a bar chart of the amount by fruit of {box.mark}-fruit.csv with matplotlib and show it."
    thread = box.asked(question, attachments=[{"file_id": table, "tools": [CODE]}])
    assistant = box.assistant(tools=[CODE])
    run = box.completed(box.client.beta.threads.runs.create(thread, assistant_id=assistant, tool_choice=CODE))
    outputs = box.code_outputs(run)
    pictures = [output.image.file_id for output in outputs if output.type == "image"]
    if not pictures:
        printed = "".join(output.logs for output in outputs if output.type == "logs")[-300:]
        raise Wrong(f"no picture came of the code; it printed: {printed or 'nothing'}", Look.CODE)
    content = box.client.files.content(pictures[0]).content
    if not (content.startswith(PNG[0]) and content.endswith(PNG[1])):
        raise Wrong(f"the chart's {len(content)} bytes are no whole PNG", Look.CODE)
    return {"chart_bytes": len(content)}


def searched(box: BoxUnderTest) -> dict[str, float]:
    """A document is read, found, and cited at the right place of the answer."""
    legend = box.uploaded("legend.txt", LEGEND)
    started = time.monotonic()
    store = box.client.vector_stores.create(name=box.mark, metadata={"smoke": box.mark})
    indexed(box, store.id, legend)
    ready = time.monotonic() - started
    assistant = box.assistant(tools=[SEARCH], tool_resources={"file_search": {"vector_store_ids": [store.id]}})
    thread = box.asked("Which colour has the lighthouse of Zyrgon? Look into the documents, and cite what you found.")
    run = box.completed(box.client.beta.threads.runs.create(thread, assistant_id=assistant, tool_choice=SEARCH))
    message = box.answer(run)
    notes = [note for part in message.content if part.type == "text" for note in part.text.annotations]
    cited = [note for note in notes if note.type == "file_citation" and note.file_citation.file_id == legend]
    if not cited:
        raise Wrong("the answer cites no document", Look.SEARCH)
    if text_of(message)[cited[0].start_index : cited[0].end_index] != cited[0].text:
        raise Wrong("the citation is not where it says", Look.SEARCH)
    return {"indexed_after_seconds": round(ready, 2)}


def indexed(box: BoxUnderTest, store: str, file: str) -> None:
    """Put a file into a store and wait until it is read. Raises Wrong."""
    files, until = box.client.vector_stores.files, time.monotonic() + box.options.patience
    state = files.create(vector_store_id=store, file_id=file)
    while state.status == "in_progress":
        if time.monotonic() > until:
            raise Wrong(f"the document is still unread after {box.options.patience:g} s", Look.QUEUE)
        time.sleep(0.2)
        state = files.retrieve(file, vector_store_id=store)
    if state.status != "completed":
        error = state.last_error
        raise Wrong(f"the document is {state.status}: {error.message if error is not None else ''}", Look.SEARCH)


def held(box: BoxUnderTest) -> dict[str, float]:
    """A stream stays open for as long as code sleeps, with a sign of life every so often."""
    sleep = max(0.0, box.options.hold - AROUND)
    question = f"Run exactly this program, once:\n```python\nimport time\ntime.sleep({sleep:g})\nprint('awake')\n```"
    thread, assistant = box.asked(question), box.assistant(tools=[CODE])
    body = {"assistant_id": assistant, "stream": True, "tool_choice": CODE}
    started = last = time.monotonic()
    longest, lines = 0.0, []
    silence = box.options.silence
    try:
        with box.http.stream("POST", f"/v1/threads/{thread}/runs", json=body, timeout=silence) as answer:
            for line in answer.iter_lines():
                longest, last = max(longest, time.monotonic() - last), time.monotonic()
                lines.append(line)
    except httpx.ReadTimeout as error:
        raise Wrong(f"no byte for {silence:g} s: something on the way holds the stream back", Look.STREAMS) from error
    if answer.status_code != 200:
        raise in_words(answer.status_code, "\n".join(lines), answer.headers)
    lasted = time.monotonic() - started
    if "event: done" not in lines:
        raise Wrong(f"the stream was cut after {lasted:.0f} s", Look.STREAMS)
    [run] = box.client.beta.threads.runs.list(thread).data
    box.completed(run)
    if lasted < sleep:
        printed = "".join(output.logs for output in box.code_outputs(run) if output.type == "logs")[-300:]
        raise Wrong(f"the stream was over after {lasted:.0f} s: the program did not sleep. {printed}", Look.CODE)
    return {"held_seconds": round(lasted, 1), "longest_silence_seconds": round(longest, 1)}
