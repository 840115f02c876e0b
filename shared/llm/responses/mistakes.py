"""Refusals that the caller can mend, told in the provider's words: schemas, values, tool choice, unknown models."""

from __future__ import annotations

import re
from typing import Final

from shared.llm.base import LlmError
from shared.llm.responses.parameters import Refusal
from shared.llm.responses.provider_words import fit_for_clients

#: Statuses of requests that are wrong as they stand; None is an error within a stream.
_STATUSES: Final = (400, 404, 410, 413, 422, None)

#: The endpoint does not have the model.
MODEL_CODES: Final = {
    "model_not_found",
    "model_not_available",
    "invalid_model",
    "unknown_model",
    "unsupported_model",
    "model_deprecated",
    "modeldeprecated",
    "deploymentnotfound",
    "deployment_not_found",
    "operationnotsupported",
}
_MODEL_WORDS: Final = re.compile(
    r"\b(?:model|deployment)\b.{0,300}?(?:does ?n[o']t exist|not found|was not found|do(?:es)? not have access"
    r"|not a valid model|is not available|deprecated|retired|decommissioned|shut ?down)"
    r"|no such model|unknown model|invalid model\b|try pulling it",
    re.I | re.S,
)
_VALUE_CODES: Final = {
    "invalid_function_parameters",
    "invalid_json_schema",
    "invalid_schema",
    "unsupported_value",
    "unsupported_parameter",
}
#: Parameters whose values come from the caller; what the input lacks may be our own fault.
_PARAMS: Final = re.compile(
    r"(?:tools|tool_choice|functions|text|response_format|reasoning|reasoning_effort|temperature|top_p|model"
    r"|max_output_tokens|parallel_tool_calls|background_options|service_tier)\b"
)
_VALUE_WORDS: Final = re.compile(
    r"invalid schema|schema must|json[ _]schema|response_format|structured output|grammar"
    r"|tool[ _]?choice|unsupported value|invalid parameter: 'text\.format'"
    r"|background_options|completion_window|service_tier"
    r"|function (?:name|parameters|definition)|(?:does not|doesn't) support (?:tools|function|image|vision)",
    re.I,
)
#: A message may go on to quote the prompt, which says anything.
_LOOKED_AT: Final = 400


def mistake(status: int | None, refusal: Refusal, host: str | None = None) -> LlmError | None:
    """What the client is told if the refusal is about the model's name or about a value of the caller's."""
    if status not in _STATUSES:
        return None
    words = refusal.message[:_LOOKED_AT]
    if refusal.code.lower() in MODEL_CODES or refusal.param == "model" or _MODEL_WORDS.search(words):
        return told("The model cannot be used", refusal.message, host)
    about_a_value = refusal.param is not None and _PARAMS.match(refusal.param)
    if refusal.code in _VALUE_CODES or about_a_value or _VALUE_WORDS.search(words):
        return told("The model's provider refused the request", refusal.message, host)
    return None


def told(what: str, message: str, host: str | None = None) -> LlmError:
    """The error that says what happened, and then what the provider said."""
    return LlmError("invalid_prompt", f"{what}: {fit_for_clients(message, host)}")
