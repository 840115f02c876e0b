"""A tutor that runs code for every result; its answer is printed while it is written."""

from __future__ import annotations

import os
import sys

from openai import OpenAI

QUESTION = "I need to solve the equation 3x + 11 = 14. Can you help me?"


def main(question: str) -> None:
    """Ask, and print the code, what it printed, and the answer."""
    client = OpenAI()
    tutor = client.beta.assistants.create(
        model=os.environ.get("MODEL", "gpt-5.6-luna"),
        name="Math Tutor",
        instructions="You are a personal math tutor. Write and run code for every result, and explain each step.",
        tools=[{"type": "code_interpreter"}],
    )
    thread = client.beta.threads.create(messages=[{"role": "user", "content": question}])
    with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=tutor.id) as stream:
        for event in stream:
            if event.event == "thread.message.delta":
                for part in event.data.delta.content or []:
                    print(part.text.value if part.type == "text" and part.text else "", end="", flush=True)
            elif event.event == "thread.run.step.completed" and event.data.step_details.type == "tool_calls":
                for call in event.data.step_details.tool_calls:
                    if call.type == "code_interpreter":
                        outputs = (each.logs for each in call.code_interpreter.outputs if each.type == "logs")
                        print(call.code_interpreter.input, "->", *outputs)
    print()
    client.beta.threads.delete(thread.id)
    client.beta.assistants.delete(tutor.id)


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]) or QUESTION)
