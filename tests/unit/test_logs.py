"""Log lines say which run or request they speak of."""

from __future__ import annotations

import io
import logging
import sqlite3
from collections.abc import Iterator

import pytest
from azure.core.exceptions import HttpResponseError
from httpx2 import Request, Response
from openai import NotFoundError

from shared import logs
from shared.store.base import Conflict, Unavailable

WORDS = "Of a user"
ANSWER = Response(404, request=Request("POST", "http://127.0.0.1/v1/embeddings"))


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
    assert written.getvalue().endswith("\nValueError\n")


def fault(error: Exception, cause: Exception | None = None) -> Exception:
    """An error as it is caught."""
    try:
        raise error from cause
    except Exception as caught:
        return caught


@pytest.mark.parametrize(
    ("error", "kinds"),
    [
        (fault(PermissionError(13, WORDS, WORDS)), ["PermissionError errno=EACCES"]),
        (Conflict(WORDS), ["shared.store.base.Conflict"]),
        (fault(Unavailable(WORDS), sqlite3.OperationalError(WORDS)), ["sqlite3.OperationalError", "Unavailable"]),
        (ExceptionGroup(WORDS, [KeyError(WORDS)]), ["ExceptionGroup", "KeyError"]),
        (
            NotFoundError(WORDS, response=ANSWER, body={"code": "model_not_found"}),
            ["status_code=404 code=model_not_found"],
        ),
        (HttpResponseError(WORDS, response=None), ["azure.core.exceptions.HttpResponseError"]),
    ],
    ids=lambda each: type(each).__name__,
)
def test_an_error_tells_its_kind_and_codes_but_no_words(written: io.StringIO, error: Exception, kinds: list[str]):
    other = logging.StreamHandler(io.StringIO())
    logging.getLogger("shared").addHandler(other)  # keeps its form of the traceback in the record
    logs.set_up()
    logging.getLogger("shared").error("failed", exc_info=error)
    logging.getLogger("shared").removeHandler(other)
    assert WORDS in other.stream.getvalue()
    assert WORDS not in written.getvalue()
    for kind in kinds:
        assert kind in written.getvalue()


def test_the_code_of_a_database_that_is_locked_is_told(written: io.StringIO, tmp_path):
    logs.set_up()
    one, other = (sqlite3.connect(tmp_path / "box.db", timeout=0, isolation_level=None) for _ in range(2))
    one.execute("begin exclusive")
    with pytest.raises(sqlite3.OperationalError) as locked:
        other.execute("begin exclusive")
    logging.getLogger("shared").error("failed", exc_info=locked.value)
    assert written.getvalue().endswith("\nsqlite3.OperationalError sqlite_errorname=SQLITE_BUSY\n")
    one.close()
    other.close()


def test_lines_of_others_stay_as_they_are(written: io.StringIO):
    logs.set_up()
    logging.getLogger("uvicorn.error").warning("hello", extra={"color_message": "hello"})
    logging.getLogger("azure.core.pipeline.policies.http_logging_policy").info("Request URL: …")
    assert written.getvalue() == "hello\n"
