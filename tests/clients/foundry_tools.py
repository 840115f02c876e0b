"""A program of Foundry Agents (classic) whose agents use tools of each class at run time, told step by step.

    python foundry_tools.py VERSION ENDPOINT TOKEN PLACES

VERSION is an azure-ai-agents that PYTHONPATH leads to and that knows MCP, ENDPOINT a project's. PLACES is JSON of where
the tools are: `mcp` and `everything` (URLs of MCP servers), `api` and `workflow` (OpenAPI documents), `queues` (an
endpoint of queues) and `index` (the id of a connection). Each finished step prints a line.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import pytest
from azure.ai.agents import AgentsClient, _version, models
from azure.ai.agents.aio import AgentsClient as AsyncAgentsClient
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError

VERSION, ENDPOINT, TOKEN = sys.argv[1:4]
PLACES = json.loads(sys.argv[4])
assert _version.VERSION == VERSION
SOON = {"polling_interval": 0.05}


class Credential:
    """What `DefaultAzureCredential` does, for a token that is there."""

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        return AccessToken(TOKEN, int(time.time()) + 3600)


class AsyncCredential:
    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        return AccessToken(TOKEN, int(time.time()) + 3600)

    async def close(self) -> None: ...


agents = AgentsClient(endpoint=ENDPOINT, credential=Credential())


def agent_with(tool, **more):
    return agents.create_agent(model="gpt-4o", tools=tool.definitions, tool_resources=tool.resources, **more)


def asked(question):
    thread = agents.threads.create()
    agents.messages.create(thread_id=thread.id, role="user", content=question)
    return thread


def answer(thread):
    return agents.messages.get_last_message_text_by_role(thread_id=thread.id, role="assistant").text.value


def processed(question, agent, **more):
    thread = asked(question)
    run = agents.runs.create_and_process(thread_id=thread.id, agent_id=agent.id, **SOON, **more)
    assert run.status == models.RunStatus.COMPLETED, run.last_error
    return thread, run


def calls_of(thread, run):
    steps = agents.run_steps.list(thread_id=thread.id, run_id=run.id, order="asc")
    return [call for step in steps if step.type == "tool_calls" for call in step.step_details.tool_calls]


class Listener(models.AgentEventHandler):  # type: ignore[misc]  # the packages are there when it is told
    """Writes down what each handler is told."""

    def __init__(self):
        super().__init__()
        self.text = ""
        self.runs: list[Any] = []
        self.steps: list[Any] = []
        self.calls: list[Any] = []
        self.unhandled: list[Any] = []

    def on_message_delta(self, delta):
        self.text += delta.text

    def on_thread_run(self, run):
        self.runs.append(run)

    def on_run_step(self, step):
        self.steps.append(step)

    def on_run_step_delta(self, delta):
        assert isinstance(delta, models.RunStepDeltaChunk)
        assert isinstance(delta.delta.step_details, models.RunStepDeltaToolCallObject)
        self.calls += delta.delta.step_details.tool_calls

    def on_error(self, data):
        self.unhandled.append(data)

    def on_unhandled_event(self, event_type, event_data):
        self.unhandled.append(event_type)


def streamed(question, agent, kind):
    """The thread of a streamed run, what was heard, and the deltas of its calls, which are all of that class."""
    thread, listener = asked(question), Listener()
    with agents.runs.stream(thread_id=thread.id, agent_id=agent.id, event_handler=listener) as stream:
        stream.until_done()
    assert not listener.unhandled
    assert listener.calls
    assert {type(each) for each in listener.calls} == {kind}
    return thread, listener


def weather_server(approval):
    tool = models.McpTool(server_label="weather", server_url=PLACES["mcp"], allowed_tools=["forecast", "order"])
    tool.set_approval_mode(approval)
    return tool


class Approver(models.RunHandler):  # type: ignore[misc]
    """Approves the calls that it is asked about, or not."""

    def __init__(self, approve):
        self.approve, self.asked = approve, []

    def submit_mcp_tool_approval(self, *, run, tool_call, **more):
        self.asked.append(tool_call)
        return models.ToolApproval(tool_call_id=tool_call.id, approve=self.approve)


def tools_of_a_server_are_listed_and_called():
    agent = agent_with(weather_server("never"))
    thread, run = processed("forecast Oslo", agent)
    assert answer(thread) == "I heard: rain in Oslo"
    listed, called, said = agents.run_steps.list(thread_id=thread.id, run_id=run.id, order="asc")
    assert isinstance(listed.step_details, models.RunStepActivityDetails)
    [activity] = listed.step_details.activities
    assert isinstance(activity, models.RunStepDetailsActivity)
    assert (activity.server_label, {*activity.tools}) == ("weather", {"forecast", "order"})
    assert activity.tools["forecast"].description == "The weather of tomorrow."
    assert activity.tools["forecast"].parameters.required == ["city"]
    [call] = called.step_details.tool_calls
    assert isinstance(call, models.RunStepMcpToolCall)
    assert (call.name, call.server_label, call.output) == ("forecast", "weather", "rain in Oslo")
    assert json.loads(call.arguments) == {"city": "Oslo"}
    assert said.type == models.RunStepType.MESSAGE_CREATION


def calls_are_approved_or_not_by_a_handler():
    agent = agent_with(weather_server("always"))
    for approve, told in ((True, "ordered red"), (False, "did not approve")):
        approver = Approver(approve)
        thread, run = processed("order red", agent, run_handler=approver)
        [asked_for] = approver.asked
        assert isinstance(asked_for, models.RequiredMcpToolCall)
        assert (asked_for.name, asked_for.server_label) == ("order", "weather")
        assert told in calls_of(thread, run)[0].output
        assert told in answer(thread)


def approvals_of_a_run_are_its_own():
    """An agent that always asks, whose run says that it need not, or says it tool by tool."""
    agent = agent_with(weather_server("always"))
    approver = Approver(True)
    resources = weather_server("never").resources
    thread = asked("order red")
    run = agents.runs.create(thread_id=thread.id, agent_id=agent.id, tool_resources=resources)
    assert finished(thread, run).status == models.RunStatus.COMPLETED
    server = models.MCPToolResource(
        server_label="weather",
        headers={},
        require_approval=models.MCPApprovalPerTool(never=models.MCPToolList(tool_names=["forecast"])),
    )
    per_tool = models.ToolResources(mcp=[server])
    for question, waits in (("forecast Oslo", False), ("order red", True)):
        thread = asked(question)
        run = agents.runs.create(thread_id=thread.id, agent_id=agent.id, tool_resources=per_tool)
        run = finished(thread, run)
        assert (run.status == models.RunStatus.REQUIRES_ACTION) == waits
    assert approver.asked == []
    agents.runs.cancel(thread_id=thread.id, run_id=run.id)


def finished(thread, run):
    while run.status in (models.RunStatus.QUEUED, models.RunStatus.IN_PROGRESS):
        time.sleep(0.05)
        run = agents.runs.get(thread_id=thread.id, run_id=run.id)
    return run


def a_streamed_run_waits_for_an_approval_and_is_streamed_on():
    agent = agent_with(weather_server("always"))
    thread, first = streamed("order red", agent, models.RunStepDeltaMcpToolCall)
    assert first.steps[0].type == models.RunStepType.ACTIVITIES
    waiting = first.runs[-1]
    assert waiting.status == models.RunStatus.REQUIRES_ACTION
    assert isinstance(waiting.required_action, models.SubmitToolApprovalAction)
    [wanted] = waiting.required_action.submit_tool_approval.tool_calls
    assert isinstance(wanted, models.RequiredMcpToolCall)
    said, rest = models.ToolApproval(tool_call_id=wanted.id, approve=True), Listener()
    agents.runs.submit_tool_outputs_stream(
        thread_id=thread.id, run_id=waiting.id, tool_approvals=[said], event_handler=rest
    )
    rest.until_done()
    assert rest.text == "I heard: ordered red"
    assert rest.runs[-1].status == models.RunStatus.COMPLETED
    assert not rest.unhandled
    [call] = calls_of(thread, waiting)
    assert isinstance(call, models.RunStepMcpToolCall)
    assert call.output == "ordered red"


def the_servers_of_others_are_called_too():
    for label, url in PLACES["everything"].items():
        tool = models.McpTool(server_label=label, server_url=url, allowed_tools=["echo", "get-sum"])
        tool.set_approval_mode("never")
        agent = agent_with(tool)
        thread, run = processed("echo hello", agent)
        assert answer(thread) == "I heard: Echo: hello"
        [call] = calls_of(thread, run)
        assert (call.name, call.server_label) == ("echo", label)
        thread, run = processed("sum", agent)
        assert calls_of(thread, run)[0].output == "The sum of 2 and 3 is 5."


def shop():
    auth = models.OpenApiAnonymousAuthDetails()
    return models.OpenApiTool(name="shop", spec=PLACES["api"], description="Umbrellas.", auth=auth)


def operations_of_a_document_are_called():
    agent = agent_with(shop())
    thread, run = processed("find red", agent)
    [call] = calls_of(thread, run)
    assert isinstance(call, models.RunStepOpenAPIToolCall)
    assert call.open_api["name"] == "find"
    assert json.loads(call.open_api["output"]) == {"colour": "red", "limit": 3}
    thread, heard = streamed("find blue", agent, models.RunStepDeltaOpenAPIToolCall)
    assert '"colour":"blue"' in heard.text.replace(" ", "")
    assert "".join(each.open_api.get("arguments") or "" for each in heard.calls) == '{"colour": "blue"}'


def a_logic_app_is_called_by_its_trigger():
    connection = PLACES["index"].replace("handbook", "workflow")
    scheme = models.OpenApiConnectionSecurityScheme(connection_id=connection)
    auth = models.OpenApiConnectionAuthDetails(security_scheme=scheme)
    tool = models.OpenApiTool(name="workflow", spec=PLACES["workflow"], description="The weather.", auth=auth)
    thread, run = processed("workflow Oslo", agent_with(tool))
    [call] = calls_of(thread, run)
    assert json.loads(call.open_api["output"]) == {"weather": "rain in Oslo"}


def an_azure_function_is_called_by_queues():
    queues = {
        f"{direction}_queue": models.AzureFunctionStorageQueue(
            storage_service_endpoint=PLACES["queues"], queue_name=f"weather-{direction}"
        )
        for direction in ("input", "output")
    }
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tool = models.AzureFunctionTool(name="weather", description="The weather.", parameters=parameters, **queues)
    agent = agent_with(tool)
    thread, run = processed("function Oslo", agent)
    assert answer(thread) == "I heard: Oslo: rain, 12 degrees."
    [call] = calls_of(thread, run)
    assert isinstance(call, models.RunStepAzureFunctionToolCall)
    assert (call.azure_function.name, call.azure_function.output) == ("weather", "Oslo: rain, 12 degrees.")
    thread, heard = streamed("function Rome", agent, models.RunStepDeltaAzureFunctionToolCall)
    assert heard.text == "I heard: Rome: rain, 12 degrees."
    assert "".join(each.azure_function.arguments for each in heard.calls) == '{"city": "Rome"}'


def an_index_is_searched_and_its_documents_are_cited():
    tool = models.AzureAISearchTool(index_connection_id=PLACES["index"], index_name="rules", top_k=3)
    agent = agent_with(tool)
    thread, run = processed("index holiday", agent)
    [call] = calls_of(thread, run)
    assert isinstance(call, models.RunStepAzureAISearchToolCall)
    assert call.azure_ai_search["input"] == "holiday"
    assert "Thirty days of holiday." in call.azure_ai_search["output"]
    message = agents.messages.get_last_message_by_role(thread_id=thread.id, role="assistant")
    [citation] = message.url_citation_annotations
    assert isinstance(citation, models.MessageTextUrlCitationAnnotation)
    assert (citation.url_citation.url, citation.url_citation.title) == ("https://x.example/1", "Holidays")
    thread, heard = streamed("index holiday", agent, models.RunStepDeltaAzureAISearchToolCall)
    assert "".join(each.azure_ai_search["input"] for each in heard.calls) == "holiday"


def an_agent_asks_another_one():
    other = agents.create_agent(model="gpt-4o", instructions="Prices.")
    agent = agent_with(models.ConnectedAgentTool(id=other.id, name="stocks", description="knows prices"))
    thread, heard = streamed("ask them", agent, models.RunStepDeltaConnectedAgentToolCall)
    assert heard.text == "I heard: You said: price please"
    begun = heard.calls[0].connected_agent
    assert (begun.name, begun.agent_id) == ("stocks", other.id)
    assert agents.runs.get(thread_id=begun.thread_id, run_id=begun.run_id).status == models.RunStatus.COMPLETED
    [call] = calls_of(thread, heard.runs[-1])
    assert isinstance(call, models.RunStepConnectedAgentToolCall)
    assert call.connected_agent.output == "You said: price please"


def the_web_is_searched_as_bing_was():
    for tool, kind, delta in (
        (
            models.BingGroundingTool(connection_id=PLACES["index"]),
            models.RunStepBingGroundingToolCall,
            models.RunStepDeltaBingGroundingToolCall,
        ),
        (
            models.BingCustomSearchTool(connection_id=PLACES["index"], instance_name="i"),
            models.RunStepBingCustomSearchToolCall,
            models.RunStepDeltaCustomBingGroundingToolCall,
        ),
    ):
        agent = agent_with(tool)
        thread, heard = streamed("news please", agent, delta)
        [call] = calls_of(thread, heard.runs[-1])
        assert isinstance(call, kind)
        message = agents.messages.get_last_message_by_role(thread_id=thread.id, role="assistant")
        [citation] = message.url_citation_annotations
        assert isinstance(citation, models.MessageTextUrlCitationAnnotation)
        assert citation.url_citation.url == "https://yr.no"


def an_attachment_may_be_an_asset():
    notes = agents.files.upload_and_poll(file=("notes.txt", b"raclette"), purpose="assistants", **SOON)
    thread, tools = agents.threads.create(), models.FileSearchTool().definitions

    def attach(asset):
        source = models.VectorStoreDataSource(asset_identifier=asset, asset_type="id_asset")
        attachment = models.MessageAttachment(data_source=source, tools=tools)
        return agents.messages.create(thread_id=thread.id, role="user", content="x", attachments=[attachment])

    [attached] = attach(notes.id).attachments
    assert (attached.file_id, attached.data_source.asset_identifier) == (notes.id, notes.id)
    [store_id] = agents.threads.get(thread.id).tool_resources.file_search.vector_store_ids
    assert [each.id for each in agents.vector_store_files.list(store_id)] == [notes.id]
    with pytest.raises(HttpResponseError, match="data in Azure"):
        attach("azureml://subscriptions/s/data/notes.txt")


def the_async_client_does_the_same():
    class AsyncApprover(models.AsyncRunHandler):  # type: ignore[misc]
        # The SDK does not await it.
        def submit_mcp_tool_approval(self, *, run, tool_call, **more):
            return models.ToolApproval(tool_call_id=tool_call.id, approve=True)

    class AsyncListener(models.AsyncAgentEventHandler):  # type: ignore[misc]
        text, last = "", None

        async def on_message_delta(self, delta):
            self.text += delta.text

        async def on_thread_run(self, run):
            self.last = run

    async def tell():
        async with AsyncAgentsClient(endpoint=ENDPOINT, credential=AsyncCredential()) as client:

            async def threaded(question):
                thread = await client.threads.create()
                await client.messages.create(thread_id=thread.id, role="user", content=question)
                return thread

            tool = weather_server("always")
            agent = await client.create_agent(model="gpt-4o", tools=tool.definitions, tool_resources=tool.resources)
            thread = await threaded("order red")
            run = await client.runs.create_and_process(
                thread_id=thread.id, agent_id=agent.id, run_handler=AsyncApprover(), **SOON
            )
            assert run.status == models.RunStatus.COMPLETED
            thread, first = await threaded("order blue"), AsyncListener()
            async with await client.runs.stream(thread_id=thread.id, agent_id=agent.id, event_handler=first) as stream:
                await stream.until_done()
            [wanted] = first.last.required_action.submit_tool_approval.tool_calls
            said, rest = models.ToolApproval(tool_call_id=wanted.id, approve=True), AsyncListener()
            await client.runs.submit_tool_outputs_stream(
                thread_id=thread.id, run_id=first.last.id, tool_approvals=[said], event_handler=rest
            )
            await rest.until_done()
            assert (rest.text, rest.last.status) == ("I heard: ordered blue", models.RunStatus.COMPLETED)
            tool = shop()
            agent = await client.create_agent(model="gpt-4o", tools=tool.definitions)
            thread = await threaded("find red")
            run = await client.runs.create_and_process(thread_id=thread.id, agent_id=agent.id, **SOON)
            steps = [each async for each in client.run_steps.list(thread_id=thread.id, run_id=run.id, order="asc")]
            assert isinstance(steps[0].step_details.tool_calls[0], models.RunStepOpenAPIToolCall)

    asyncio.run(tell())


STORIES = [
    tools_of_a_server_are_listed_and_called,
    calls_are_approved_or_not_by_a_handler,
    approvals_of_a_run_are_its_own,
    a_streamed_run_waits_for_an_approval_and_is_streamed_on,
    the_servers_of_others_are_called_too,
    operations_of_a_document_are_called,
    a_logic_app_is_called_by_its_trigger,
    an_azure_function_is_called_by_queues,
    an_index_is_searched_and_its_documents_are_cited,
    an_agent_asks_another_one,
    the_web_is_searched_as_bing_was,
    an_attachment_may_be_an_asset,
    the_async_client_does_the_same,
]

if __name__ == "__main__":
    for tell in STORIES:
        tell()
        print(tell.__name__.replace("_", " "), flush=True)
    print("the end")
