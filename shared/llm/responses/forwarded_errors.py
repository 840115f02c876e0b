"""What a provider answers instead of what was asked for, in the API's envelope and without its secrets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from shared import json_text
from shared.errors import ProviderError
from shared.json_types import Json
from shared.llm.responses.provider_words import fit_for_clients

#: Headers of an answer that are passed on; all others may tell whose account it is.
PASSED_HEADERS: Final = (
    "content-type",
    "content-length",
    "content-disposition",
    "retry-after",
    "retry-after-ms",
    "x-should-retry",
)
#: Bytes of an error that are looked at.
LONGEST_ERROR: Final = 64 * 1024
#: A client's SDK is not to try again by itself.
NOT_AGAIN: Final = {"x-should-retry": "false"}
REFUSES_THE_BOX: Final = (
    "The model's provider refuses the box's own credentials (401). The caller's are not sent to it."
)
REDIRECTS: Final = "The model's provider answers from another address ({status}): the box does not follow."
WORDLESS: Final = "The model's provider answered {status}."


def refused(status: int, headers: Mapping[str, str], text: str, host: str) -> ProviderError:
    """The error of an answer that is none; `text` is its body, `host` the endpoint's, which no client is told."""
    back = {name: headers[name] for name in PASSED_HEADERS[3:] if name in headers}
    if status == 401:
        # The client would take it for a word about its own key.
        return ProviderError(REFUSES_THE_BOX, 502, headers=NOT_AGAIN)
    if status < 400:
        return ProviderError(REDIRECTS.format(status=status), 502, headers=NOT_AGAIN)
    error = _object(text)
    message = fit_for_clients(_words(error, text), host) or WORDLESS.format(status=status)
    kind, param, code = (_word(error.get(name), host) for name in ("type", "param", "code"))
    return ProviderError(message, status, type=kind, param=param, code=code, headers=back)


def cleaned(error: Json, host: str) -> Json:
    """An error object of a stream with what may be told of its message."""
    return error | {"message": fit_for_clients(str(error.get("message", "")), host)}


def _object(text: str) -> Json:
    """The error object, wherever the server keeps it; empty if there is none."""
    try:
        body = json_text.read(text)
    except ValueError:
        return {}
    if isinstance(body, list) and body:
        body = body[0]  # as Google's servers answer
    if not isinstance(body, dict):
        return {}
    error = body.get("error")
    return error if isinstance(error, dict) else body


def _words(error: Json, text: str) -> str:
    for name in ("message", "error", "detail"):
        said = error.get(name)
        if said:
            return said if isinstance(said, str) else json.dumps(said)
    # A page of a gateway says nothing to programs.
    return "" if text.lstrip().startswith("<") else text


def _word(value: Any, host: str) -> str | None:
    return None if value is None else fit_for_clients(str(value), host)
