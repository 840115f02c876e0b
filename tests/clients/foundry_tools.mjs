// A program of Foundry Agents (classic) whose agents use, at run time, the tools that @azure/ai-agents knows:
// node foundry_tools.mjs ENDPOINT TOKEN PLACES, which are as in foundry_tools.py. Each finished step prints a line.
import { AgentsClient, MessageStreamEvent, RunStepStreamEvent, ToolUtility } from "@azure/ai-agents";
import assert from "node:assert/strict";

const [ENDPOINT, TOKEN, told] = process.argv.slice(2);
const places = JSON.parse(told);
const credential = { getToken: async () => ({ token: TOKEN, expiresOnTimestamp: Date.now() + 3_600_000 }) };
const client = new AgentsClient(ENDPOINT, credential);

async function all(pages) {
  const found = [];
  for await (const each of pages) found.push(each);
  return found;
}

async function asked(question) {
  const thread = await client.threads.create();
  await client.messages.create(thread.id, "user", question);
  return thread;
}

/** Poll a run of an agent with the tool: its answer, and its only call. */
async function polled(question, tool) {
  const agent = await client.createAgent("gpt-4o", { tools: [tool.definition], toolResources: tool.resources });
  const thread = await asked(question);
  const run = await client.runs.createAndPoll(thread.id, agent.id, { pollingOptions: { intervalInMs: 50 } });
  assert.equal(run.status, "completed");
  const [message] = await all(client.messages.list(thread.id, { order: "desc" }));
  const steps = await all(client.runSteps.list(thread.id, run.id, { order: "asc" }));
  const [call] = steps[0].stepDetails.toolCalls;
  return { agent, call, text: message.content[0].text };
}

/** Stream another run of the agent: its answer, and the call when its step is over. */
async function streamed(question, agent) {
  const thread = await asked(question);
  let said = "";
  const calls = [];
  for await (const { event, data } of await client.runs.create(thread.id, agent.id).stream()) {
    if (event === MessageStreamEvent.ThreadMessageDelta) for (const part of data.delta.content) said += part.text.value;
    if (event === RunStepStreamEvent.ThreadRunStepCompleted && data.stepDetails.type === "tool_calls")
      calls.push(...data.stepDetails.toolCalls);
  }
  assert.equal(calls.length, 1);
  return { said, call: calls[0] };
}

const STORIES = {
  async "operations of a document are called"() {
    const auth = { type: "anonymous" };
    const tool = ToolUtility.createOpenApiTool({ name: "shop", description: "Umbrellas.", spec: places.api, auth });
    const { agent, call } = await polled("find red", tool);
    assert.deepEqual([call.type, call.openAPI.name], ["openapi", "find"]);
    assert.deepEqual(JSON.parse(call.openAPI.output), { colour: "red", limit: 3 });
    const again = await streamed("find blue", agent);
    assert.deepEqual(JSON.parse(again.call.openAPI.output), { colour: "blue", limit: 3 });
    assert.match(again.said, /blue/);
  },
  async "an Azure function is called by queues"() {
    const queue = (queueName) => ({ type: "storage_queue", storageQueue: { storageServiceEndpoint: places.queues, queueName } });
    const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
    const azureFunction = {
      function: { name: "weather", description: "The weather.", parameters },
      inputBinding: queue("weather-input"),
      outputBinding: queue("weather-output"),
    };
    const { agent, call, text } = await polled("function Oslo", { definition: { type: "azure_function", azureFunction } });
    // Of a call of this kind, the SDK reads no more than the type.
    assert.equal(call.type, "azure_function");
    assert.equal(text.value, "I heard: Oslo: rain, 12 degrees.");
    assert.equal((await streamed("function Rome", agent)).said, "I heard: Rome: rain, 12 degrees.");
  },
  async "an index is searched"() {
    const { call } = await polled("index holiday", ToolUtility.createAzureAISearchTool(places.index, "rules", { topK: 3 }));
    assert.equal(call.azureAISearch.input, "holiday");
    assert.match(call.azureAISearch.output, /Thirty days of holiday\./);
  },
  async "an agent asks another one"() {
    const other = await client.createAgent("gpt-4o", { instructions: "Prices." });
    const { call, text } = await polled("ask them", ToolUtility.createConnectedAgentTool(other.id, "stocks", "knows prices"));
    assert.equal(call.type, "connected_agent");
    assert.equal(text.value, "I heard: You said: price please");
  },
  async "the web is searched as Bing was"() {
    const { call, text } = await polled("news please", ToolUtility.createBingGroundingTool([{ connectionId: places.index }]));
    assert(call.bingGrounding.requesturl.endsWith("q=news+of+Oslo"));
    assert.equal(text.annotations[0].urlCitation.url, "https://yr.no");
  },
};

for (const [name, tell] of Object.entries(STORIES)) {
  await tell();
  console.log(name);
}
console.log("the end");
