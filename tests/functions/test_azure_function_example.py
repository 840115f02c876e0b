"""The example of an Azure function as a tool: under the Functions runtime, called by a box through Azurite."""

from __future__ import annotations

import time
from pathlib import Path

import httpx2
from azure.storage.queue import QueueServiceClient

from shared.llm.scripted import call, text
from tests.api.conftest import KEY, Box
from tests.functions.conftest import ROOT, serving


def test_the_example_answers_an_assistant(azurite: str, tmp_path: Path):
    endpoint = next(each for each in azurite.split(";") if each.startswith("QueueEndpoint=")).partition("=")[2]
    host = endpoint.partition("//")[2].partition("/")[0]
    box = Box(tmp_path, {"AzureWebJobsStorage": azurite, "azure_function_queue_hosts": host})
    box.llm.script([call("weather", city="Oslo"), call("weather", city=" ")], [text("Rain.")])
    bindings = {
        f"{direction}_binding": {
            "type": "storage_queue",
            "storage_queue": {"queue_service_endpoint": endpoint, "queue_name": f"weather-{direction}"},
        }
        for direction in ("input", "output")
    }
    tool = {"type": "azure_function", "azure_function": {"function": {"name": "weather"}, **bindings}}
    with QueueServiceClient.from_connection_string(azurite) as queues:
        queues.create_queue("weather-input")
    box.start()
    try:
        with serving(app=ROOT / "examples" / "azure_function", AzureWebJobsStorage=azurite):
            headers = {"Authorization": f"Bearer {KEY}"}
            with httpx2.Client(base_url=f"{box.url}/v1/", headers=headers, timeout=20) as http:
                assistant = http.post("assistants", json={"model": "gpt-x", "tools": [tool]}).json()["id"]
                thread = {"messages": [{"role": "user", "content": "Weather?"}]}
                run = http.post("threads/runs", json={"assistant_id": assistant, "thread": thread}).json()
                path = f"threads/{run['thread_id']}/runs/{run['id']}"
                end = time.monotonic() + 60
                while run["status"] in ("queued", "in_progress") and time.monotonic() < end:
                    time.sleep(0.1)
                    run = http.get(path).json()
                step = http.get(f"{path}/steps?order=asc").json()["data"][0]
    finally:
        box.stop()
    assert run["status"] == "completed"
    said = [each["azure_function"]["output"] for each in step["step_details"]["tool_calls"]]
    assert said == ["Oslo: rain, 12 degrees.", "There is no forecast: ValueError('which city?')"]
