"""Errors within a stream of server-sent events: told without hosts and keys. All other events pass as they are."""

from __future__ import annotations

import json
import re
from typing import Final

from shared import json_text
from shared.errors import ApiError
from shared.json_types import Json
from shared.llm.responses.forwarded_errors import cleaned
from shared.llm.responses.provider_words import fit_for_clients

#: Bytes of an event that are waited for: those of errors are short, those of pictures go on at once.
LONGEST_EVENT: Final = 64 * 1024
END: Final = re.compile(rb"\r\n\r\n|\n\n|\r\r")
#: What an event says if it may be one.
ERROR: Final = re.compile(rb'"error"\s*:\s*[^\sn]|"type"\s*:\s*"error"')
DATA: Final = re.compile(rb"^data:[ ]?(.*?)\r?$", re.MULTILINE)


class Events:
    """Puts a stream's pieces together until an event is whole."""

    def __init__(self, host: str):
        """`host` is the endpoint's, which no client is told."""
        self._host = host
        self._held = b""
        #: Whether the reader has whole events only.
        self.between_events = True

    def feed(self, piece: bytes) -> bytes:
        """What may go on now."""
        text = self._held + piece
        end = max((found.end() for found in END.finditer(text)), default=0)
        whole, self._held = text[:end], text[end:]
        if whole:
            self.between_events = True
        if ERROR.search(whole):
            whole = self._cleaned(whole)
        if len(self._held) > LONGEST_EVENT:
            whole, self._held = whole + self._held, b""
            self.between_events = False
        return whole

    def rest(self) -> bytes:
        """What is left at the end of a stream whose last event has no empty line."""
        rest, self._held = self._held, b""
        return self._cleaned(rest) if ERROR.search(rest) else rest

    def _cleaned(self, whole: bytes) -> bytes:
        """The events, those that are errors without what no client may read."""
        start, made = 0, []
        for found in [*END.finditer(whole)]:
            made += [DATA.sub(self._clean, whole[start : found.start()]), found[0]]
            start = found.end()
        return b"".join([*made, DATA.sub(self._clean, whole[start:])])

    def _clean(self, line: re.Match[bytes]) -> bytes:
        try:
            data = json_text.read(line[1])
        except ValueError:
            return line[0]
        if not isinstance(data, dict) or not ERROR.search(line[1]):
            return line[0]
        return b"data: " + json.dumps(_without_secrets(data, self._host), separators=(",", ":")).encode()


def _without_secrets(data: Json, host: str) -> Json:
    """An `error` event, an error in place of one, or the response that failed."""
    error = data.get("error")
    if isinstance(error, dict):
        return data | {"error": cleaned(error, host)}
    if isinstance(error, str):
        return data | {"error": fit_for_clients(error, host)}
    if data.get("type") == "error":
        return cleaned(data, host)
    response = data.get("response")
    if isinstance(response, dict) and isinstance(response.get("error"), dict):
        return data | {"response": response | {"error": cleaned(response["error"], host)}}
    return data


def error_event(error: ApiError) -> bytes:
    """The last event of a stream that broke off, as SDKs raise it."""
    return b"event: error\ndata: " + json.dumps(error.body(), separators=(",", ":")).encode() + b"\n\n"
