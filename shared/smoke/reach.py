"""Whether a box answers at all, and what an answer that is none says about where it was lost."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

import httpx2 as httpx
from openai import APIConnectionError, APIStatusError

from shared.smoke.box import BoxUnderTest
from shared.smoke.report import Look, Wrong

#: What a box that wakes up, or whatever stands before it, may answer at first.
WAKING = (429, 502, 503, 504)


def it_answers(box: BoxUnderTest) -> dict[str, float]:
    """Signs of life without a key, then with it."""
    started = time.monotonic()
    answer = sign_of_life(box)
    if answer.status_code != 200:
        raise in_words(answer.status_code, answer.text, answer.headers)
    try:
        told = answer.json()
    except json.JSONDecodeError:
        told = None
    if not isinstance(told, dict) or "status" not in told:
        raise Wrong("something answers there, but it is no box (a page or a proxy?)", Look.ADDRESS)
    woken = time.monotonic() - started
    box.client.beta.assistants.list(limit=1)
    return {"awake_after_seconds": round(woken, 2)}


def sign_of_life(box: BoxUnderTest) -> httpx.Response:
    """The answer of `/healthz`; a box that sleeps is waited for. Raises Wrong."""
    until = time.monotonic() + box.options.waking
    while True:
        try:
            answer = box.http.get("/healthz")
        except httpx.HTTPError as error:
            raise Wrong(f"nothing answers at {box.options.url}: {said_by(error)}", Look.ADDRESS) from error
        if answer.status_code not in WAKING or time.monotonic() > until:
            return answer
        time.sleep(1)


def both_prefixes(box: BoxUnderTest) -> dict[str, float]:
    """What is made under /v1 is found by Azure's client under /openai."""
    made = box.assistant()
    if box.azure.beta.assistants.retrieve(made).id != made:
        raise Wrong("/openai gives another assistant than was asked for", Look.FUNCTIONS)
    return {}


def translated(error: Exception) -> Wrong:
    """What a client's error says about the box."""
    match error:
        case Wrong():
            return error
        case APIStatusError():
            return in_words(error.status_code, error.response.text, error.response.headers)
        case APIConnectionError() | httpx.HTTPError():
            return Wrong(f"the connection was lost: {said_by(error)}", Look.STREAMS)
    return Wrong(f"an answer has not the form that clients expect ({type(error).__name__}: {error})", Look.ADDRESS)


def in_words(status: int, text: str, headers: Mapping[str, str]) -> Wrong:
    """What an error answer says: one of the box has a message, one of the platform has none."""
    message = message_in(text)
    request = headers.get("x-request-id", "")
    said = f": {message}" if message else ""
    match status:
        case 401:
            return Wrong(f"401: the box does not accept this key{said}", Look.KEY)
        case 403:
            return Wrong(f"403: something before the box lets you not in{said}", Look.KEY)
        case 404 if not message:
            return Wrong("404 without a word: the app is there, but has no function for it", Look.FUNCTIONS)
        case 503 if "storage" in message:
            return Wrong(f"503{said} (request {request})", Look.STORAGE)
        case 502 | 503 | 504:
            return Wrong(f"{status}: the app does not start, or what it needs does not answer{said}", Look.INSTANCE)
        case 413:
            return Wrong(f"413: something on the way takes no body of that size{said}", Look.UPLOADS)
        case 500 if not message:
            return Wrong("500 without a word: the host gave up before or after the app's own answer", Look.UPLOADS)
        case 500:
            return Wrong(f"500{said} (request {request}): most often the storage", Look.STORAGE)
    return Wrong(f"{status}{said or ' without a word'}", Look.MODEL if "model" in message.lower() else Look.FUNCTIONS)


def message_in(text: str) -> str:
    """The message of the API's error; empty if it is none."""
    try:
        return str(json.loads(text)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return ""


def said_by(error: BaseException) -> str:
    """The cause in the words of whoever knew it first."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__} {error}".strip()
