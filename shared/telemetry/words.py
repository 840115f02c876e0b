"""Runs, turns and errors in the words of the conventions. Pure."""

from __future__ import annotations

from typing import Final

from shared.llm.base import LlmError, Turn
from shared.objects.run import Run, RunRecord
from shared.telemetry import names

Attribute = str | int | float | list[str]
Attributes = dict[str, Attribute]

#: Why a turn stopped -> the word of the conventions.
FINISHED: Final = {"max_output_tokens": "length"}


def about(record: RunRecord, operation: str, provider: str) -> Attributes:
    """What every span of a run's work says; `provider` as `gen_ai.provider.name`."""
    run = record.run
    return {
        names.OPERATION: operation,
        names.PROVIDER: provider,
        names.AGENT_ID: run.assistant_id,
        names.CONVERSATION: run.thread_id,
        names.RUN: run.id,
    }


def about_run(record: RunRecord, error: str | None, provider: str) -> Attributes:
    """What is told of a run that is over."""
    run, spent = record.run, record.spent
    attributes = about(record, names.INVOKE_AGENT, provider) | {
        names.MODEL: run.model,
        names.OWNER: record.owner,
        names.STATUS: run.status,
        names.TURNS: record.turns,
        names.INPUT_TOKENS: spent.prompt_tokens,
        names.OUTPUT_TOKENS: spent.completion_tokens,
    }
    cached, reasoning = spent.prompt_token_details, spent.completion_tokens_details
    attributes |= of_them(cached.get("cached_tokens", 0), 0, reasoning.get("reasoning_tokens", 0))
    if record.trace is not None and record.trace.agent:
        attributes[names.AGENT_NAME] = record.trace.agent
    if error is not None:
        attributes[names.ERROR] = error
    return attributes


def of_them(cached: int, written: int, reasoning: int) -> Attributes:
    """Of a sum of tokens: those from the provider's cache, those written to it, and those of reasoning, if any."""
    parts = {names.CACHED_TOKENS: cached, names.CACHE_WRITE_TOKENS: written, names.REASONING_TOKENS: reasoning}
    return {name: count for name, count in parts.items() if count}


def about_turn(record: RunRecord, provider: str) -> Attributes:
    """What is told of a turn before it is over."""
    run = record.run
    asked = {
        names.TEMPERATURE: run.temperature,
        names.TOP_P: run.top_p,
    }
    # 1.0 is what every run has whose client asks for nothing.
    given = {name: value for name, value in asked.items() if value is not None and value != 1.0}
    if run.max_completion_tokens is not None:
        given[names.MAX_TOKENS] = run.max_completion_tokens
    return about(record, names.CHAT, provider) | {names.MODEL: run.model, **given}


def outcome_of(turn: Turn) -> Attributes:
    """The attributes of a span when its turn is over."""
    used = turn.usage
    attributes: Attributes = {
        names.FINISH_REASONS: [finish_reason(turn)],
        names.INPUT_TOKENS: used.input_tokens,
        names.OUTPUT_TOKENS: used.output_tokens,
        **of_them(used.cached_tokens, used.cache_write_tokens, used.reasoning_tokens),
    }
    if turn.response_id is not None:
        attributes[names.RESPONSE_ID] = turn.response_id
    if turn.service_tier is not None:
        attributes[names.SERVICE_TIER] = turn.service_tier
    if turn.endpoint:
        attributes[names.ENDPOINT] = turn.endpoint
    return attributes


def state_of(run: Run) -> str:
    """The run's status, or what it requires."""
    return run.status if run.required_action is None else str(run.required_action["type"])


def error_of(run: Run) -> str | None:
    """Why a run that is over failed, in a word; None: it did not."""
    if run.status == "failed":
        return (run.last_error or {}).get("code", "server_error")
    return "expired" if run.status == "expired" else None


def finish_reason(turn: Turn) -> str:
    """Why the turn stopped, in the word of the conventions."""
    if turn.incomplete is not None:
        return FINISHED.get(turn.incomplete, turn.incomplete)
    return "tool_calls" if turn.calls else "stop"


def word_of(error: BaseException) -> str:
    """An error in a word: what it says of itself may have contents."""
    if isinstance(error, LlmError):
        return error.code
    return "cancelled" if type(error).__name__ in ("CancelledError", "GeneratorExit") else type(error).__name__
