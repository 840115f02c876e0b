"""Tools of Foundry Agents (classic): kept as they came, in every object, and what becomes of runs with them."""

from __future__ import annotations

import pytest
from openai import BadRequestError

from shared.llm.scripted import call, text
from shared.runs import kinds

CONNECTION = "/subscriptions/s/resourceGroups/g/providers/p/accounts/a/projects/p/connections/c"
FUNCTION = {"name": "weather", "description": "d", "parameters": {"type": "object", "properties": {}}}
QUEUE = {
    "type": "storage_queue",
    "storage_queue": {"queue_service_endpoint": "https://acc.queue.core.windows.net", "queue_name": "in"},
}
#: One of each, with every member that there is.
TOOLS = {
    "azure_ai_search": {},
    "azure_function": {"azure_function": {"function": FUNCTION, "input_binding": QUEUE, "output_binding": QUEUE}},
    "bing_custom_search": {
        "bing_custom_search": {
            "search_configurations": [{"connection_id": CONNECTION, "instance_name": "i", "count": 3}]
        }
    },
    "bing_grounding": {
        "bing_grounding": {
            "search_configurations": [
                {"connection_id": CONNECTION, "market": "en-US", "set_lang": "en", "count": 5, "freshness": "Day"}
            ]
        }
    },
    "browser_automation": {"browser_automation": {"connection": {"id": CONNECTION}}},
    "computer_use_preview": {
        "computer_use_preview": {"display_width": 1024, "display_height": 768, "environment": "windows"}
    },
    "connected_agent": {"connected_agent": {"id": "asst_a", "name": "stocks", "description": "knows prices"}},
    "deep_research": {
        "deep_research": {
            "deep_research_model": "o3-deep-research",
            "bing_grounding_connections": [{"connection_id": CONNECTION}],
        }
    },
    "fabric_dataagent": {"fabric_dataagent": {"connections": [{"connection_id": CONNECTION}]}},
    "image_generation": {"size": "1024x1024"},
    "mcp": {
        "server_label": "github",
        "server_url": "https://gitmcp.io/Azure/azure-rest-api-specs",
        "allowed_tools": ["search"],
        "require_approval": {"never": {"tool_names": ["search"]}},
    },
    "openapi": {
        "openapi": {
            "name": "countries",
            "description": "d",
            "spec": {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {}},
            "auth": {"type": "managed_identity", "security_scheme": {"audience": "https://example.com"}},
            "default_params": ["format"],
            "functions": [FUNCTION],
        }
    },
    "sharepoint_grounding": {"sharepoint_grounding": {"connections": [{"connection_id": CONNECTION}]}},
    "web_search": {"search_context_size": "low", "user_location": {"type": "approximate", "country": "NO"}},
    "web_search_preview": {},
}
RESOURCES = {
    "azure_ai_search": {
        "indexes": [{"index_connection_id": CONNECTION, "index_name": "i", "query_type": "simple", "top_k": 3}]
    },
    "mcp": [{"server_label": "github", "headers": {}, "require_approval": "never"}],
    "code_interpreter": {"file_ids": [], "data_sources": [{"uri": "azureml://a", "type": "uri_asset"}]},
    "file_search": {
        "vector_stores": [
            {"name": "s", "configuration": {"data_sources": [{"uri": "https://a/b.txt", "type": "uri_asset"}]}}
        ]
    },
}


@pytest.fixture
def client(client):
    """The SDK as programs have it: its types know none of these tools, and it takes answers as they are."""
    return client.copy()


def tool(kind):
    return {"type": kind} | TOOLS[kind]


def test_there_is_an_example_of_each_kind():
    assert TOOLS.keys() == kinds.KINDS.keys() - {"function", "code_interpreter", "file_search"}


@pytest.mark.parametrize("kind", TOOLS)
def test_an_assistant_keeps_the_tool_as_it_came(http, kind):
    made = http.post("assistants", json={"model": "m", "tools": [tool(kind)]}).json()
    assert made["tools"] == [tool(kind)]
    assert http.get(f"assistants/{made['id']}").json() == made
    bare = http.post("assistants", json={"model": "m"}).json()["id"]
    assert http.post(f"assistants/{bare}", json={"tools": made["tools"]}).json()["tools"] == made["tools"]


def test_tool_resources_are_kept_in_assistants_threads_and_runs(http, llm):
    made = http.post("assistants", json={"model": "m", "tool_resources": RESOURCES}).json()
    assert made["tool_resources"] == RESOURCES
    assert http.get(f"assistants/{made['id']}").json() == made
    thread = http.post("threads", json={"tool_resources": RESOURCES}).json()
    assert thread["tool_resources"] == RESOURCES
    bare = http.post("threads", json={}).json()["id"]
    assert http.post(f"threads/{bare}", json={"tool_resources": RESOURCES}).json()["tool_resources"] == RESOURCES
    llm.script([text("ok")])
    body = {"assistant_id": made["id"], "tool_resources": RESOURCES}
    assert http.post(f"threads/{bare}/runs", json=body).json()["tool_resources"] == RESOURCES


def test_files_of_messages_leave_data_in_azure_where_it_is(http):
    """Attached files join what the thread's tools use."""
    files = [("purpose", (None, "assistants")), ("file", ("a.txt", b"a"))]
    file_id = http.post("files", files=files).json()["id"]
    thread = http.post("threads", json={"tool_resources": RESOURCES}).json()["id"]
    tools = [{"type": "code_interpreter"}, {"type": "file_search"}]
    message = {"role": "user", "content": "x", "attachments": [{"file_id": file_id, "tools": tools}]}
    assert http.post(f"threads/{thread}/messages", json=message).status_code == 200
    kept = http.get(f"threads/{thread}").json()["tool_resources"]
    assert kept["code_interpreter"] == RESOURCES["code_interpreter"] | {"file_ids": [file_id]}
    assert kept["file_search"]["vector_stores"] == RESOURCES["file_search"]["vector_stores"]
    assert len(kept["file_search"]["vector_store_ids"]) == 1


@pytest.mark.parametrize("kind", [kind for kind in TOOLS if isinstance(kinds.KINDS[kind], kinds.Refused)])
def test_a_run_with_a_tool_that_nobody_carries_out_fails_at_once_and_says_why(client, llm, kind):
    assistant = client.beta.assistants.create(model="m", tools=[tool(kind)])
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "x"}])
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    assert (run.status, run.last_error.code) == ("failed", "invalid_prompt")
    assert f"The tool '{kind}' is" in run.last_error.message
    assert llm.requests == []
    llm.script([text("ok")])
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id, tools=[])
    assert run.status == "completed"


def test_a_streamed_run_with_such_a_tool_says_so_in_its_last_event(client):
    assistant = client.beta.assistants.create(model="m", tools=[tool("fabric_dataagent")])
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "x"}])
    events = list(client.beta.threads.runs.create(thread.id, assistant_id=assistant.id, stream=True))
    assert events[-1].event == "thread.run.failed"
    assert "fabric_dataagent_preview" in events[-1].data.last_error.message


def test_a_run_whose_tools_would_read_data_in_azure_fails_at_once(client):
    assistant = client.beta.assistants.create(
        model="m", tools=[{"type": "file_search"}], tool_resources={"file_search": RESOURCES["file_search"]}
    )
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "x"}])
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    assert "'tool_resources.file_search.vector_stores' names data in Azure" in run.last_error.message


def test_the_model_is_told_that_data_in_azure_of_a_thread_is_out_of_reach(client, llm):
    llm.script(
        [call("file_search", queries=["rain"]), call("code_interpreter", code="print(1)")],
        [text("I cannot see your data in Azure.")],
    )
    tools = [{"type": "file_search"}, {"type": "code_interpreter"}]
    assistant = client.beta.assistants.create(model="m", tools=tools)
    thread = client.beta.threads.create(
        messages=[{"role": "user", "content": "x"}],
        tool_resources={kind: RESOURCES[kind] for kind in ("file_search", "code_interpreter")},
    )
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    assert run.status == "completed"
    outputs = [item["output"] for item in llm.requests[-1].input if item["type"] == "function_call_output"]
    assert [("data in Azure" in output) for output in outputs] == [True, True]


def test_a_kind_that_nobody_knows_stays_refused(client):
    with pytest.raises(BadRequestError, match=r"Invalid value: 'retrieval'\. Supported values are: 'code_"):
        client.beta.assistants.create(model="m", tools=[{"type": "retrieval"}])


def test_a_definition_of_another_shape_is_refused_with_the_place(client):
    wrong = [{"type": "connected_agent", "connected_agent": {"id": "asst_a"}}]
    with pytest.raises(BadRequestError, match=r"Missing required parameter: 'tools\[0\].connected_agent.name'"):
        client.beta.assistants.create(model="m", tools=wrong)


@pytest.mark.parametrize("path", ["assistants", "threads/runs"])
def test_two_servers_cannot_have_one_label(http, path):
    tools = [{"type": "mcp", "server_label": "one", "server_url": f"https://{each}.example"} for each in "ab"]
    tools = [{"type": "code_interpreter"}, tools[0], tools[1] | {"server_label": "two"}, tools[1]]
    made = http.post("assistants", json={"model": "gpt-x", "tools": tools[:3]})
    assert made.status_code == 200

    body = {"assistant_id": made.json()["id"]} if path == "threads/runs" else {"model": "gpt-x"}
    refused = http.post(path, json=body | {"tools": tools})

    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "tools[3].server_label"
    assert "an MCP server before it is called 'one', too" in refused.json()["error"]["message"]
    changed = http.post(f"assistants/{made.json()['id']}", json={"tools": tools})
    assert changed.json()["error"]["param"] == "tools[3].server_label"


def test_nor_are_they_told_two_things(http):
    mcp = [{"server_label": "one", "require_approval": each} for each in ("never", "always")]

    refused = http.post("assistants", json={"model": "gpt-x", "tool_resources": {"mcp": mcp}})

    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "tool_resources.mcp[1].server_label"


SEARCH = [{"type": "file_search"}]


def test_an_attachment_may_name_its_file_as_an_asset(http, client, thread):
    file = client.files.create(file=("cheese.txt", b"raclette"), purpose="assistants")
    source = {"uri": file.id, "type": "id_asset"}
    body = {"role": "user", "content": "x", "attachments": [{"data_source": source, "tools": SEARCH}]}

    made = http.post(f"threads/{thread.id}/messages", json=body).json()

    assert made["attachments"] == [{"file_id": file.id, "data_source": source, "tools": SEARCH}]
    [store_id] = client.beta.threads.retrieve(thread.id).tool_resources.file_search.vector_store_ids
    assert [each.id for each in client.vector_stores.files.list(store_id)] == [file.id]
    again = {"role": "user", "content": "y", "attachments": made["attachments"]}
    assert http.post(f"threads/{thread.id}/messages", json=again).json()["attachments"] == made["attachments"]


@pytest.mark.parametrize(
    ("attachment", "param", "words"),
    [
        ({"data_source": {"uri": "azureml://a/b.txt", "type": "uri_asset"}}, "data_source", "data in Azure"),
        ({"data_source": {"uri": "file-none", "type": "id_asset"}}, "", "file-none"),
        ({"data_source": {"type": "id_asset"}}, "data_source.uri", "Missing required parameter"),
        ({"data_source": {"uri": 7, "type": "id_asset"}}, "data_source.uri", "Invalid type"),
        ({"data_source": None}, "file_id", "Missing required parameter"),
        ({"file_id": "file-a", "data_source": {"uri": "file-b", "type": "id_asset"}}, "", "name two files"),
    ],
)
def test_an_asset_that_is_no_file_of_the_box_is_refused(http, thread, attachment, param, words):
    body = {"role": "user", "content": "x", "attachments": [attachment | {"tools": SEARCH}]}

    before = http.get(f"threads/{thread.id}/messages").json()["data"]

    response = http.post(f"threads/{thread.id}/messages", json=body)

    error = response.json()["error"]
    assert response.status_code == 400
    assert error["param"].startswith("attachments")
    assert error["param"].endswith(param)
    assert words in error["message"]
    assert http.get(f"threads/{thread.id}/messages").json()["data"] == before
