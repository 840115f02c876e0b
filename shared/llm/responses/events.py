"""From the endpoint's words to the port's: stream events and response objects become turn events and turns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from shared.ids import random_text
from shared.json_types import Json
from shared.llm.base import (
    SEARCH,
    UNREPORTED,
    ArgumentsDelta,
    CallStarted,
    Cited,
    Searched,
    TextDelta,
    Turn,
    TurnDone,
    TurnEvent,
    TurnUsage,
)
from shared.llm.responses.provider_words import fit_for_clients
from shared.llm.responses.told import CALL, MESSAGE, Told, as_json, as_text, well_formed
from shared.llm.responses.unreachable import may_have_arrived

#: Names of events that `Reader` takes no notice of; some repeat the whole request.
UNREAD: Final = frozenset(
    f"response.{each}".encode()
    for each in (
        "queued",
        "created",
        "in_progress",
        "content_part.added",
        "content_part.done",
    )
)
#: Models that make use of the present turn's reasoning alone, unless they are asked for more: those before gpt-5.6.
_FORGETFUL: Final = re.compile(r"(o\d|gpt-[1-4]|gpt-5(?![.\d])|gpt-5\.[0-5](?!\d))")
#: Tokens that no turn can have: more is no count.
_MOST_TOKENS: Final = 10**9
#: What servers call a limit of output tokens.
_TOO_SHORT: Final = ("max_output_tokens", "max_tokens", "length")


class TurnFailed(Exception):
    """The endpoint took the request and then failed; `code` is its own word for why, `param` what it is about.

    `usage` is what the response reported, if it did.
    """

    def __init__(self, code: str, message: str, param: str | None = None, usage: TurnUsage | None = None):
        super().__init__(message)
        self.code, self.message, self.param, self.usage = code, message, param, usage


class Reader:
    """Turns the events of one stream of the Responses API into ours."""

    def __init__(self) -> None:
        self._told = Told()
        #: Calls whose arguments came in deltas; small servers send them only when they are complete.
        self._heard: set[int] = set()
        #: The response failed, and nothing has said why yet.
        self.failure: TurnFailed | None = None
        #: What comes before the end of the turn: items that the server has told of in its last event alone.
        self.late: list[TurnEvent] = []
        self._call_ids = CallIds()
        self._has_begun = False
        self._reported: TurnUsage | None = None

    def used(self, error: Exception) -> TurnUsage:
        """What the stream that ended with this error has used. One that was cut does not say."""
        if self._reported is not None:
            return self._reported
        was_cut = self._has_begun and not isinstance(error, TurnFailed)
        return UNREPORTED if was_cut or self._told or may_have_arrived(error) else TurnUsage()

    def read(self, event: Json) -> TurnEvent | None:
        """What the event means, if anything. Raises TurnFailed."""
        self._has_begun = True
        match event.get("type"):
            case "response.output_text.delta":
                return self._text(event)
            case "response.refusal.delta":
                return self._text(event, refusal=True)
            case "response.output_text.done":
                return self._rest_of_text(event, event.get("text"))
            case "response.refusal.done":
                return self._rest_of_text(event, event.get("refusal"), refusal=True)
            case "response.output_item.added":
                number, item = self._told.number(event, event["item"]["type"]), event["item"]
                if item["type"] == CALL:
                    self._told.show(number, item)
                    return CallStarted(number, self._call_ids.next(item), as_text(item["name"]))
            case "response.function_call_arguments.delta":
                number = self._told.number(event, CALL)
                if event["delta"]:
                    self._heard.add(number)
                return ArgumentsDelta(number, as_text(event["delta"]))
            case "response.function_call_arguments.done":
                number, arguments = self._told.number(event, CALL), as_json(event["arguments"])
                self._told.complete(number, arguments)
                return self._whole(number, arguments)
            case "response.output_item.done":
                number, item = self._told.number(event, event["item"]["type"]), well_formed(event["item"])
                self._told.finish(number, item)
                if item["type"] == SEARCH:
                    self._told.show(number)
                    return Searched(number, item)
                if item["type"] == CALL and self._told.knows(number):
                    return self._whole(number, item["arguments"])
                if item["type"] == MESSAGE and not self._told.knows(number):
                    return self._whole_text(number, item)
            case "response.output_text.annotation.added" if event["annotation"].get("type") == "url_citation":
                return Cited(self._told.number(event, MESSAGE), event["annotation"])
            case "response.completed" | "response.incomplete":
                turn = turn_of(event["response"], self._told, self._call_ids)
                untold = self._told.untold(turn.items, turn.places)
                self.late = [each for number, item in untold for each in _events_of(number, item, turn)]
                return TurnDone(turn)
            case "response.failed":
                failure = failure_of(event["response"])
                self._reported = failure.usage
                if event["response"].get("error") is not None:
                    raise failure
                # Azure says why in an event of its own.
                self.failure = failure
            case "error":
                raise TurnFailed(str(event.get("code")), str(event.get("message")), _word(event.get("param")))
        return None

    def _whole(self, number: int, arguments: str) -> ArgumentsDelta | None:
        """A call's arguments, unless they came in pieces."""
        if number in self._heard:
            return None
        self._heard.add(number)
        return ArgumentsDelta(number, as_text(arguments))

    def _rest_of_text(self, event: Json, text: object, *, refusal: bool = False) -> TextDelta | None:
        """The end of a text, which tells all of it to those who heard no piece."""
        number, all_of_it = self._told.number(event, MESSAGE), as_text(text or "")
        if not all_of_it or self._told.has_heard(number):
            return None
        self._told.say(number, all_of_it, refusal=refusal, in_pieces=False)
        return TextDelta(number, all_of_it, refusal)

    def _whole_text(self, number: int, message: Json) -> TextDelta | None:
        text, refusal = _text_of(message)
        if text:
            self._told.say(number, text, refusal=refusal)
        return TextDelta(number, text, refusal) if text else None

    def _text(self, event: Json, *, refusal: bool = False) -> TextDelta:
        number, said = self._told.number(event, MESSAGE), as_text(event["delta"])
        self._told.say(number, said, refusal=refusal)
        return TextDelta(number, said, refusal)


def _events_of(number: int, item: Json, turn: Turn) -> Iterator[TurnEvent]:
    """How an item is told of that came whole."""
    if item["type"] == MESSAGE:
        text, refusal = _text_of(item)
        if text:
            yield TextDelta(number, text, refusal)
    elif item["type"] == CALL and turn.calls:
        yield CallStarted(number, item["call_id"], item["name"])
        yield ArgumentsDelta(number, item["arguments"])


def _text_of(message: Json) -> tuple[str, bool]:
    """What a message says, and whether it is a refusal."""
    is_refusal = any(part["type"] == "refusal" for part in message["content"])
    parts = (part.get("refusal" if is_refusal else "text") for part in message["content"])
    return "".join(part or "" for part in parts), is_refusal


class CallIds:
    """The ids of a response's calls, each its own: some servers give several calls one id, or none to any."""

    def __init__(self) -> None:
        self._ids: list[str] = []

    def next(self, item: Json) -> str:
        """The id of the response's next call: its own, unless it has none or an earlier call has it, too."""
        given = _word(item.get("call_id")) or ""
        self._ids.append(given if given and given not in self._ids else f"call_{random_text(24)}")
        return self._ids[-1]

    def put_into(self, items: list[Json]) -> list[Json]:
        """The response's items with the ids that its calls, in their order, have been given already."""
        known = iter(self._ids[:])
        return [
            item | {"call_id": next(known, None) or self.next(item)} if item.get("type") == "function_call" else item
            for item in items
        ]


def turn_of(response: Json, told: Told | None = None, call_ids: CallIds | None = None) -> Turn:
    """The turn that a finished response is, after what the stream has told of it, with the ids that calls had there.

    Raises ValueError, LookupError and TypeError for one that is not as the API says.
    """
    told = told or Told()
    # Azure completes reasoning items only here, so the streamed ones are second best.
    found, places = told.fitted([well_formed(item) for item in response.get("output") or told.items])
    items = (call_ids or CallIds()).put_into(found)
    reason = None
    if response.get("status") == "incomplete":
        reason = str((response.get("incomplete_details") or {}).get("reason") or "max_output_tokens")
        reason = "max_output_tokens" if reason in _TOO_SHORT else fit_for_clients(reason)
    return Turn(
        items=items,
        places=places,
        usage=usage_in(response) or UNREPORTED,
        incomplete=reason,
        response_id=_word(response.get("id")),
        model=_word(response.get("model")),
        reasoning_lasts=reasoning_lasts(response),
        withheld=withheld(response),
        service_tier=_word(response.get("service_tier")),
    )


def reasoning_lasts(response: Json) -> bool:
    """Whether the model makes use of this turn's reasoning in later ones: the response says so, or else its model."""
    context = (response.get("reasoning") or {}).get("context")
    if context in ("all_turns", "current_turn"):
        return bool(context == "all_turns")
    return not _FORGETFUL.match(str(response.get("model")))


def withheld(response: Json) -> tuple[str, ...]:
    """Why reasoning among the input was kept from the model, each reason once."""
    removed = response.get("input_transformations") or ()
    return tuple(dict.fromkeys(str(each.get("reason")) for each in removed if each.get("type") == "reasoning"))


def failure_of(response: Json) -> TurnFailed:
    """Why a response failed, or that it was cancelled."""
    error = response.get("error") or {}
    code = str(error.get("code") or response.get("status"))
    return TurnFailed(code, str(error.get("message")), _word(error.get("param")), usage_in(response))


def usage_in(response: Json) -> TurnUsage | None:
    """What the response says that it has used; None if that cannot be: a turn is not lost for it."""
    usage = _object(response.get("usage"))
    of_input, of_output = _object(usage.get("input_tokens_details")), _object(usage.get("output_tokens_details"))
    if usage.get("input_tokens") is None:
        return None
    try:
        return TurnUsage(
            input_tokens=_count(usage["input_tokens"]),
            output_tokens=_count(usage.get("output_tokens")),
            cached_tokens=_count(of_input.get("cached_tokens")),
            reasoning_tokens=_count(of_output.get("reasoning_tokens")),
            cache_write_tokens=_count(of_input.get("cache_write_tokens")),
        )
    except ValueError:
        return None


def _count(value: object) -> int:
    number = value or 0
    if not isinstance(number, int | float) or not 0 <= number <= _MOST_TOKENS:
        raise ValueError("no count of tokens")
    return int(number)


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _word(value: object) -> str | None:
    return value if isinstance(value, str) else None
