"""An assistant that answers in JSON, for a program that goes on with it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from openai import OpenAI

QUESTION = "Find the outliers."
FILE = Path(__file__).parent.parent / "shared/demo/samples/wind_farm/turbines.csv"
INSTRUCTIONS = """turbines.csv has one row per turbine: turbine_id, wind_speed_mph, rpm, voltage_kv, last_maintenance.
Normal are 33-35 kV and 15-25 RPM, and maintenance within 12 months. Read the file with code. Answer with JSON only: a
list with one object per outlier that has the turbine's five values and "problems", a list of short texts."""


def main(question: str) -> None:
    """Ask, and print one line per turbine."""
    client = OpenAI()
    file = client.files.create(file=FILE, purpose="assistants")
    engineer = client.beta.assistants.create(
        model=os.environ.get("MODEL", "gpt-5.6-luna"),
        name="Wind Farm",
        instructions=INSTRUCTIONS,
        tools=[{"type": "code_interpreter"}],
        tool_resources={"code_interpreter": {"file_ids": [file.id]}},
    )
    run = client.beta.threads.create_and_run_poll(
        assistant_id=engineer.id, thread={"messages": [{"role": "user", "content": question}]}
    )
    newest = client.beta.threads.messages.list(run.thread_id, limit=1).data[0]
    answer = next(part.text.value for part in newest.content if part.type == "text")
    for turbine in json.loads(answer[answer.index("[") : answer.rindex("]") + 1]):
        print(turbine["turbine_id"], *turbine["problems"], sep=" · ")
    client.beta.threads.delete(run.thread_id)
    client.beta.assistants.delete(engineer.id)
    client.files.delete(file.id)


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]) or QUESTION)
