"""What a Responses API endpoint sends for one turn: the response object, its items and its event stream.

Bytes are built once per distinct turn; `MARK` in them stands for what makes a response's ids unique.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

Json = dict[str, Any]

#: Replaced in ready-made bytes by the response's own 32 hex digits.
MARK = "0123456789abcdef" * 2


@dataclass(frozen=True)
class FakeTurn:
    """What the model does when asked. Fields that do not apply stay empty."""

    #: The message, delta by delta.
    text: tuple[str, ...] = ()
    #: Queries with which the provider searches the web, before anything is said.
    searches: tuple[str, ...] = ()
    #: (cited words, url, title) of pages that the message cites.
    cites: tuple[tuple[str, str, str], ...] = ()
    #: (name, arguments as JSON text) of each function call.
    calls: tuple[tuple[str, str], ...] = ()
    #: The id of each call, as servers make them up; empty: ids of their own.
    call_ids: tuple[str, ...] = ()
    refusal: str = ""
    reasoning: bool = False
    #: What the reasoning tells of itself.
    summary: str = ""
    #: commentary | final_answer: of the message.
    phase: str = ""
    #: all_turns | current_turn: which reasoning of the input the model was given, if the response says so.
    context: str = ""
    #: Why reasoning of the input was withheld.
    withheld: tuple[str, ...] = ()
    #: How the response says that it was served; empty: nothing is said.
    service_tier: str = "default"
    #: max_output_tokens | content_filter
    incomplete: str = ""
    #: Tokens: input, of it read from the cache and written to it, output, of it reasoning; None: by the words.
    tokens: tuple[int, int, int, int, int] | None = None
    #: The response says nothing of its tokens, as small servers do.
    without_usage: bool = False
    #: The response ends as failed with this code (server_error, rate_limit_exceeded, …); `null`: it does not say why.
    failed: str = ""
    #: The stream carries an `error` event with this code after `cut_after` events.
    error_event: str = ""
    #: HTTP status; anything but 200 is an error answer with the fields below.
    status: int = 200
    code: str | None = None
    message: str = "The fake says no."
    param: str | None = None
    #: An error answer has the message in place of the error, and the code beside it, as xAI's.
    bare: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    #: The connection is lost after so many events.
    cut_after: int | None = None
    #: Seconds before the first byte of the answer.
    delay: float = 0.0

    @property
    def is_cut(self) -> bool:
        """Whether the connection is lost before the stream is over."""
        return self.cut_after is not None and self.error_event == ""

    @classmethod
    def from_json(cls, fields: Json) -> FakeTurn:
        """A turn from JSON: lists become tuples, `text` may be a string."""
        plain = dict(fields)
        if isinstance(plain.get("text"), str):
            plain["text"] = (plain["text"],)
        for name in ("text", "calls", "headers", "tokens", "withheld", "searches", "cites"):
            if name in plain:
                plain[name] = tuple(tuple(each) if isinstance(each, list) else each for each in plain[name])
        return cls(**plain)


@lru_cache(maxsize=1024)
def stream_bytes(turn: FakeTurn, model: str) -> bytes:
    """The whole event stream of a turn, up to where it is cut."""
    events = list(_events(turn, model))
    if turn.cut_after is not None:
        events = events[: turn.cut_after]
    if turn.error_event:
        events.append({"type": "error", "code": turn.error_event, "message": turn.message, "param": None})
    lines = []
    for number, event in enumerate(events):
        body = json.dumps({"sequence_number": number, **event}, separators=(",", ":"))
        lines.append(f"event: {event['type']}\ndata: {body}\n\n")
    return "".join(lines).encode()


@lru_cache(maxsize=1024)
def response_bytes(turn: FakeTurn, model: str, status: str, background: bool = False) -> bytes:
    """The response object as JSON; `status` may be that of an unfinished or cancelled one."""
    finished = status not in ("queued", "in_progress", "cancelled")
    return json.dumps(_response(turn, model, final_status(turn) if finished else status, background)).encode()


def final_status(turn: FakeTurn) -> str:
    """How the response ends."""
    if turn.failed:
        return "failed"
    return "incomplete" if turn.incomplete else "completed"


def error_bytes(turn: FakeTurn) -> bytes:
    """The body of an error answer."""
    kind = "server_error" if turn.status >= 500 else "invalid_request_error"
    if turn.status == 429:
        kind = "rate_limit_error"
    fields = {"message": turn.message, "type": kind, "param": turn.param, "code": turn.code}
    if turn.bare:
        return json.dumps({"code": turn.code, "error": turn.message}).encode()
    return json.dumps({"error": fields}).encode()


def _items(turn: FakeTurn) -> list[Json]:
    items: list[Json] = []
    if turn.reasoning:
        summary = [{"type": "summary_text", "text": turn.summary}] if turn.summary else []
        items.append({"id": f"rs_{MARK}", "type": "reasoning", "summary": summary, "encrypted_content": f"gAAA{MARK}"})
    for number, query in enumerate(turn.searches):
        action = {"type": "search", "queries": [query], "query": query}
        items.append({"id": f"ws_{MARK}{number}", "type": "web_search_call", "status": "completed", "action": action})
    if turn.text or turn.refusal:
        part: Json = {"type": "refusal", "refusal": turn.refusal}
        if turn.text:
            cited = [_citation("".join(turn.text), *each) for each in turn.cites]
            part = {"type": "output_text", "annotations": cited, "logprobs": [], "text": "".join(turn.text)}
        message = {"type": "message", "status": "completed", "content": [part], "role": "assistant"}
        phase = {"phase": turn.phase} if turn.phase else {}
        items.append({"id": f"msg_{MARK}", **message, **phase})
    for number, (name, arguments) in enumerate(turn.calls):
        names = {"id": f"fc_{MARK}{number}", "type": "function_call", "status": "completed", "name": name}
        call_id = turn.call_ids[number] if turn.call_ids else f"call_{MARK}{number}"
        items.append({**names, "call_id": call_id, "arguments": arguments})
    return items


def _citation(text: str, words: str, url: str, title: str) -> Json:
    start = text.index(words)
    place = {"start_index": start, "end_index": start + len(words)}
    return {"type": "url_citation", **place, "title": title, "url": url}


def _response(turn: FakeTurn, model: str, status: str, background: bool = False) -> Json:
    over = status in ("completed", "incomplete", "failed")
    by_words = (20, 4, 0, len(turn.text) + 10 * len(turn.calls), 3 if turn.reasoning else 0)
    given, cached, written, output_tokens, reasoning = turn.tokens or by_words
    usage = {
        "input_tokens": given,
        "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written},
        "output_tokens": output_tokens,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": given + output_tokens,
    }
    return {
        "id": f"resp_{MARK}",
        "object": "response",
        "created_at": 1_790_000_000,
        "status": status,
        "background": background,
        "error": _failure(turn) if status == "failed" else None,
        "incomplete_details": {"reason": turn.incomplete} if status == "incomplete" else None,
        "instructions": None,
        "max_output_tokens": None,
        "model": model,
        "output": _items(turn) if status in ("completed", "incomplete") else [],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None} | ({"context": turn.context} if turn.context else {}),
        **({"service_tier": turn.service_tier} if turn.service_tier else {}),
        "input_transformations": [
            {"id": f"rs_{number}", "action": "removed", "reason": reason, "type": "reasoning"}
            for number, reason in enumerate(turn.withheld)
        ],
        "store": background,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": usage if over and not turn.without_usage else None,
        "user": None,
        "metadata": {},
    }


def _failure(turn: FakeTurn) -> Json | None:
    return None if turn.failed == "null" else {"code": turn.failed, "message": turn.message}


def _events(turn: FakeTurn, model: str) -> list[Json]:
    started = _response(turn, model, "in_progress")
    events: list[Json] = [
        {"type": "response.created", "response": started},
        {"type": "response.in_progress", "response": started},
    ]
    for index, item in enumerate([] if turn.failed else _items(turn)):
        events += _item_events(turn, index, item)
    status = final_status(turn)
    return [*events, {"type": f"response.{status}", "response": _response(turn, model, status)}]


def _item_events(turn: FakeTurn, index: int, item: Json) -> list[Json]:
    at: Json = {"item_id": item["id"], "output_index": index}
    match item["type"]:
        case "message":
            opened, middle = {"status": "in_progress", "content": []}, _part_events(turn, at, item["content"][0])
        case "function_call":
            opened, middle = {"status": "in_progress", "arguments": ""}, _argument_events(at, item)
        case "web_search_call":
            phases = ("in_progress", "searching", "completed")
            opened = {"status": "in_progress", "action": {"type": "search", "queries": []}}
            middle = [{"type": f"response.web_search_call.{phase}", **at} for phase in phases]
        case _:
            opened, middle = {}, []
    added = {"type": "response.output_item.added", "output_index": index, "item": item | opened}
    return [added, *middle, {"type": "response.output_item.done", "output_index": index, "item": item}]


def _part_events(turn: FakeTurn, at: Json, part: Json) -> list[Json]:
    at = at | {"content_index": 0}
    key = "refusal" if part["type"] == "refusal" else "text"
    kind = "response.refusal" if key == "refusal" else "response.output_text"
    logprobs: Json = {} if key == "refusal" else {"logprobs": []}
    emptied: Json = {"annotations": []} if "annotations" in part else {}
    deltas = turn.text or (turn.refusal,)
    return [
        {"type": "response.content_part.added", **at, "part": part | {key: ""} | emptied},
        *({"type": f"{kind}.delta", **at, "delta": delta, **logprobs} for delta in deltas),
        *(
            {"type": f"{kind}.annotation.added", **at, "annotation_index": number, "annotation": each}
            for number, each in enumerate(part.get("annotations", []))
        ),
        {"type": f"{kind}.done", **at, key: part[key], **logprobs},
        {"type": "response.content_part.done", **at, "part": part},
    ]


def _argument_events(at: Json, item: Json) -> list[Json]:
    arguments = item["arguments"]
    pieces = [arguments[start : start + 8] for start in range(0, len(arguments), 8)]
    kind = "response.function_call_arguments"
    deltas = [{"type": f"{kind}.delta", **at, "delta": piece} for piece in pieces]
    return [*deltas, {"type": f"{kind}.done", **at, "arguments": arguments, "name": item["name"]}]
