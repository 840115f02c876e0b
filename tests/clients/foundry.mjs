// A program of Foundry Agents (classic) as people wrote it, told step by step: node foundry.mjs ENDPOINT TOKEN
// With @azure/ai-agents. Each finished step prints a line.
import { AgentsClient, DoneEvent, MessageStreamEvent, RunStreamEvent, ToolUtility } from "@azure/ai-agents";
import assert from "node:assert/strict";
import { Readable } from "node:stream";

const [ENDPOINT, TOKEN] = process.argv.slice(2);
const credential = (token) => ({
  getToken: async (scopes) => {
    assert.deepEqual([scopes].flat(), ["https://ai.azure.com/.default"]);
    return { token, expiresOnTimestamp: Date.now() + 3_600_000 };
  },
});
const client = new AgentsClient(ENDPOINT, credential(TOKEN));
const soon = { pollingOptions: { intervalInMs: 50 } };
const connectionId = "/subscriptions/s/resourceGroups/g/providers/p/accounts/a/projects/p/connections/c";
const parameters = { type: "object", properties: { city: { type: "string" } } };
const WEATHER = ToolUtility.createFunctionTool({ name: "get_weather", description: "The weather.", parameters });

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

async function answer(thread) {
  const [message] = await all(client.messages.list(thread.id, { order: "desc" }));
  return message.content.find((part) => part.type === "text").text;
}

const upload = (name, text) => client.files.upload(Readable.from([Buffer.from(text)]), "assistants", { fileName: name });

async function bytes(id) {
  const answered = await client.files.getContent(id).asNodeStream();
  const pieces = [];
  for await (const piece of answered.body) pieces.push(piece);
  return Buffer.concat(pieces);
}

const STORIES = {
  async "agents are made, changed, listed page by page, deleted"() {
    const made = [];
    for (const number of [0, 1, 2]) made.push(await client.createAgent("gpt-4o", { name: `Tutor ${number}` }));
    assert(made[0].createdAt instanceof Date && Date.now() - made[0].createdAt < 300_000);
    assert.deepEqual(await client.getAgent(made[0].id), made[0]);
    const changed = await client.updateAgent(made[0].id, { instructions: "Be brief." });
    assert.deepEqual([changed.instructions, changed.name], ["Be brief.", "Tutor 0"]);
    // Its iterators end with the first page, whatever `has_more` says: programs go on by hand.
    const listed = [];
    while (listed.length < 3) listed.push(...(await all(client.listAgents({ limit: 1, after: listed.at(-1)?.id }))));
    assert.deepEqual(listed.map((each) => each.id), made.map((each) => each.id).reverse());
    for (const each of made) assert((await client.deleteAgent(each.id)).deleted);
    await assert.rejects(client.getAgent(made[0].id), (error) => error.statusCode === 404);
  },
  async "a run is polled to its answer"(agent) {
    const thread = await asked("hello there");
    const run = await client.runs.createAndPoll(thread.id, agent.id, soon);
    assert.deepEqual([run.status, run.assistantId, run.usage.promptTokens], ["completed", agent.id, 10]);
    assert.equal((await answer(thread)).value, "You said: hello there");
    const [step] = await all(client.runSteps.list(thread.id, run.id));
    assert.equal(step.stepDetails.type, "message_creation");
  },
  async "functions are called and their outputs polled"(agent) {
    const thread = await asked("weather Oslo");
    let run = await client.runs.create(thread.id, agent.id);
    const waiting = async () => {
      while (["queued", "in_progress"].includes(run.status)) {
        await new Promise((done) => setTimeout(done, 50));
        run = await client.runs.get(thread.id, run.id);
      }
    };
    await waiting();
    const [call] = run.requiredAction.submitToolOutputs.toolCalls;
    assert.equal(call.function.name, "get_weather");
    run = await client.runs.submitToolOutputs(thread.id, run.id, [{ toolCallId: call.id, output: "dry" }]);
    await waiting();
    assert.equal((await answer(thread)).value, "It is dry.");
  },
  async "a run is streamed"(agent) {
    const thread = await asked("hello you");
    let said = "";
    const events = [];
    for await (const event of await client.runs.create(thread.id, agent.id).stream()) {
      events.push(event.event);
      if (event.event === MessageStreamEvent.ThreadMessageDelta)
        for (const part of event.data.delta.content) said += part.text.value;
    }
    assert.equal(said, "You said: hello you");
    assert.equal(events[0], RunStreamEvent.ThreadRunCreated);
    assert.equal(events.at(-1), DoneEvent.Done);
  },
  async "code runs and its chart and file arrive"(agent) {
    const thread = await asked("chart please");
    await client.runs.createAndPoll(thread.id, agent.id, soon);
    const [message] = await all(client.messages.list(thread.id, { order: "desc" }));
    const [chart, text] = message.content;
    assert.equal((await bytes(chart.imageFile.fileId)).subarray(1, 4).toString(), "PNG");
    assert.equal((await bytes(text.text.annotations[0].filePath.fileId)).toString(), "n\n2\n");
  },
  async "files are searched and cited"(agent) {
    const file = await upload("cheese.txt", "raclette melts");
    const store = await client.vectorStores.createAndPoll({ fileIds: [file.id], ...soon });
    const search = ToolUtility.createFileSearchTool([store.id]);
    await client.updateAgent(agent.id, { toolResources: search.resources });
    const thread = await asked("search raclette");
    await client.runs.createAndPoll(thread.id, agent.id, soon);
    const text = await answer(thread);
    assert.equal(text.annotations[0].fileCitation.fileId, file.id);
  },
  async "the web is searched and cited"() {
    const bing = ToolUtility.createBingGroundingTool([{ connectionId, count: 3 }]);
    const agent = await client.createAgent("gpt-4o", { tools: [bing.definition] });
    const thread = await asked("news please");
    const run = await client.runs.createAndPoll(thread.id, agent.id, soon);
    const { annotations } = await answer(thread);
    assert.equal(annotations[0].urlCitation.url, "https://yr.no");
    const steps = await all(client.runSteps.list(thread.id, run.id, { order: "asc" }));
    const [call] = steps[0].stepDetails.toolCalls;
    assert.equal(call.type, "bing_grounding");
    assert(call.bingGrounding.requesturl.endsWith("q=news+of+Oslo"));
    await client.deleteAgent(agent.id);
  },
  async "runs fail and are cancelled in ways that programs understand"(agent) {
    const lost = await asked("fail please");
    await assert.rejects(client.runs.createAndPoll(lost.id, agent.id, soon), /Operation failed: Too much\./);
    const [failed] = await all(client.runs.list(lost.id));
    assert.deepEqual([failed.status, failed.lastError.code], ["failed", "rate_limit_exceeded"]);
    const thread = await asked("slow please");
    const run = await client.runs.create(thread.id, agent.id);
    assert.match((await client.runs.cancel(thread.id, run.id)).status, /^cancel/);
  },
  async "errors say what is wrong"() {
    await assert.rejects(client.createAgent("gpt-4o", { temperature: 9 }), /temperature/);
    const other = new AgentsClient(ENDPOINT, credential("wrong"));
    await assert.rejects(all(other.listAgents()), (error) => error.statusCode === 401);
  },
  async "every tool is kept, and those that nobody carries out say so"() {
    const spec = { openapi: "3.0.0", info: { title: "t", version: "1" }, paths: {} };
    const queue = { type: "storage_queue", storageQueue: { storageServiceEndpoint: "https://a.b", queueName: "q" } };
    const definition = { name: "f", description: "d", parameters };
    const tools = [
      ToolUtility.createAzureAISearchTool(connectionId, "i", { topK: 3 }),
      ToolUtility.createBingGroundingTool([{ connectionId, count: 3 }]),
      ToolUtility.createConnectedAgentTool("asst_a", "stocks", "knows prices"),
      ToolUtility.createOpenApiTool({ name: "o", description: "d", spec, auth: { type: "anonymous" } }),
      { definition: { type: "azure_function", azureFunction: { function: definition, inputBinding: queue, outputBinding: queue } } },
      ToolUtility.createConnectionTool("fabric_dataagent", [connectionId]),
      ToolUtility.createConnectionTool("sharepoint_grounding", [connectionId]),
      ToolUtility.createConnectionTool("bing_custom_search", [connectionId]),
    ];
    for (const tool of tools) {
      const made = await client.createAgent("gpt-4o", { tools: [tool.definition], toolResources: tool.resources });
      const kept = await client.getAgent(made.id);
      const said = JSON.parse(JSON.stringify(tool.definition));
      // Of these, the SDK neither sends nor reads more than the type.
      const typeOnly = ["fabric_dataagent", "sharepoint_grounding", "bing_custom_search"].includes(said.type);
      assert.deepEqual(JSON.parse(JSON.stringify(kept.tools)), [typeOnly ? { type: said.type } : said]);
      if (tool.resources) assert.deepEqual(JSON.parse(JSON.stringify(kept.toolResources)), JSON.parse(JSON.stringify(tool.resources)));
      if (["fabric_dataagent", "sharepoint_grounding"].includes(said.type)) {
        const elsewhere = new RegExp(`Operation failed: .*'${said.type}_preview'`);
        await assert.rejects(client.runs.createAndPoll((await asked("hello there")).id, made.id, soon), elsewhere);
      }
      await client.deleteAgent(made.id);
    }
  },
};

const tools = [WEATHER.definition, { type: "code_interpreter" }, { type: "file_search" }];
const tutor = await client.createAgent("gpt-4o", { name: "Tutor", tools });
for (const [name, tell] of Object.entries(STORIES)) {
  await tell(tutor);
  console.log(name);
}
console.log("the end");
