"""A run as it is drafted: what the request says, else the assistant."""

from __future__ import annotations

from shared import ids, layout
from shared.budgets.own import limits_of
from shared.deps import Caller
from shared.objects.assistant import Assistant
from shared.objects.run import Run, RunRecord
from shared.objects.run_requests import RunSettings
from shared.objects.thread import Head
from shared.objects.tools.tools import choice_json, tools_json
from shared.runs import checks, waiting


def run_record(caller: Caller, thread_id: str, body: RunSettings, assistant: Assistant, head: Head) -> RunRecord:
    """The run with everything resolved: the request's value, else the assistant's."""
    now = caller.deps.now()
    run = Run(
        id=ids.numbered(layout.RUN, head.next.run),
        created_at=now,
        assistant_id=assistant.id,
        thread_id=thread_id,
        expires_at=now + caller.deps.settings.run_lifetime_seconds,
        model=assistant.model if body.model is None else body.model,
        instructions=(assistant.instructions if body.instructions is None else body.instructions) or "",
        tools=assistant.tools if body.tools is None else tools_json(body.tools),
        metadata=body.metadata or {},
        temperature=assistant.temperature if body.temperature is None else body.temperature,
        top_p=assistant.top_p if body.top_p is None else body.top_p,
        reasoning_effort=assistant.reasoning_effort if body.reasoning_effort is None else body.reasoning_effort,
        max_completion_tokens=body.max_completion_tokens,
        max_prompt_tokens=body.max_prompt_tokens,
        truncation_strategy=body.truncation_json(),
        response_format=assistant.response_format
        if body.response_format is None
        else choice_json(body.response_format),
        tool_choice=choice_json(body.tool_choice),
        parallel_tool_calls=True if body.parallel_tool_calls is None else body.parallel_tool_calls,
    )
    head.next.run += 1
    record = RunRecord(
        run=run,
        owner=caller.owner,
        next=head.next.replace(),
        first=head.next.replace(),
        calls=head.calls,
        head_extra=head.later,
        resources=dict(assistant.tool_resources),
        as_assistant=is_as_assistant(run, body, assistant),
        answered_by=caller.deps.llm.answering(run.model),
        server_tools=checks.opted(body, assistant.metadata),
        budget=None if (given := limits_of(assistant.metadata)) is None else given.model_dump(exclude_none=True),
    )
    waiting.settle(caller.deps, record)
    caller.deps.telemetry.begin(record, assistant.name)
    return record


def is_as_assistant(run: Run, body: RunSettings, assistant: Assistant) -> bool:
    """Whether what the model reads before the messages is the same as in the assistant's other runs."""
    names = ("model", "tools", "reasoning_effort", "response_format")
    same = all(getattr(run, name) == getattr(assistant, name) for name in names)
    same_tools = checks.opted(body, assistant.metadata) == assistant.metadata.get(checks.SERVER_TOOLS, "").split()
    return same and same_tools and run.instructions == (assistant.instructions or "")
