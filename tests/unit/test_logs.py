"""Log lines say which run or request they speak of."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest

from shared import logs


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What a root handler of the process writes."""
    root, stream = logging.getLogger(), io.StringIO()
    handler = logging.StreamHandler(stream)
    before = {each: each.formatter for each in root.handlers}
    levels = {name: logging.getLogger(name).level for name in logs.CHATTY}
    root.addHandler(handler)
    yield stream
    root.removeHandler(handler)
    for each, formatter in before.items():
        each.setFormatter(formatter)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def test_a_line_ends_with_its_fields(written: io.StringIO):
    logs.set_up("%(levelname)s %(message)s")
    logging.getLogger("shared.runs").warning("run %s", "claimed", extra={"action": "run_claimed", "run_id": "run_1"})
    assert written.getvalue() == "WARNING run claimed action=run_claimed run_id=run_1\n"


def test_a_traceback_follows_the_line(written: io.StringIO):
    logs.set_up()
    try:
        raise ValueError("no")
    except ValueError:
        logging.getLogger("shared").exception("failed", extra={"attempt": 2})
    assert written.getvalue().startswith("failed attempt=2\nTraceback")


def test_lines_of_others_stay_as_they_are(written: io.StringIO):
    logs.set_up()
    logging.getLogger("uvicorn.error").warning("hello", extra={"color_message": "hello"})
    logging.getLogger("azure.core.pipeline.policies.http_logging_policy").info("Request URL: …")
    assert written.getvalue() == "hello\n"
