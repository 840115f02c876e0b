"""How log lines look in every host: the message, then the fields of its `extra`; other libraries say less."""

from __future__ import annotations

import logging
from types import TracebackType
from typing import Final

#: They log every request they make at level INFO.
CHATTY: Final = ("azure.core", "azure.identity", "httpx", "httpx2")
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class LogLine(logging.Formatter):
    """`run claimed action=run_claimed run_id=run_x`."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  the base class's name
        line = super().formatMessage(record)
        if not record.name.startswith("shared"):
            return line
        return line + "".join(f" {key}={value}" for key, value in vars(record).items() if key not in _STANDARD)


class LeftOut(Exception):
    """Stands for an error whose words may be a user's."""


def without_words(error: Exception) -> tuple[type[LeftOut], LeftOut, TracebackType | None]:
    """Where an error comes from, as `exc_info`, but not what it says."""
    return LeftOut, LeftOut(type(error).__name__), error.__traceback__


def set_up(layout: str = "%(message)s") -> None:
    """Give the handlers there are this form; on Azure they are the worker's, and send the line as it is."""
    for handler in logging.getLogger().handlers:
        handler.setFormatter(LogLine(layout))
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
