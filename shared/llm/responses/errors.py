"""What an error of the endpoint means: try again, say less, or give up with words for the client.

The endpoint's own words go to the log only; they may speak of deployments and keys.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from shared.json_types import Json
from shared.llm.base import LlmError
from shared.llm.responses import unreachable
from shared.llm.responses.body import OPTIONAL, REASONING_ITEMS, carries_reasoning
from shared.llm.responses.endpoint import CredentialRefused
from shared.llm.responses.events import TurnFailed
from shared.llm.responses.refusals import refusal

SORRY = "Sorry, something went wrong."
BUSY = "The rate limit of the model was reached. Please try again later."
#: An answer that is not as the API says, or an identity that is none, will be the same the next time.
_HOPELESS = (ValueError, LookupError, TypeError, CredentialRefused)
#: Codes within a stream that may be gone the next time.
_PASSING_CODES = {"server_error", "rate_limit_exceeded", "internal_error", "overloaded", "timeout", "None"}
_UNSUPPORTED = re.compile(r"unsupported|not supported|not support|unknown parameter|unrecognized|not permitted", re.I)
_UNREADABLE = re.compile(r"encrypted content .*could not|item with id 'rs_|reasoning", re.I | re.S)


class StreamCut(Exception):
    """The connection ended before the turn did."""


@dataclass(frozen=True, slots=True)
class Retry:
    """The request is sent again, if attempts and time are left."""

    #: Seconds to wait at least, if the endpoint named them.
    after: float | None
    #: What the run ends with when nothing is left.
    last: LlmError


@dataclass(frozen=True, slots=True)
class WithoutParameter:
    """The request is sent again at once, without a parameter that the model does not support."""

    #: The parameter's name in the body, or `REASONING_ITEMS` for the thoughts among the input.
    name: str
    #: Another value of it might be welcome.
    this_value_only: bool = False


@dataclass(frozen=True, slots=True)
class Fail:
    """The request is not sent again: it would fail the same way."""

    #: What the run ends with.
    error: LlmError


Decision = Retry | WithoutParameter | Fail


def decide(error: Exception, body: Json | None = None) -> Decision:
    """What to do about an error that the SDK, the credential or the stream raised; `body` may be shortened."""
    if isinstance(error, TurnFailed):
        return _about_failed_turn(error)
    status = getattr(error, "status_code", None)
    if status is None:
        return _about_connection(error)
    code, message = str(getattr(error, "code", None)), _message(error)
    names, after = (code, str(getattr(error, "type", None))), _retry_after(error)
    if (refused := refusal(status, names, message, may_return=after is not None)) is not None:
        return Fail(refused)
    if status == 429:
        return Retry(after, LlmError("rate_limit_exceeded", BUSY))
    if status in (408, 409) or status >= 500:
        return Retry(after, LlmError("server_error", SORRY))
    if body is not None and (drop := _dispensable(getattr(error, "param", None), code, message, body)) is not None:
        return drop
    return Fail(LlmError("server_error", SORRY))


def facts(error: Exception) -> Json:
    """What the log should know about an error."""
    return {
        "status": getattr(error, "status_code", None),
        "code": getattr(error, "code", None),
        "reason": unreachable.story(error, _message(error))[:400],
        "request_id": getattr(error, "request_id", None),
    }


def _about_failed_turn(error: TurnFailed) -> Decision:
    if (refused := refusal(None, (error.code,), error.message)) is not None:
        return Fail(refused)
    busy = error.code == "rate_limit_exceeded"
    final = LlmError("rate_limit_exceeded", BUSY) if busy else LlmError("server_error", SORRY)
    return Retry(None, final) if error.code in _PASSING_CODES else Fail(final)


def _about_connection(error: Exception) -> Decision:
    if isinstance(getattr(error, "body", None), dict):
        # An error object in the middle of a stream, as servers other than OpenAI's send it.
        return _about_failed_turn(TurnFailed(str(getattr(error, "code", None)), _message(error)))
    told = unreachable.kind(error)
    final = LlmError("server_error", told or SORRY)
    hopeless = isinstance(error, _HOPELESS) or told == unreachable.UNTRUSTED
    return Fail(final) if hopeless else Retry(None, final)


def _dispensable(param: str | None, code: str, message: str, body: Json) -> WithoutParameter | None:
    """The parameter the endpoint complains about, if the turn can do without it."""
    if "encrypted content is not supported" in message.lower():
        return WithoutParameter("include") if "include" in body else None
    complaint = code.startswith(("unsupported_", "unknown_")) or _UNSUPPORTED.search(message)
    if complaint:
        names = [str(param).partition(".")[0], *re.findall(r"\w+", message)]
        spoken_of = [{"reasoning_effort": "reasoning"}.get(name, name) for name in names]
        name = next((name for name in spoken_of if name in OPTIONAL and name in body), None)
        if name is not None:
            return WithoutParameter(
                name, this_value_only=code == "unsupported_value" or message.startswith("Unsupported value")
            )
    if carries_reasoning(body) and (code == "invalid_encrypted_content" or _UNREADABLE.search(message)):
        return WithoutParameter(REASONING_ITEMS)
    return None


def _message(error: Exception) -> str:
    """The endpoint's own words, as far as they are known."""
    body = getattr(error, "body", None)
    if isinstance(body, Mapping):
        return str(body.get("message") or json.dumps(body))
    return str(getattr(error, "message", error))


def _retry_after(error: Exception) -> float | None:
    """Seconds the endpoint asks to wait."""
    headers = getattr(getattr(error, "response", None), "headers", {})
    milliseconds, told = _number(headers.get("retry-after-ms")), headers.get("retry-after")
    if milliseconds is not None:
        return milliseconds / 1000
    seconds = _number(told)
    if seconds is not None or told is None:
        return seconds
    try:
        return max(0.0, (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
