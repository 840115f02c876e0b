"""Questions about a CSV file; a chart comes back as a file of the API and is written beside this program's caller."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from openai import OpenAI

QUESTION = "Draw a chart of the failed banks by state."
FILE = Path(__file__).parent.parent / "shared/demo/samples/failed_banks/failed_banks.csv"


def main(question: str) -> None:
    """Upload the file, ask, print the answer and keep its charts."""
    client = OpenAI()
    file = client.files.create(file=FILE, purpose="assistants")
    analyst = client.beta.assistants.create(
        model=os.environ.get("MODEL", "gpt-5.6-luna"),
        name="Failed Banks",
        instructions="You answer questions about failed banks from the file failed_banks.csv. Read it with code.",
        tools=[{"type": "code_interpreter"}],
        tool_resources={"code_interpreter": {"file_ids": [file.id]}},
    )
    run = client.beta.threads.create_and_run_poll(
        assistant_id=analyst.id, thread={"messages": [{"role": "user", "content": question}]}
    )
    print(run.status)
    for message in client.beta.threads.messages.list(run.thread_id, run_id=run.id, order="asc"):
        for part in message.content:
            if part.type == "text":
                print(part.text.value)
            elif part.type == "image_file":
                chart = client.files.content(part.image_file.file_id)
                Path("chart.png").write_bytes(chart.read())
                print("chart.png")
    client.beta.threads.delete(run.thread_id)
    client.beta.assistants.delete(analyst.id)
    client.files.delete(file.id)


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]) or QUESTION)
