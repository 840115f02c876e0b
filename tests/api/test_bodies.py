"""What a body may cost: memory in proportion to its size, and no more than a blink of everybody else's time.

The figures are taken in processes of their own (`measured`). Where the bounds are is told in docs/reference/limits.md.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from shared.api.json_body import MAX_BODY, MAX_KEYS, MAX_VALUES, MAX_WIDE_STRING, Outline
from shared.errors import InvalidRequest

MB = 1024 * 1024
#: Times the size of the body, beside what any request takes, and what a dense small one may take.
MEMORY, REQUEST, FLOOR = 6, MB, 64 * MB
#: Seconds without a turn for others, and how much longer a busy machine may take for the same work;
#: `python -m bench bodies` measures on a quiet one.
HELD, NOISE = 0.1, 2
#: How often what takes too much is tried: other work on the machine only ever adds to a figure.
TRIES = 3

ASSISTANTS = "/v1/assistants"
THREADS = "/v1/threads"
MESSAGES = f"{THREADS}/thread_{'0' * 24}/messages"
OUTPUTS = f"{THREADS}/thread_{'0' * 24}/runs/run_{'0' * 24}/submit_tool_outputs"
#: Elements that together stay below the bound.
MANY = MAX_VALUES * 3 // 10


def full(start: str, unit: str, end: str, encoding: str = "utf-8") -> str:
    """A body of the largest size, as an expression."""
    unit_bytes = unit.encode(encoding)
    count = (MAX_BODY - len(start.encode()) - len(end.encode())) // len(unit_bytes)
    return f"{start.encode()!r} + {unit_bytes!r} * {count} + {end.encode()!r}"


def repeated(start: str, unit: str, end: str, count: int) -> str:
    """A body with one thing many times over, separated by commas."""
    return f"{start.encode()!r} + b','.join([{unit.encode()!r}] * {count}) + {end.encode()!r}"


def numbered(start: str, unit: str, end: str, count: int) -> str:
    """The same with a number in each."""
    return f"({start!r} + ','.join({unit!r} % i for i in range({count})) + {end!r}).encode()"


CONTENT = '{"role": "user", "content": '
MESSAGE = CONTENT + '"%s"}'
LONG = MESSAGE % ("x" * 256_000)
TOOL = '{"type": "function", "function": {"name": "f", "parameters": %s}}'
PROPERTIES = ",".join(f'"p{i}": {{"type": "string", "enum": ["a", "b"]}}' for i in range(80))
SCHEMA = f'{{"properties": {{{PROPERTIES}}}}}'
PICTURE = '[{"type": "image_url", "image_url": {"url": "data:image/png;base64,'
ATTACHMENT = '{"file_id": "file-x", "tools": [{"type": "file_search"}]}'
ATTACHED = f'{CONTENT} "x", "attachments": [{",".join([ATTACHMENT] * 250)}]}}'

#: Path, body and the statuses that are right.
FEW: dict[str, tuple[str, str, int]] = {
    "many parts of no kind": (MESSAGES, repeated(CONTENT + "[", "{}", "]}", MANY), 400),
    "many unknown keys": (ASSISTANTS, numbered('{"model": "m",', '"k%d": 1', "}", MANY), 400),
    "one long text": (ASSISTANTS, full('{"model": "', "x", '"}'), 400),
    "a long output full of commas": (
        OUTPUTS,
        full('{"tool_outputs": [{"tool_call_id": "c", "output": "', "1,[{:", '"}]}'),
        404,
    ),
    "texts with one wide character each": (
        ASSISTANTS,
        "b'{\"x\": [' + b', '.join(['\"é{}😀\"'.format('x' * (6 * 2**20 - 40)).encode()] * 5) + b']}'",
        400,
    ),
    "32 messages of 256,000 characters": (
        THREADS,
        repeated('{"messages": [', MESSAGE % ("x" * 256_000), "]}", 32),
        200,
    ),
}
MORE: dict[str, tuple[str, str, int]] = {
    "many outputs": (OUTPUTS, repeated('{"tool_outputs": [', "{}", "]}", MANY), 400),
    "long unknown keys": (ASSISTANTS, numbered('{"model": "m",', '"%0160d": 1', "}", MANY), 400),
    "a large map of metadata": (ASSISTANTS, numbered('{"model": "m", "metadata": {', '"k%d": 1', "}}", MANY), 400),
    "one key again and again": (ASSISTANTS, repeated('{"model": "m",', '"a": {}', "}", MANY), 400),
    "decimals": (ASSISTANTS, repeated('{"x": [', "1.5", "]}", MAX_VALUES - 5), 400),
    "long integers": (ASSISTANTS, repeated('{"x": [', "7" * 4000, "]}", 8000), 400),
    "as many long integers as may be": (ASSISTANTS, repeated('{"x": [', "7" * 4000, "]}", 1000), 400),
    "deep lists": (ASSISTANTS, full("", "[", ""), 400),
    "deep objects": (ASSISTANTS, full("", '{"a":', ""), 400),
    "a long key": (ASSISTANTS, full('{"', "x", '": 1}'), 400),
    "a long key of metadata": (ASSISTANTS, full('{"model": "m", "metadata": {"', "x", '": ""}}'), 400),
    "line ends": (ASSISTANTS, full('{"model": "', "\\n", '"}'), 400),
    "escaped quotes": (ASSISTANTS, full('{"model": "', '\\"', '"}'), 400),
    "escaped pairs": (ASSISTANTS, full('{"model": "', "\\ud83d\\ude00", '"}'), 400),
    "one wide text": (ASSISTANTS, full('{"model": "', "😀", '"}'), 400),
    "a wide name": (ASSISTANTS, "'{{\"model\": \"😀{}\"}}'.format('x' * (6 * 2**20 - 60)).encode()", 400),
    "a wide id": (f"{THREADS}/runs", "'{{\"assistant_id\": \"😀{}\"}}'.format('x' * (6 * 2**20 - 60)).encode()", 400),
    "no text at all": (ASSISTANTS, full('{"model": "', "\xff", '"}', "latin-1"), 400),
    "white space": (ASSISTANTS, full('{"model": "m"}', " ", ""), 200),
    "quotes": (ASSISTANTS, full("", '"', ""), 400),
    "backslashes": (ASSISTANTS, full("", "\\", ""), 400),
    "a type that is a list": (ASSISTANTS, repeated('{"model": "m", "tools": [{"type": [', "1", "]}]}", MANY), 400),
    "a long type": (ASSISTANTS, full('{"model": "m", "tools": [{"type": "', "x", '"}]}'), 400),
    "90 messages": (THREADS, repeated('{"messages": [', LONG, "]}", 90), 200),
    "90 Chinese messages": (THREADS, repeated('{"messages": [', MESSAGE % ("漢" * 120_000), "]}", 90), 200),
    "90 French messages": (THREADS, repeated('{"messages": [', MESSAGE % ("é" * 180_000), "]}", 90), 200),
    "128 tools": (ASSISTANTS, repeated('{"model": "m", "tools": [', TOOL % SCHEMA, "]}", 128), 200),
    "a large picture": (MESSAGES, full(CONTENT + PICTURE, "A", '"}}]}'), 404),
    "the same as .NET writes it": (MESSAGES, full(CONTENT + PICTURE, "A" * 62 + "\\u002B/", '"}}]}'), 404),
    "attachments": (THREADS, repeated('{"messages": [', ATTACHED, "]}", 90), 400),
}


def measured(cases: dict[str, tuple[str, str, int]]) -> dict[str, dict[str, Any]]:
    lines = "".join(json.dumps({"path": path, "body": body}) + "\n" for path, body, _ in cases.values())
    command = [sys.executable, "-m", "tests.api.measured"]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=250, cwd=Path.cwd())
    assert done.returncode == 0, done.stderr
    return dict(zip(cases, map(json.loads, done.stdout.splitlines()), strict=True))


def beyond(found: dict[str, Any]) -> bool:
    """Whether a body took more than its share."""
    return found["peak"] > max(MEMORY * found["size"] + REQUEST, FLOOR) or found["held"] > NOISE * HELD


@pytest.mark.parametrize("cases", [FEW, pytest.param(MORE, marks=pytest.mark.long)], ids=["few", "more"])
def test_no_body_takes_more_than_its_share_of_memory_and_time(cases):
    if not sys.platform.startswith("linux"):
        pytest.skip("the figures come from /proc")
    figures: dict[str, dict[str, Any]] = {}
    for _ in range(TRIES):
        figures |= measured(
            {name: case for name, case in cases.items() if name not in figures or beyond(figures[name])}
        )
    for name, found in figures.items():
        assert found["status"] == cases[name][2], (name, found)
        assert not beyond(found), (name, found)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_what_stands_in_strings_does_not_count(size):
    text = rb'{"a\"[,": ["\\", "\\\"", {"b": "{[,:\\\\"}, "\u002c\\u"], "": 1.5}'
    outline = Outline()
    for start in range(0, len(text), size):
        outline.feed(text[start : start + size])
    assert outline.values == 10


def test_the_bounds_are_told_in_words(http):
    response = http.post("assistants", json={"model": "m", "tools": [{}] * MAX_VALUES})
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "body_above_max_values"
    response = http.post("assistants", json={"model": "m", "instructions": "," * MAX_VALUES})
    assert response.status_code == 200


def test_an_object_with_very_many_keys_is_refused(http):
    keys = {f"k{number}": "" for number in range(MAX_KEYS + 1)}
    error = http.post("assistants", json={"model": "m", "metadata": keys}).json()["error"]
    assert error["code"] == "object_above_max_properties"


def fed(outline: Outline, *pieces: bytes) -> None:
    for piece in pieces:
        outline.feed(piece)


def test_a_long_string_must_be_ascii():
    long = b"x" * MAX_WIDE_STRING
    fed(Outline(), b'["', long, b'x"]')
    fed(Outline(), '["é", "'.encode(), long, b'", "\\u00e9"]')
    for start in ("é", "\\u00e9", "\\u0080", "\\ud83d\\ude00"):
        with pytest.raises(InvalidRequest):
            fed(Outline(), f'["{start}'.encode(), long)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 1000])
def test_an_escape_of_an_ascii_character_is_one_wherever_it_is_cut(size):
    """As .NET writes the base64 of a picture."""
    for escape, is_plain in ((rb"\u002B", True), (rb"\\\\u", True), (rb"\\u002B", True), (rb"\u20AC", False)):
        text, outline = b'["' + escape * 12, Outline()
        for start in range(0, len(text), size):
            outline.feed(text[start : start + size])
        outline.feed(b"x")
        with nullcontext() if is_plain else pytest.raises(InvalidRequest):
            outline.feed(b"x" * MAX_WIDE_STRING)
