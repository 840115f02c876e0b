"""What an error of the endpoint means: try again, say less, or give up with words for the client.

The endpoint's own words are told where the caller can mend what they speak of, without secrets; the log has them whole.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from http import HTTPStatus

from shared.json_types import Json
from shared.llm.base import LlmError, PromptTooLong
from shared.llm.responses import parameters, pictures, unreachable
from shared.llm.responses.body import PHASES, REASONING_ITEMS, carries_phases, carries_reasoning
from shared.llm.responses.endpoint import CredentialRefused
from shared.llm.responses.events import TurnFailed
from shared.llm.responses.mistakes import MODEL_CODES, mistake, told
from shared.llm.responses.parameters import Refusal
from shared.llm.responses.refusals import SPENT, TOO_LONG, refusal

SORRY = "Sorry, something went wrong."
BUSY = "The rate limit of the model was reached. Please try again later."
#: An answer that is not as the API says, or an identity that is none, will be the same the next time.
_HOPELESS = (ValueError, LookupError, TypeError, AttributeError, RecursionError, CredentialRefused)
#: Statuses that speak of this endpoint's keys, addresses and deployments, not of what was asked.
_OWN_TROUBLES = (401, 403, 404, 405, 410)
#: Statuses of an endpoint that takes no more at the moment: 498 is Groq's for `service_tier="flex"`.
_BUSY_STATUSES = (429, 498)
#: Statuses below 500 of what was not done and may be the next time: too slow, in another's way, too early.
_PASSING_STATUSES = (408, 409, 425)
#: Codes within a stream that may be gone the next time.
_BUSY_CODES = {"rate_limit_exceeded", "too_many_requests", "slow_down"}
_PASSING_CODES = _BUSY_CODES | {
    "server_error",
    "server_is_overloaded",
    "internal_error",
    "overloaded",
    "timeout",
    # Without a code; a response that failed and does not say why.
    "None",
    "failed",
}
_BUSY_WORDS = re.compile(r"rate limit|too many requests|slow down|throttl", re.I)
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

    #: The parameter's name in the body, or what stands for one: `REASONING_ITEMS`, `PHASES`.
    name: str


@dataclass(frozen=True, slots=True)
class WithoutThoughts:
    """The request is sent again at once, without the reasoning in it, which the endpoint cannot read (any more)."""


@dataclass(frozen=True, slots=True)
class OtherEffort:
    """The request is sent again at once, with the supported reasoning effort that is nearest to its own."""

    #: Those that the model supports; empty: it did not say.
    supported: tuple[str, ...]
    #: What the run ends with when no effort is left.
    last: LlmError


@dataclass(frozen=True, slots=True)
class PictureRefused:
    """The request is sent again without a picture of an earlier message; one of the newest message ends the run."""

    refusal: Refusal
    #: What the provider said, fit for clients.
    last: LlmError


@dataclass(frozen=True, slots=True)
class Fail:
    """The request is not sent again: it would fail the same way."""

    #: What the run ends with.
    error: LlmError


Decision = Retry | WithoutParameter | WithoutThoughts | OtherEffort | PictureRefused | Fail


def decide(error: Exception, body: Json | None = None) -> Decision:
    """What to do about an error that the SDK, the credential or the stream raised; `body` may be shortened."""
    if isinstance(error, TurnFailed):
        return _about_failed_turn(error, body)
    status = getattr(error, "status_code", None)
    if status is None:
        return _about_connection(error, body)
    said, after = refusal_in(error), retry_after(getattr(getattr(error, "response", None), "headers", {}))
    names, host = (said.code, str(getattr(error, "type", None))), host_of(error)
    if (refused := refusal(status, names, said.message, may_return=after is not None, host=host)) is not None:
        return Fail(refused)
    if status in _BUSY_STATUSES:
        return Retry(after, LlmError("rate_limit_exceeded", BUSY))
    if (status in _PASSING_STATUSES or status >= 500) and not pictures.is_unseen(said):
        return Retry(after, LlmError("server_error", SORRY))
    return _about_request(status, said, body, host)


def mark(final: LlmError, error: Exception) -> None:
    """Note in what a turn ends with whether another endpoint, or this one later, may take it, and how much later."""
    decision = decide(error)
    final.passes = isinstance(decision, Retry)
    final.after = decision.after if isinstance(decision, Retry) else None
    own = getattr(error, "status_code", None) in _OWN_TROUBLES or isinstance(error, CredentialRefused)
    own = own or str(getattr(error, "code", None)).lower() in MODEL_CODES
    final.elsewhere = final.passes or own or final.message in (SPENT, unreachable.UNTRUSTED)


def refusal_in(error: Exception) -> Refusal:
    """What the endpoint said in an error of the SDK."""
    param = getattr(error, "param", None)
    return Refusal(str(getattr(error, "code", None)), None if param is None else str(param), _message(error))


def host_of(error: Exception) -> str | None:
    """The endpoint's host, which no client is told."""
    return getattr(getattr(getattr(error, "request", None), "url", None), "host", None)


def facts(error: Exception) -> Json:
    """What the log should know about an error."""
    return {
        "status": getattr(error, "status_code", None),
        "code": getattr(error, "code", None),
        "reason": unreachable.story(error, _message(error))[:400],
        "request_id": getattr(error, "request_id", None),
    }


def _about_failed_turn(error: TurnFailed, body: Json | None, host: str | None = None) -> Decision:
    if (refused := refusal(None, (error.code,), error.message, host=host)) is not None:
        return Fail(refused)
    if error.code in _PASSING_CODES:
        busy = error.code in _BUSY_CODES or bool(_BUSY_WORDS.search(error.message[:400]))
        return Retry(None, LlmError("rate_limit_exceeded", BUSY) if busy else LlmError("server_error", SORRY))
    return _about_request(None, Refusal(error.code, error.param, error.message), body, host)


def _about_connection(error: Exception, body: Json | None) -> Decision:
    if isinstance(getattr(error, "body", None), dict):
        # An error object in the middle of a stream, as Azure and servers other than OpenAI's send it.
        said = refusal_in(error)
        return _about_failed_turn(TurnFailed(said.code, said.message, said.param), body, host_of(error))
    told_of = unreachable.kind(error)
    final = LlmError("server_error", told_of or SORRY)
    hopeless = isinstance(error, _HOPELESS) or told_of == unreachable.UNTRUSTED
    return Fail(final) if hopeless else Retry(None, final)


def _about_request(status: int | None, said: Refusal, body: Json | None, host: str | None) -> Decision:
    """The request is wrong as it stands: in what can be left out, in what the caller wrote, or in what we wrote."""
    known = mistake(status, said, host)
    if status not in (401, 403) and pictures.is_meant(said):
        known = told("The model's provider refused a picture", said.message, host)
        if body is None or pictures.all_of(body):
            return PictureRefused(said, known)
    if body is not None:
        if (name := parameters.unsupported(said, body)) is not None:
            return WithoutParameter(name)
        if (supported := parameters.other_efforts(said, body)) is not None:
            return OtherEffort(supported, known or LlmError("server_error", SORRY))
        if carries_phases(body) and parameters.refuses_phases(said):
            return WithoutParameter(PHASES)
        if _is_about_thoughts(said, body):
            of_their_kind = parameters.refuses_reasoning(said)
            return WithoutParameter(REASONING_ITEMS) if of_their_kind else WithoutThoughts()
    if known is None and status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        # A proxy's own words, a page as a rule: what it takes is told nowhere, so less is asked for until it fits.
        known = PromptTooLong("invalid_prompt", TOO_LONG)
    return Fail(known or LlmError("server_error", SORRY))


def _is_about_thoughts(said: Refusal, body: Json) -> bool:
    """Whether the endpoint refuses the reasoning among the input."""
    if not carries_reasoning(body) or (said.param is not None and not said.param.startswith("input")):
        return False
    about_a_schema = said.message.lower().startswith("invalid schema")
    return said.code == "invalid_encrypted_content" or (not about_a_schema and bool(_UNREADABLE.search(said.message)))


def _message(error: Exception) -> str:
    """The endpoint's own words, as far as they are known."""
    body = getattr(error, "body", None)
    if isinstance(body, Mapping):
        return str(body.get("message") or json.dumps(body))
    if isinstance(body, str) and body:
        return body
    return str(getattr(error, "message", error))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the headers of an answer ask to wait."""
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


def last_error(error: Exception) -> LlmError:
    """The error a client sees when nothing more is tried."""
    decision = decide(error)
    match decision:
        case Retry() | OtherEffort() | PictureRefused():
            return decision.last
        case Fail():
            return decision.error
        case WithoutParameter() | WithoutThoughts():
            return LlmError("server_error", SORRY)


@cache
def foreign_errors() -> tuple[type[Exception], ...]:
    """What may come out of the SDK, its transport, the credential, and answers that are not as the API says."""
    from aiohttp import ClientError
    from azure.core.exceptions import AzureError
    from openai import OpenAIError

    own = (StreamCut, TurnFailed, *_HOPELESS)
    return (*own, OpenAIError, AzureError, ClientError, OSError)
