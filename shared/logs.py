"""How log lines look in every host: the message, then the fields of its `extra`; other libraries say less.

Of an error they have its frames, its kind and its codes, whoever logs it, but none of its words: these may be a user's.
"""

from __future__ import annotations

import errno
import logging
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import Final

#: They log every request they make at level INFO.
CHATTY: Final = ("azure.core", "azure.identity", "httpx", "httpx2")
#: What libraries call an error's code: SQLite's, an HTTP answer's, Azure's, and a model's.
CODES: Final = ("sqlite_errorname", "status_code", "error_code", "code")
_CODE: Final = re.compile(r"[A-Za-z0-9_]{1,64}")
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class LogLine(logging.Formatter):
    """`run claimed action=run_claimed run_id=run_x`."""

    def format(self, record: logging.LogRecord) -> str:
        own = copy(record)
        own.exc_text = None  # another handler's, with the words
        return super().format(own)

    def formatException(self, ei: logging._SysExcInfoType) -> str:  # noqa: N802  the base class's name
        return "" if ei[1] is None else "".join(whence(ei[1])).rstrip()

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  the base class's name
        line = super().formatMessage(record)
        if not record.name.startswith("shared"):
            return line
        return line + "".join(f" {key}={value}" for key, value in vars(record).items() if key not in _STANDARD)


def whence(error: BaseException) -> Iterator[str]:
    """Where an error comes from, and of which kind it is, with the errors it comes of: what it says may be a user's."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from whence(cause)
        yield "\n"
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_tb(error.__traceback__)
    yield kind_of(error) + "\n"
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from whence(each)


def kind_of(error: BaseException) -> str:
    """`shared.store.base.Conflict`, `PermissionError errno=EACCES`: its class, and what it has of fixed codes."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    found: dict[str, object] = {each: getattr(error, each, None) for each in CODES}
    if isinstance(error, OSError):
        found["errno"] = errno.errorcode.get(error.errno or 0)
    codes = {key: str(getattr(value, "value", value)) for key, value in found.items() if isinstance(value, str | int)}
    return name + "".join(f" {key}={code}" for key, code in codes.items() if _CODE.fullmatch(code))


class LeftOut(Exception):
    """Stands for an error; says its kind and codes."""


@contextmanager
def kinds_only() -> Iterator[None]:
    """What the block raises leaves it without its words: for a host that logs errors by itself. Raises LeftOut."""
    try:
        yield
    except Exception as error:
        raise LeftOut(kind_of(error)).with_traceback(error.__traceback__) from None


def set_up(layout: str = "%(message)s") -> None:
    """Give the handlers there are this form; on Azure they are the worker's, and send the line as it is."""
    for handler in logging.getLogger().handlers:
        handler.setFormatter(LogLine(layout))
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
