"""A program of Foundry Agents (classic) as people wrote it, told step by step.

    python foundry.py VERSION ENDPOINT TOKEN

VERSION is any azure-ai-agents that PYTHONPATH leads to, ENDPOINT a project's. Each finished step prints a line.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from azure.ai.agents import AgentsClient, _version, models
from azure.ai.agents.aio import AgentsClient as AsyncAgentsClient
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError

VERSION, ENDPOINT, TOKEN = sys.argv[1:]
assert _version.VERSION == VERSION
#: Seconds between two looks of the SDK's polling.
SOON = {"polling_interval": 0.05}
CONNECTION = "/subscriptions/s/resourceGroups/g/providers/p/accounts/a/projects/p/connections/c"


class Credential:
    """What `DefaultAzureCredential` does, for a token that is there."""

    def __init__(self, token: str = TOKEN):
        self.token = token

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        assert scopes == ("https://ai.azure.com/.default",)
        return AccessToken(self.token, int(time.time()) + 3600)


class AsyncCredential:
    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        return Credential().get_token(*scopes, **options)

    async def close(self) -> None: ...


agents = AgentsClient(endpoint=ENDPOINT, credential=Credential())


def get_weather(city: str) -> str:
    """The weather of a city.

    :param city: Its name.
    :return: What it is like there.
    """
    return f"wet in {city}"


def asked(question):
    thread = agents.threads.create()
    agents.messages.create(thread_id=thread.id, role="user", content=question)
    return thread


def answer(thread):
    return agents.messages.get_last_message_text_by_role(thread_id=thread.id, role="assistant").text.value


def processed(question, agent, **more):
    thread = asked(question)
    return thread, agents.runs.create_and_process(thread_id=thread.id, agent_id=agent.id, **SOON, **more)


def refused(kind, call):
    """The error that a call ends with."""
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"{kind} was expected")


def agents_are_made_changed_listed_page_by_page_deleted(_):
    made = [agents.create_agent(model="gpt-4o", name=f"Tutor {number}", instructions="Teach.") for number in range(3)]
    assert datetime.now(UTC) - made[0].created_at < timedelta(minutes=5)
    assert agents.get_agent(made[0].id) == made[0]
    changed = agents.update_agent(agent_id=made[0].id, instructions="Be brief.", temperature=0.2)
    assert (changed.instructions, changed.name, changed.temperature) == ("Be brief.", "Tutor 0", 0.2)
    listed = [each.id for each in agents.list_agents(limit=1) if (each.name or "").startswith("Tutor ")]
    assert listed == [each.id for each in reversed(made)]
    for each in made:
        agents.delete_agent(each.id)
    assert refused(ResourceNotFoundError, lambda: agents.get_agent(made[0].id)).status_code == 404


def threads_and_messages_carry_text_images_and_attachments(_):
    notes = agents.files.upload_and_poll(file=("notes.txt", b"raclette"), purpose=models.FilePurpose.AGENTS, **SOON)
    message = models.ThreadMessageOptions(role=models.MessageRole.USER, content="one")
    thread = agents.threads.create(messages=[message], metadata={"a": "b"})
    tools = [*models.FileSearchTool().definitions, *models.CodeInterpreterTool().definitions]
    agents.messages.create(
        thread_id=thread.id,
        role=models.MessageRole.USER,
        content=[
            models.MessageInputTextBlock(text="two"),
            models.MessageInputImageUrlBlock(image_url=models.MessageImageUrlParam(url="https://example.com/a.png")),
        ],
        attachments=[models.MessageAttachment(file_id=notes.id, tools=tools)],
    )
    listed = list(agents.messages.list(thread_id=thread.id, order=models.ListSortOrder.ASCENDING, limit=1))
    assert [each.text_messages[0].text.value for each in listed] == ["one", "two"]
    assert listed[1].role == models.MessageRole.USER
    resources = agents.threads.get(thread.id).tool_resources
    assert resources.code_interpreter.file_ids == [notes.id]
    assert len(resources.file_search.vector_store_ids) == 1
    changed = agents.messages.update(thread_id=thread.id, message_id=listed[0].id, metadata={"seen": "yes"})
    assert changed.metadata == {"seen": "yes"}
    assert agents.threads.update(thread_id=thread.id, metadata={"c": "d"}).metadata == {"c": "d"}
    assert thread.id in [each.id for each in agents.threads.list(limit=2)]
    agents.threads.delete(thread.id)


def files_keep_their_names_and_go_out_as_they_came(_):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "räclette.txt")
        path.write_bytes(b"cheese")
        made = agents.files.upload_and_poll(file_path=str(path), purpose="assistants", **SOON)
        assert made.filename == "räclette.txt"
        assert b"".join(agents.files.get_content(made.id)) == b"cheese"
        agents.files.save(made.id, "again.txt", folder)
        assert Path(folder, "again.txt").read_bytes() == b"cheese"
    assert made.id in [each.id for each in agents.files.list().data]
    agents.files.delete(made.id)
    assert refused(HttpResponseError, lambda: agents.files.get(made.id)).status_code == 404


def vector_stores_take_files_one_by_one_and_in_batches(_):
    first, second = (
        agents.files.upload_and_poll(file=(f"{word}.txt", word.encode()), purpose="assistants", **SOON)
        for word in ("raclette", "fondue")
    )
    store = agents.vector_stores.create_and_poll(file_ids=[first.id], name="cheese", **SOON)
    assert (store.status, store.file_counts.completed) == (models.VectorStoreStatus.COMPLETED, 1)
    batch = agents.vector_store_file_batches.create_and_poll(vector_store_id=store.id, file_ids=[second.id], **SOON)
    assert batch.file_counts.completed == 1
    assert {each.id for each in agents.vector_store_files.list(store.id, limit=1)} == {first.id, second.id}
    agents.vector_store_files.delete(vector_store_id=store.id, file_id=first.id)
    assert agents.vector_stores.modify(vector_store_id=store.id, name="more cheese").name == "more cheese"
    assert store.id in [each.id for each in agents.vector_stores.list(limit=1)]
    agents.vector_stores.delete(store.id)


def a_run_is_polled_to_its_answer(agent):
    thread, run = processed("hello there", agent, metadata={"a": "b"})
    assert (run.status, run.metadata, run.agent_id) == (models.RunStatus.COMPLETED, {"a": "b"}, agent.id)
    assert (run.usage.prompt_tokens, run.usage.completion_tokens) == (10, 5)
    assert run.started_at <= run.completed_at
    assert answer(thread) == "You said: hello there"
    [step] = agents.run_steps.list(thread_id=thread.id, run_id=run.id)
    assert step.type == models.RunStepType.MESSAGE_CREATION
    message = agents.messages.get_last_message_by_role(thread_id=thread.id, role=models.MessageRole.AGENT)
    assert step.step_details.message_creation.message_id == message.id
    assert agents.run_steps.get(thread_id=thread.id, run_id=run.id, step_id=step.id) == step
    assert [each.id for each in agents.runs.list(thread_id=thread.id)] == [run.id]
    both = agents.create_thread_and_process_run(
        agent_id=agent.id,
        thread=models.AgentThreadCreationOptions(messages=[models.ThreadMessageOptions(role="user", content="hi you")]),
        **SOON,
    )
    assert both.status == models.RunStatus.COMPLETED


def functions_are_called_by_the_sdk(agent):
    functions = models.FunctionTool({get_weather})
    caller = agents.create_agent(model="gpt-4o", tools=functions.definitions)
    agents.enable_auto_function_calls({get_weather})
    thread, run = processed("weather Oslo Rome", caller)
    assert run.status == models.RunStatus.COMPLETED
    assert answer(thread) == "It is wet in Oslo，wet in Rome."
    steps = list(agents.run_steps.list(thread_id=thread.id, run_id=run.id, order="asc"))
    assert [step.type for step in steps] == ["message_creation", "tool_calls", "message_creation"]
    assert [call.function.name for call in steps[1].step_details.tool_calls] == ["get_weather"] * 2
    agents.delete_agent(caller.id)


def functions_are_called_by_the_program(agent):
    thread = asked("weather Oslo")
    run = agents.runs.create(thread_id=thread.id, agent_id=agent.id)
    while run.status in (models.RunStatus.QUEUED, models.RunStatus.IN_PROGRESS):
        time.sleep(0.05)
        run = agents.runs.get(thread_id=thread.id, run_id=run.id)
    assert isinstance(run.required_action, models.SubmitToolOutputsAction)
    [call] = run.required_action.submit_tool_outputs.tool_calls
    assert isinstance(call, models.RequiredFunctionToolCall)
    outputs = [models.ToolOutput(tool_call_id=call.id, output="dry")]
    run = agents.runs.submit_tool_outputs(thread_id=thread.id, run_id=run.id, tool_outputs=outputs)
    while run.status in (models.RunStatus.QUEUED, models.RunStatus.IN_PROGRESS):
        time.sleep(0.05)
        run = agents.runs.get(thread_id=thread.id, run_id=run.id)
    assert answer(thread) == "It is dry."


class Listener(models.AgentEventHandler):  # type: ignore[misc]  # the packages are there when it is told
    """Writes down what each handler is told."""

    def __init__(self):
        super().__init__()
        self.heard: dict[str, list[Any]] = {}

    def hear(self, name, told):
        self.heard.setdefault(name, []).append(told)

    def on_message_delta(self, delta):
        self.hear("delta", delta.text)

    def on_thread_message(self, message):
        self.hear("message", message.status)

    def on_thread_run(self, run):
        self.hear("run", run.status)

    def on_run_step(self, step):
        self.hear("step", step.type)

    def on_run_step_delta(self, delta):
        self.hear("step delta", delta.delta.step_details.type)

    def on_error(self, data):
        self.hear("error", data)

    def on_done(self):
        self.hear("done", True)

    def on_unhandled_event(self, event_type, event_data):
        self.hear("unhandled", event_type)


def a_run_is_streamed_to_every_handler_with_its_function_calls(agent):
    thread, listener = asked("weather Oslo"), Listener()
    agents.enable_auto_function_calls({get_weather})
    with agents.runs.stream(thread_id=thread.id, agent_id=agent.id, event_handler=listener) as stream:
        stream.until_done()
    assert "".join(listener.heard["delta"]) == "Let me look.It is wet in Oslo."
    assert listener.heard["run"][-1] == models.RunStatus.COMPLETED
    assert models.RunStatus.REQUIRES_ACTION in listener.heard["run"]
    assert {*listener.heard["step"]} == {"message_creation", "tool_calls"}
    assert {*listener.heard["step delta"]} == {"tool_calls"}
    assert {"error", "unhandled"}.isdisjoint(listener.heard)
    assert listener.heard["done"]
    with agents.runs.stream(thread_id=asked("hello you").id, agent_id=agent.id) as stream:
        events = [event_type for event_type, _, _ in stream]
    assert events[0] == models.AgentStreamEvent.THREAD_RUN_CREATED
    assert events[-1] == models.AgentStreamEvent.DONE


def code_runs_and_its_chart_and_file_arrive(agent):
    thread, run = processed("chart please", agent)
    message = agents.messages.get_last_message_by_role(thread_id=thread.id, role="assistant")
    [chart], [path] = message.image_contents, message.file_path_annotations
    assert b"".join(agents.files.get_content(chart.image_file.file_id)).startswith(b"\x89PNG")
    assert b"".join(agents.files.get_content(path.file_path.file_id)) == b"n\n2\n"
    calls = next(each for each in agents.run_steps.list(thread.id, run.id) if each.type == "tool_calls")
    outputs = calls.step_details.tool_calls[0].code_interpreter.outputs
    assert {type(each) for each in outputs} >= {models.RunStepCodeInterpreterLogOutput}


def files_are_searched_and_cited(agent):
    cheese = agents.files.upload_and_poll(file=("cheese.txt", b"raclette melts"), purpose="assistants", **SOON)
    store = agents.vector_stores.create_and_poll(file_ids=[cheese.id], **SOON)
    tool = models.FileSearchTool(vector_store_ids=[store.id])
    agents.update_agent(agent_id=agent.id, tools=[*agent.tools], tool_resources=tool.resources)
    include = [models.RunAdditionalFieldList.FILE_SEARCH_CONTENTS]
    thread, run = processed("search raclette", agent, include=include)
    message = agents.messages.get_last_message_by_role(thread_id=thread.id, role="assistant")
    assert [each.file_citation.file_id for each in message.file_citation_annotations] == [cheese.id]
    calls = next(
        each for each in agents.run_steps.list(thread.id, run.id, include=include) if each.type == "tool_calls"
    )
    [result] = calls.step_details.tool_calls[0].file_search.results
    assert result.content[0].text == "raclette melts"


def the_web_is_searched_and_cited(_):
    tool = models.BingGroundingTool(connection_id=CONNECTION, count=3)
    agent = agents.create_agent(model="gpt-4o", tools=tool.definitions)
    thread, run = processed("news please", agent)
    message = agents.messages.get_last_message_by_role(thread_id=thread.id, role="assistant")
    [citation] = message.url_citation_annotations
    assert (citation.text, citation.url_citation.url, citation.url_citation.title) == ("[yr]", "https://yr.no", "Yr")
    steps = list(agents.run_steps.list(thread.id, run.id, order="asc"))
    [call] = steps[0].step_details.tool_calls
    assert isinstance(call, models.RunStepBingGroundingToolCall)
    assert call.bing_grounding["requesturl"].endswith("q=news+of+Oslo")
    thread = asked("news please")
    cited: list[Any] = []
    searched: list[Any] = []
    with agents.runs.stream(thread_id=thread.id, agent_id=agent.id) as stream:
        for _, data, _ in stream:
            if isinstance(data, models.MessageDeltaChunk):
                for part in data.delta.content:
                    cited += part.text.annotations or []
            if isinstance(data, models.RunStepDeltaChunk):
                searched += data.delta.step_details.tool_calls
    assert [type(each) for each in cited] == [models.MessageDeltaTextUrlCitationAnnotation]
    assert [each.type for each in searched] == ["bing_grounding"]
    agents.delete_agent(agent.id)


def an_agent_asks_another_one(agent):
    other = agents.create_agent(model="gpt-4o", instructions="Prices.")
    tool = models.ConnectedAgentTool(id=other.id, name="stocks", description="knows prices")
    asking = agents.create_agent(model="gpt-4o", tools=tool.definitions)
    thread, run = processed("ask them", asking)
    assert answer(thread) == "I heard: You said: price please"
    steps = list(agents.run_steps.list(thread.id, run.id, order="asc"))
    [call] = steps[0].step_details.tool_calls
    asked = call["connected_agent"]  # 1.1 has no class for it
    assert (asked["name"], asked["output"]) == ("stocks", "You said: price please")
    assert agents.runs.get(thread_id=asked["thread_id"], run_id=asked["run_id"]).agent_id == other.id
    if VERSION.startswith("1.2"):
        assert isinstance(call, models.RunStepConnectedAgentToolCall)
        assert call.connected_agent.agent_id == other.id
    agents.delete_agent(asking.id)
    agents.delete_agent(other.id)


def runs_fail_and_are_cancelled_in_ways_that_programs_understand(agent):
    _, failed = processed("fail please", agent)
    assert (failed.status, failed.last_error.code) == (models.RunStatus.FAILED, "rate_limit_exceeded")
    thread = asked("slow please")
    run = agents.runs.create(thread_id=thread.id, agent_id=agent.id)
    assert agents.runs.cancel(thread_id=thread.id, run_id=run.id).status in ("cancelling", "cancelled")
    while agents.runs.get(thread_id=thread.id, run_id=run.id).status == "cancelling":
        time.sleep(0.05)
    assert agents.runs.get(thread_id=thread.id, run_id=run.id).status == models.RunStatus.CANCELLED


def errors_say_what_is_wrong(agent):
    wrong = refused(HttpResponseError, lambda: agents.create_agent(model="gpt-4o", temperature=9))
    assert (wrong.status_code, wrong.error.code) == (400, "decimal_above_max_value")
    assert "temperature" in wrong.error.message
    gone = refused(ResourceNotFoundError, lambda: agents.threads.get("thread_doesnotexist"))
    assert "thread_doesnotexist" in gone.message
    other = AgentsClient(endpoint=ENDPOINT, credential=Credential("wrong"))
    assert refused(ClientAuthenticationError, lambda: other.get_agent(agent.id)).error.code == "401"


def tools():
    """Each class of tool that this version has, as its samples make it."""
    openapi = {"openapi": "3.0.0", "info": {"title": "t", "version": "1"}, "paths": {}}
    queue = models.AzureFunctionStorageQueue(
        storage_service_endpoint="https://a.queue.core.windows.net", queue_name="q"
    )
    yield models.AzureAISearchTool(index_connection_id=CONNECTION, index_name="i", top_k=3, filter="a eq 1")
    yield models.AzureFunctionTool(
        name="f", description="d", parameters={"type": "object"}, input_queue=queue, output_queue=queue
    )
    yield models.BingGroundingTool(connection_id=CONNECTION, market="en-US", count=3)
    yield models.ConnectedAgentTool(id="asst_a", name="stocks", description="knows prices")
    yield models.OpenApiTool(name="o", description="d", spec=openapi, auth=models.OpenApiAnonymousAuthDetails())
    if VERSION.startswith("1.2"):
        yield models.BingCustomSearchTool(connection_id=CONNECTION, instance_name="i")
        yield models.BrowserAutomationTool(connection_id=CONNECTION)
        yield models.ComputerUseTool(display_width=800, display_height=600, environment="windows")
        yield models.DeepResearchTool(bing_grounding_connection_id=CONNECTION, deep_research_model="o3-deep-research")
        yield models.FabricTool(connection_id=CONNECTION)
        yield models.SharepointTool(connection_id=CONNECTION)
        server = models.McpTool(server_label="docs", server_url="https://example.com/mcp", allowed_tools=["search"])
        server.set_approval_mode("never")
        yield server


#: Where a tool that a box cannot have still lives.
ELSEWHERE = {
    "browser_automation": "browser_automation_preview",
    "computer_use_preview": "Foundry's new agents",
    "deep_research": "o3-deep-research",
    "fabric_dataagent": "fabric_dataagent_preview",
    "sharepoint_grounding": "sharepoint_grounding_preview",
}


def every_tool_is_kept_and_those_that_nobody_carries_out_say_so(_):
    for tool in tools():
        agent = agents.create_agent(model="gpt-4o", tools=tool.definitions, tool_resources=tool.resources)
        kept = agents.get_agent(agent.id)
        assert [*kept.tools] == [*tool.definitions], (kept.tools, tool.definitions)
        assert [type(each) for each in kept.tools] == [type(each) for each in tool.definitions]
        assert kept.tool_resources == tool.resources, (kept.tool_resources, tool.resources)
        [definition] = tool.definitions
        if definition.type in ELSEWHERE:
            _, run = processed("hello there", agent)
            assert run.status == models.RunStatus.FAILED
            assert definition.type in run.last_error.message
            assert ELSEWHERE[definition.type] in run.last_error.message
        agents.delete_agent(agent.id)


def the_async_client_does_the_same(agent):
    async def tell():
        async with AsyncAgentsClient(endpoint=ENDPOINT, credential=AsyncCredential()) as client:
            thread = await client.threads.create()
            await client.messages.create(thread_id=thread.id, role="user", content="hello there")
            run = await client.runs.create_and_process(thread_id=thread.id, agent_id=agent.id, **SOON)
            assert run.status == models.RunStatus.COMPLETED
            await client.messages.create(thread_id=thread.id, role="user", content="hello again")
            said = ""
            async with await client.runs.stream(thread_id=thread.id, agent_id=agent.id) as stream:
                async for event_type, data, _ in stream:
                    heard = event_type
                    said += data.text if isinstance(data, models.MessageDeltaChunk) else ""
            assert (said, heard) == ("You said: hello again", models.AgentStreamEvent.DONE)
            listed = [each.role async for each in client.messages.list(thread_id=thread.id, limit=1)]
            assert listed == ["assistant", "user", "assistant", "user"]
            assert agent.id in [each.id async for each in client.list_agents()]

    asyncio.run(tell())


STORIES = [
    agents_are_made_changed_listed_page_by_page_deleted,
    threads_and_messages_carry_text_images_and_attachments,
    files_keep_their_names_and_go_out_as_they_came,
    vector_stores_take_files_one_by_one_and_in_batches,
    a_run_is_polled_to_its_answer,
    functions_are_called_by_the_sdk,
    functions_are_called_by_the_program,
    a_run_is_streamed_to_every_handler_with_its_function_calls,
    code_runs_and_its_chart_and_file_arrive,
    files_are_searched_and_cited,
    the_web_is_searched_and_cited,
    an_agent_asks_another_one,
    runs_fail_and_are_cancelled_in_ways_that_programs_understand,
    errors_say_what_is_wrong,
    every_tool_is_kept_and_those_that_nobody_carries_out_say_so,
    the_async_client_does_the_same,
]

if __name__ == "__main__":
    definitions = [
        *models.FunctionTool({get_weather}).definitions,
        *models.CodeInterpreterTool().definitions,
        *models.FileSearchTool().definitions,
    ]
    tutor = agents.create_agent(model="gpt-4o", tools=definitions)
    for tell in STORIES:
        tell(tutor)
        print(tell.__name__.replace("_", " "), flush=True)
    print("the end")
