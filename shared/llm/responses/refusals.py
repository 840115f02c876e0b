"""Refusals that are about the prompt or the account: too long, filtered, no money left.

OpenAI says so by a code. Servers and gateways that speak its API put a status there, or nothing, and the reason into
their words.
"""

from __future__ import annotations

import re
from typing import Final

from shared.llm.base import LlmError, PromptTooLong
from shared.llm.responses.provider_words import fit_for_clients

SPENT: Final = "The quota of the model is used up. Please check plan and billing of the model's account."
FILTERED: Final = "The prompt was refused by the model's content filter. Please change it and try again."
TOO_LONG: Final = (
    "The prompt is longer than the model can take. Please shorten messages, instructions or tools, or let the run's "
    "truncation strategy be `auto`."
)

_CODES: Final = {
    "bio_policy": FILTERED,
    "content_filter": FILTERED,
    "content_policy_violation": FILTERED,
    "cyber_policy": FILTERED,
    "invalid_prompt": FILTERED,
    "misalignment_policy_violation": FILTERED,
    "context_length_exceeded": TOO_LONG,
    "exceed_context_size_error": TOO_LONG,
    "insufficient_quota": SPENT,
    "credit_balance_exhausted": SPENT,
    "project_spend_limit_exceeded": SPENT,
    "organization_spend_limit_exceeded": SPENT,
    "organization_usage_limit_exceeded": SPENT,
    "billing_hard_limit_reached": SPENT,
    "billing_not_active": SPENT,
    "budget_exceeded": SPENT,
}
#: Final whatever else is said.
_SPENT_FOR_GOOD: Final = {name for name, meant in _CODES.items() if meant == SPENT}
#: In the words of vLLM, SGLang, llama.cpp, Ollama, LM Studio, DeepSeek, Kimi, xAI and of what LiteLLM passes on.
_WORDS: Final = {
    TOO_LONG: re.compile(
        r"maximum context length|maximum model length|exceeds? the available context size|context size has been"
        r"|context_?length_?exceeded|ContextWindowExceeded|exceeds the context window|prompt is too long"
        r"|context length (?:of|is) only|(?:greater|longer) than the (?:model's )?context length"
        r"|exceeds? (?:the )?context length"
        r"|too long to fit into the model|maximum prompt length|exceeded model token limit|input is too long for"
        r"|exceeds the maximum number of tokens"
        # More than a whole minute's tokens: no wait would help.
        r"|request too large for .{0,200}tokens|tokens must be reduced in order to",
        re.I,
    ),
    FILTERED: re.compile(
        r"ContentPolicyViolation|content management policy|content_filter|content_policy_violation|content exists risk",
        re.I,
    ),
    SPENT: re.compile(
        r"insufficient[ _](quota|balance|credits?|funds)|exceeded your current quota|credit balance is too low"
        r"|budget has been exceeded|billing_hard_limit",
        re.I,
    ),
}
#: Some providers call their limit per minute a quota; then they say when to come back.
_COME_BACK: Final = re.compile(r"retry (in|after) \d|per[ _]?minute", re.I)
_PAYMENT_REQUIRED: Final = 402
#: A message may go on to quote the prompt, which says anything.
_LOOKED_AT: Final = 400


def refusal(
    status: int | None, names: tuple[str, ...], message: str, *, may_return: bool = False, host: str | None = None
) -> LlmError | None:
    """What the client is told, if the endpoint refuses this prompt or this account.

    `names` are the code and the type of the error; `may_return` tells that the endpoint said when to try again; `host`
    is the endpoint's, which no client is told.
    """
    meant = next((_CODES[name] for name in names if name in _CODES), None) or _by_words(message[:_LOOKED_AT])
    if meant is None and status == _PAYMENT_REQUIRED:
        meant = SPENT
    if meant == SPENT and _SPENT_FOR_GOOD.isdisjoint(names) and (may_return or _COME_BACK.search(message)):
        return None
    if meant is None:
        return None
    if meant == TOO_LONG:
        return PromptTooLong("invalid_prompt", f"{TOO_LONG} The provider said: {fit_for_clients(message, host)}")
    return LlmError("rate_limit_exceeded" if meant == SPENT else "invalid_prompt", meant)


def _by_words(message: str) -> str | None:
    return next((meant for meant, words in _WORDS.items() if words.search(message)), None)
