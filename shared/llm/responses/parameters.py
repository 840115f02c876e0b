"""Whether a refusal is about a parameter as such, which is then left out, or about its value, which is the caller's.

"Unsupported parameter: 'temperature'" is a property of the model. "Invalid schema for response_format 'x'" is not,
whatever words occur in the schema.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from shared.json_types import Json

#: Parameters a turn can do without. Some models know no temperature, others no reasoning, some servers neither.
OPTIONAL: Final = (
    "temperature",
    "top_p",
    "reasoning",
    "parallel_tool_calls",
    "text",
    "include",
    "tool_choice",
    "prompt_cache_key",
    "prompt_cache_options",
    "service_tier",
    "stream_options",
)
#: What providers call them: by the member that is meant, or as Chat Completions has it.
_NAMES: Final = {name: name for name in OPTIONAL} | {
    "reasoning.effort": "reasoning",
    "reasoning_effort": "reasoning",
    "reasoningEffort": "reasoning",
    "text.format": "text",
    "response_format": "text",
    "include[0]": "include",
    "prompt_cache_options.mode": "prompt_cache_options",
    "prompt_cache_options.ttl": "prompt_cache_options",
    "prompt_cache_breakpoint": "prompt_cache_options",
    "reasoning.summary": "reasoning.summary",
    "stream_options.include_obfuscation": "stream_options",
}
#: A phase in the input that the endpoint does not know.
_PHASE: Final = re.compile(
    r"(?:unknown|unsupported|unrecognized|unexpected|extra).{1,80}\binput['\"]?(?:\[\d+\]\.|\.\d+\.|,\s*\d+,\s*['\"])phase\b",
    re.I | re.S,
)
#: Items of a kind that it does not know.
_REASONING: Final = re.compile(
    r"(?:unknown|unsupported|invalid|unrecognized) (?:value|type|input|item)[^.]{0,60}?['\"`]reasoning['\"`]", re.I
)
#: From the cheapest to the dearest.
EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")

_CODES: Final = {"unsupported_parameter", "unknown_parameter"}
_NAMED: Final = r"['\"`]?(?P<name>[\w.]+(?:\[\d+\][\w.]*)*)['\"`]?"
#: LiteLLM puts classes of errors in front.
_EXPLICIT: Final = tuple(
    re.compile(rf"(?:[\w.]*(?:Error|Exception)\b[\s:-]*)*{words}", re.I)
    for words in (
        rf"(?:unsupported|unknown|unrecognized|unexpected) (?:parameter|argument)s?:? {_NAMED}",
        rf"(?:unsupported|unknown|unrecognized) request arguments? supplied: {_NAMED}",
        rf"(?:the )?(?:parameter|argument):? {_NAMED} is (?:not supported|unsupported|unknown)",
        rf"(?:model )?\S+ does not support parameters?:? \[?{_NAMED}",
        rf"{_NAMED} is not supported with this model",
        # One that thinks, or does not, has no efforts.
        rf"{_NAMED} must be one of [`'\"]none[`'\"] or [`'\"]default",
        # Nothing but saying nothing is supported.
        rf"unsupported value: {_NAMED} does not support .{{1,40}} with this model\. only the default \(.{{1,9}}\)",
    )
)
#: Ollama's words for a model without reasoning, or without efforts of it.
_THINKING: Final = re.compile(r"\S+ does not support thinking|think value \S+ is not supported", re.I)
#: Servers with pydantic in front.
_EXTRA: Final = re.compile(r"loc['\"]:\s*[\[(]\s*['\"]body['\"],\s*['\"](?P<name>\w+)['\"]\s*[\])]", re.I)
#: A message may go on to quote the prompt, which says anything.
LOOKED_AT: Final = 200
_ENCRYPTED: Final = "encrypted content is not supported"
_SUPPORTED: Final = re.compile(
    r"(?:supported values are|must be(?: one of)?|not one of the allowed values|input should be):?(.*)", re.I | re.S
)
#: How Ollama, Groq and servers with pydantic speak of an effort that they do not have.
_OF_EFFORT: Final = re.compile(r"invalid reasoning value|reasoning_effort\W|'reasoning', 'effort'", re.I)
_EFFORT_PARAMS: Final = {"reasoning", "reasoning.effort", "reasoning_effort"}


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the endpoint said: the code and the parameter, if it named them, and its words."""

    code: str
    param: str | None
    message: str


def unsupported(refusal: Refusal, body: Json) -> str | None:
    """The optional parameter of the body which the endpoint does not have, if it says so of this very parameter."""
    if refusal.param == "reasoning.summary" and "summary" in (body.get("reasoning") or {}):
        # It is the operator's wish, not the caller's: no run fails for it, whatever the reason.
        return "reasoning.summary"
    name = _spoken_of(refusal)
    outer, _, inner = (name or "").partition(".")
    return name if outer in body and (not inner or inner in body[outer]) else None


def _spoken_of(refusal: Refusal) -> str | None:
    if refusal.message.lower().startswith(_ENCRYPTED):
        return "include"
    if _THINKING.match(refusal.message):
        return "reasoning"
    if refusal.param is not None and _known(refusal.param) is None:
        return None
    if refusal.param is not None and refusal.code in _CODES:
        return _known(refusal.param)
    named = next((found for words in _EXPLICIT if (found := words.match(refusal.message))), None)
    if named is None and "extra" in refusal.message.lower():
        named = _EXTRA.search(refusal.message)
    return None if named is None else _known(named["name"].rstrip("."))


def _known(name: str) -> str | None:
    """The optional parameter that is meant; breakpoints stand in the midst of the input."""
    return _NAMES.get("prompt_cache_breakpoint" if name.endswith(".prompt_cache_breakpoint") else name)


def refuses_phases(refusal: Refusal) -> bool:
    """Whether the endpoint does not know the phases of messages."""
    if refusal.param is not None:
        return refusal.param.startswith("input") and refusal.param.endswith("phase")
    return bool(_PHASE.search(refusal.message[:LOOKED_AT]))


def refuses_reasoning(refusal: Refusal) -> bool:
    """Whether the endpoint takes no reasoning among the input at all, in contrast to some that it cannot read."""
    of_an_item = refusal.param is not None and re.fullmatch(r"input\[\d+\](\.type)?", refusal.param) is not None
    return bool(_REASONING.match(refusal.message)) and (refusal.param in (None, "input") or of_an_item)


def other_efforts(refusal: Refusal, body: Json) -> tuple[str, ...] | None:
    """The efforts that the endpoint supports instead of the one that the body asks for; empty: it does not say.

    None if the refusal is not about the effort.
    """
    asked = (body.get("reasoning") or {}).get("effort")
    listed = _SUPPORTED.search(refusal.message)
    if asked is None or not (_is_about_the_effort(refusal, asked) or (listed and _names_the_effort(refusal.message))):
        return None
    named = re.findall(r"\w+", listed[1]) if listed else []
    return tuple(effort for effort in EFFORTS if effort in named and effort != asked)


def _is_about_the_effort(refusal: Refusal, asked: str) -> bool:
    """In OpenAI's words, or in those of servers that take after them."""
    about_a_value = refusal.message.lower().startswith(("unsupported value", "invalid value"))
    if not (about_a_value or refusal.code in ("unsupported_value", "invalid_value")):
        return False
    quoted = re.findall(r"['\"`](\w[\w.]*)['\"`]", refusal.message)
    unnamed = refusal.param is None and bool(quoted) and quoted[0] in {asked, *_EFFORT_PARAMS}
    return refusal.param in _EFFORT_PARAMS or unnamed


def _names_the_effort(message: str) -> bool:
    return bool(_OF_EFFORT.search(message[:LOOKED_AT]))


def nearest(asked: str, supported: Collection[str]) -> str | None:
    """The supported effort that is nearest to the one asked for, the cheaper one of two; None if there is none."""
    if not supported or asked not in EFFORTS:
        return min(supported, key=EFFORTS.index, default=None)
    place = EFFORTS.index(asked)
    return min(supported, key=lambda effort: (abs(EFFORTS.index(effort) - place), EFFORTS.index(effort)))
