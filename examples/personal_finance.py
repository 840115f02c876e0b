"""Tools on both sides: the box fetches prices and sends mail itself, `note` is a function of this program."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from openai import OpenAI
from openai.types.beta import FunctionToolParam
from openai.types.beta.threads import Run
from openai.types.beta.threads.run_submit_tool_outputs_params import ToolOutput

QUESTION = "What investments do I own?"
FILE = Path(__file__).parent.parent / "shared/demo/samples/personal_finance/portfolio.csv"
NOTE: FunctionToolParam = {
    "type": "function",
    "function": {
        "name": "note",
        "description": "Keep a note for the user.",
        "parameters": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
    },
}


def main(question: str) -> None:
    """Ask, answer the calls that are ours, and print what was called and said."""
    client = OpenAI()
    file = client.files.create(file=FILE, purpose="assistants")
    adviser = client.beta.assistants.create(
        model=os.environ.get("MODEL", "gpt-5.6-luna"),
        name="Personal Finance",
        instructions="portfolio.csv has symbol, average_cost and quantity of each investment. Read it with code.",
        tools=[{"type": "code_interpreter"}, NOTE],
        tool_resources={"code_interpreter": {"file_ids": [file.id]}},
        metadata={"server_tools": "get_stock_price send_email"},
    )
    run = client.beta.threads.create_and_run_poll(
        assistant_id=adviser.id, thread={"messages": [{"role": "user", "content": question}]}
    )
    while run.status == "requires_action":
        run = answer(client, run)
    for step in client.beta.threads.runs.steps.list(run.id, thread_id=run.thread_id, order="asc"):
        if step.step_details.type == "tool_calls":
            for call in step.step_details.tool_calls:
                print("·", call.function.name if call.type == "function" else call.type)
    for message in client.beta.threads.messages.list(run.thread_id, run_id=run.id, order="asc"):
        print(*(part.text.value for part in message.content if part.type == "text"))
    client.beta.threads.delete(run.thread_id)
    client.beta.assistants.delete(adviser.id)
    client.files.delete(file.id)


def answer(client: OpenAI, run: Run) -> Run:
    """Carry out the functions that the run waits for."""
    assert run.required_action is not None
    outputs: list[ToolOutput] = []
    for call in run.required_action.submit_tool_outputs.tool_calls:
        print("note:", json.loads(call.function.arguments)["text"])
        outputs.append({"tool_call_id": call.id, "output": "kept"})
    return client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=run.thread_id, tool_outputs=outputs
    )


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]) or QUESTION)
