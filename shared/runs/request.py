"""What a run asks the model for: its resolved parameters in the Responses API's terms. Pure."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

from shared.json_types import Json
from shared.llm.base import Caching, TurnRequest
from shared.objects.run import RunRecord
from shared.runs import waiting, web_search

#: The least a model takes as `max_output_tokens`.
LEAST_OUTPUT: Final = 16
#: Keys of the provider's cache over which an assistant's threads are spread: one bears some 15 requests a minute.
CACHE_LANES: Final = 4


def turn_request(record: RunRecord, items: list[Json], tools: list[Json], *, continues: bool = False) -> TurnRequest:
    """The request for the run's next turn; `continues`: the thread's last run was so lately that it is in caches."""
    run = record.run
    return TurnRequest(
        model=run.model,
        instructions=run.instructions,
        input=items,
        tools=tools,
        tool_choice=tool_choice(record, tools),
        parallel_tool_calls=run.parallel_tool_calls,
        temperature=unless_default(run.temperature),
        top_p=unless_default(run.top_p),
        text_format=text_format(run.response_format),
        reasoning_effort=run.reasoning_effort,
        max_output_tokens=output_left(record),
        completion_window=record.completion_window,
        service_tier=record.service_tier if record.completion_window is None else waiting.STANDARD,
        caching=caching(record, continues=continues),
        owner=record.owner,
        thread=run.thread_id,
    )


def caching(record: RunRecord, *, continues: bool) -> Caching:
    """What the provider's cache is told of the run."""
    whole, additional = record.run.instructions, record.additional_instructions
    return Caching(
        key=cache_key(record),
        run=record.run.id,
        instructions=without(whole, additional) if record.as_assistant else None,
        additional=additional,
        continues=continues,
        read=record.spent.prompt_token_details.get("cached_tokens", 0),
    )


def without(instructions: str, additional: str) -> str:
    """The assistant's instructions, to which a line break and the run's were added."""
    return instructions.removesuffix(additional).removesuffix("\n") if additional else instructions


def cache_key(record: RunRecord) -> str:
    """The same for all runs of a thread, and for those threads of its assistant with which it shares a lane."""
    lane = sha256(record.run.thread_id.encode()).digest()[0] % CACHE_LANES
    return sha256(f"{record.owner}\n{record.run.assistant_id}\n{lane}".encode()).hexdigest()[:32]


def unless_default(value: float | None) -> float | None:
    """Sampling parameters only where the client chose one: reasoning models refuse even the default."""
    return None if value == 1.0 else value


def exhausted(record: RunRecord) -> str | None:
    """Why the run may not take another turn: the token limit it has used up."""
    left = output_left(record)
    if left is not None and left < LEAST_OUTPUT:
        return "max_completion_tokens"
    limit = record.run.max_prompt_tokens
    if limit is not None and record.spent.prompt_tokens >= limit:
        return "max_prompt_tokens"
    return None


def output_left(record: RunRecord) -> int | None:
    """Completion tokens the client still allows; None: as many as the model likes."""
    limit = record.run.max_completion_tokens
    return None if limit is None else limit - record.spent.completion_tokens


def tool_choice(record: RunRecord, tools: list[Json]) -> Any:
    """The client's choice; a forced one holds for the first turn only, or the run would never end."""
    choice = record.run.tool_choice
    if not tools:
        return "auto"
    if choice in ("none", "auto"):
        return choice
    if record.turns > 0:
        return "auto"
    if choice == "required":
        return choice
    name = choice["function"]["name"] if choice["type"] == "function" else choice["type"]
    # A host without a sandbox offers no code interpreter; endpoints refuse a choice that they were not offered.
    if any(tool.get("name") == name for tool in tools):
        return {"type": "function", "name": name}
    searches = [tool["type"] for tool in tools if tool["type"] in web_search.OWN]
    return {"type": searches[0]} if searches and name in (*web_search.OWN, *web_search.BING) else "auto"


def text_format(response_format: Any) -> Json | None:
    """`response_format` as `text.format`."""
    if response_format is None or response_format == "auto":
        return None
    if response_format["type"] != "json_schema":
        return {"type": response_format["type"]}
    schema = {key: value for key, value in response_format["json_schema"].items() if value is not None}
    return {"type": "json_schema", **schema}
