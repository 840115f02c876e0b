"""Questions about documents: they are uploaded into a vector store, and the answer cites where it stands."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from openai import OpenAI

QUESTION = "How many days of holiday do I have, and can I take them into the next year?"
FOLDER = Path(__file__).parent.parent / "shared/demo/samples/company_handbook"


def main(question: str) -> None:
    """Upload the documents, ask, print the answer with its sources."""
    client = OpenAI()
    files = [client.files.create(file=path, purpose="assistants") for path in sorted(FOLDER.glob("*.md"))]
    store = client.vector_stores.create(name="Handbook")
    client.vector_stores.file_batches.create_and_poll(store.id, file_ids=[file.id for file in files])
    clerk = client.beta.assistants.create(
        model=os.environ.get("MODEL", "gpt-5.6-luna"),
        name="Company Handbook",
        instructions="You answer from the company's handbook and travel rules. Search them and cite the place.",
        tools=[{"type": "file_search"}],
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
    )
    run = client.beta.threads.create_and_run_poll(
        assistant_id=clerk.id, thread={"messages": [{"role": "user", "content": question}]}
    )
    print(run.status)
    names = {file.id: file.filename for file in files}
    for message in client.beta.threads.messages.list(run.thread_id, run_id=run.id, order="asc"):
        for part in message.content:
            if part.type == "text":
                print(part.text.value)
                cited = [each for each in part.text.annotations if each.type == "file_citation"]
                print(*(f"{each.text} = {names[each.file_citation.file_id]}" for each in cited), sep="\n")
    client.beta.threads.delete(run.thread_id)
    client.beta.assistants.delete(clerk.id)
    client.vector_stores.delete(store.id)
    for file in files:
        client.files.delete(file.id)


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]) or QUESTION)
