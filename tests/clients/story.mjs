// A program as people wrote it for the hosted API, told step by step: node story.mjs PACKAGE OpenAI|AzureOpenAI URL KEY
// PACKAGE is openai of any major version from 4 on. Each finished step prints a line.
import assert from "node:assert/strict";
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [PACKAGE, CLASS, URL, KEY] = process.argv.slice(2);
const sdk = await import(PACKAGE);

const connect = (more) =>
  CLASS === "AzureOpenAI"
    ? new sdk.AzureOpenAI({ endpoint: URL, apiKey: KEY, apiVersion: "2024-05-01-preview", maxRetries: 0, timeout: 20_000, ...more })
    : new sdk.OpenAI({ baseURL: `${URL}/v1`, apiKey: KEY, maxRetries: 0, timeout: 20_000, ...more });

const client = connect();
const { assistants, threads } = client.beta;
const vectorStores = client.vectorStores ?? client.beta.vectorStores;

// Version 5 named the parents of a nested object, and said `delete` for `del`.
const old = !client.files.delete;
const within = (name, parent, id, body) => (old ? [parent, id, ...(body ? [body] : [])] : [id, { [name]: parent, ...body }]);
const remove = (resource, ...which) => (resource.delete ?? resource.del).apply(resource, which);
const ofRun = (run, body) => within("thread_id", run.thread_id, run.id, body);

const soon = { pollIntervalMs: 20 };
const parameters = { type: "object", properties: { city: { type: "string" } } };
const WEATHER = { type: "function", function: { name: "get_weather", description: "The weather.", parameters } };
const PIXEL = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
const folder = mkdtempSync(join(tmpdir(), "story-"));
process.on("exit", () => rmSync(folder, { recursive: true }));

async function all(pages) {
  const found = [];
  for await (const each of pages) found.push(each);
  return found;
}

async function asked(question, more = {}) {
  return threads.create({ messages: [{ role: "user", content: question, ...more }] });
}

async function answer(thread) {
  const page = await threads.messages.list(thread.id, { limit: 1 });
  return page.data[0].content.map((part) => part.text?.value ?? part.type).join("|");
}

/** Everything a stream tells its handlers: name -> what came, in order. */
function listen(stream) {
  const heard = {};
  const names =
    "messageCreated messageDelta messageDone runStepCreated runStepDelta runStepDone toolCallCreated toolCallDelta " +
    "toolCallDone textCreated textDelta textDone imageFileDone event end error abort";
  for (const name of names.split(" ")) {
    heard[name] = [];
    stream.on(name, (...told) => heard[name].push(structuredClone(told[0] ?? null)));
  }
  return heard;
}

const stories = {
  async "assistants are made, changed, listed page by page, deleted"() {
    const made = [];
    for (let number = 0; number < 5; number++) {
      made.push(await assistants.create({ model: "gpt-4o", name: `Tutor ${number}`, tools: [WEATHER], metadata: { number: `${number}` } }));
    }
    assert.deepEqual(await assistants.retrieve(made[0].id), made[0]);
    const changed = await assistants.update(made[0].id, { instructions: "Be brief.", temperature: 0 });
    assert.equal(changed.instructions, "Be brief.");
    assert.equal(changed.temperature, 0);
    assert.equal(changed.name, "Tutor 0");
    assert.deepEqual((await all(assistants.list({ limit: 2 }))).map((each) => each.name), [4, 3, 2, 1, 0].map((n) => `Tutor ${n}`));
    assert.deepEqual((await all(assistants.list({ limit: 2, order: "asc" }))).map((each) => each.id), made.map((each) => each.id));
    const first = await assistants.list({ limit: 2, after: made[3].id });
    assert.ok(first.hasNextPage());
    assert.deepEqual((await first.getNextPage()).data.map((each) => each.id), [made[0].id]);
    for (const each of made) assert.equal((await remove(assistants, each.id)).deleted, true);
    assert.deepEqual(await all(assistants.list()), []);
  },

  async "threads and messages carry text, images, attachments and metadata"() {
    const image = await client.files.create({ file: await sdk.toFile(PIXEL, "pixel.png"), purpose: "vision" });
    const notes = await client.files.create({ file: await sdk.toFile(Buffer.from("raclette"), "notes.txt"), purpose: "assistants" });
    const thread = await threads.create({ messages: [{ role: "user", content: "one" }, { role: "assistant", content: "two" }], metadata: { a: "b" } });
    const message = await threads.messages.create(thread.id, {
      role: "user",
      content: [
        { type: "text", text: "three" },
        { type: "image_file", image_file: { file_id: image.id } },
        { type: "image_url", image_url: { url: "https://example.com/x.png", detail: "low" } },
      ],
      attachments: [{ file_id: notes.id, tools: [{ type: "file_search" }, { type: "code_interpreter" }] }],
    });
    assert.deepEqual(message.content[0].text, { value: "three", annotations: [] });
    assert.equal(message.content[1].image_file.file_id, image.id);
    assert.equal(message.content[2].image_url.detail, "low");
    assert.equal(message.attachments[0].file_id, notes.id);
    const retrieved = await threads.retrieve(thread.id);
    assert.deepEqual(retrieved.tool_resources.code_interpreter.file_ids, [notes.id]);
    assert.equal(retrieved.tool_resources.file_search.vector_store_ids.length, 1);
    assert.deepEqual((await threads.update(thread.id, { metadata: { c: "d" } })).metadata, { c: "d" });
    const same = await threads.messages.update(...within("thread_id", thread.id, message.id, { metadata: { seen: "yes" } }));
    assert.deepEqual(same.metadata, { seen: "yes" });
    assert.deepEqual(await threads.messages.retrieve(...within("thread_id", thread.id, message.id)), same);
    const texts = (await all(threads.messages.list(thread.id, { limit: 1, order: "asc" }))).map((each) => each.content[0].text.value);
    assert.deepEqual(texts, ["one", "two", "three"]);
    assert.equal((await remove(threads.messages, ...within("thread_id", thread.id, message.id))).deleted, true);
    assert.equal((await remove(threads, thread.id)).object, "thread.deleted");
    await assert.rejects(threads.retrieve(thread.id), sdk.NotFoundError);
  },

  async "files come from a stream, keep their names, and go out as they came"() {
    const path = join(folder, "Zürich 数据.txt");
    writeFileSync(path, "Grüezi");
    const file = await client.files.create({ file: createReadStream(path), purpose: "assistants" });
    assert.equal(file.filename, "Zürich 数据.txt");
    assert.equal(file.bytes, 7);
    const data = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 256));
    const large = await client.files.create({ file: new File([data], "large.bin"), purpose: "user_data" });
    assert.deepEqual(Buffer.from(await (await client.files.content(large.id)).arrayBuffer()), data);
    assert.equal(await (await client.files.content(file.id)).text(), "Grüezi");
    assert.deepEqual(await client.files.waitForProcessing(file.id), await client.files.retrieve(file.id));
    assert.deepEqual((await all(client.files.list({ purpose: "user_data" }))).map((each) => each.id), [large.id]);
    assert.equal((await remove(client.files, file.id)).deleted, true);
    if (!client.uploads) return;
    const upload = await client.uploads.create({ bytes: 10, filename: "ten.txt", mime_type: "text/plain", purpose: "assistants" });
    const parts = [];
    for (const half of ["01234", "56789"]) {
      parts.push((await client.uploads.parts.create(upload.id, { data: await sdk.toFile(Buffer.from(half), "part") })).id);
    }
    const whole = await client.uploads.complete(upload.id, { part_ids: parts });
    assert.equal(await (await client.files.content(whole.file.id)).text(), "0123456789");
  },

  async "vector stores take files one by one and in batches"() {
    const store = await vectorStores.create({ name: "Facts", expires_after: { anchor: "last_active_at", days: 1 } });
    const text = (name) => sdk.toFile(Buffer.from(`${name} eats raclette.`), `${name}.txt`);
    const one = await vectorStores.files.uploadAndPoll(store.id, await text("Ann"), soon);
    assert.equal(one.status, "completed");
    const batch = await vectorStores.fileBatches.uploadAndPoll(store.id, { files: [await text("Ben"), await text("Cleo")] }, soon);
    assert.equal(batch.status, "completed");
    assert.deepEqual(batch.file_counts, { in_progress: 0, completed: 2, failed: 0, cancelled: 0, total: 2 });
    const listed = await all(vectorStores.files.list(store.id, { limit: 2 }));
    assert.equal(listed.length, 3);
    assert.equal((await all(vectorStores.fileBatches.listFiles(...within("vector_store_id", store.id, batch.id, { limit: 1 })))).length, 2);
    if (vectorStores.search) {
      const found = await all(vectorStores.search(store.id, { query: "Cleo" }));
      assert.equal(found[0].filename, "Cleo.txt");
      const content = await all(vectorStores.files.content(...within("vector_store_id", store.id, one.id)));
      assert.equal(content[0].text, "Ann eats raclette.");
    }
    assert.equal((await remove(vectorStores.files, ...within("vector_store_id", store.id, one.id))).deleted, true);
    assert.equal((await vectorStores.update(store.id, { name: "Fewer facts" })).name, "Fewer facts");
    assert.equal((await vectorStores.retrieve(store.id)).file_counts.total, 2);
    assert.equal((await remove(vectorStores, store.id)).object, "vector_store.deleted");
  },

  async "a run is polled to its answer"(assistant) {
    const thread = await asked("hello there");
    const run = await threads.runs.createAndPoll(thread.id, { assistant_id: assistant.id }, soon);
    assert.equal(run.status, "completed");
    assert.equal(run.usage.total_tokens, 15);
    assert.equal(await answer(thread), "You said: hello there");
    const more = { assistant_id: assistant.id, additional_messages: [{ role: "user", content: "ponder it" }], metadata: { second: "yes" } };
    const started = performance.now();
    const second = await threads.runs.createAndPoll(thread.id, more);
    assert.ok(performance.now() - started < 4000, "without a word from the server, the SDK polls every 5 s");
    assert.equal(await answer(thread), "You said: ponder it");
    assert.deepEqual((await all(threads.runs.list(thread.id, { limit: 1 }))).map((each) => each.id), [second.id, run.id]);
    assert.deepEqual((await threads.runs.update(...ofRun(run, { metadata: { k: "v" } }))).metadata, { k: "v" });
    const whole = await threads.createAndRunPoll({ assistant_id: assistant.id, thread: { messages: [{ role: "user", content: "in one" }] } }, soon);
    assert.equal(await answer({ id: whole.thread_id }), "You said: in one");
    const [step] = await all(threads.runs.steps.list(...ofRun(whole)));
    const retrieved = await threads.runs.steps.retrieve(...(old ? [whole.thread_id, whole.id, step.id] : [step.id, { thread_id: whole.thread_id, run_id: whole.id }]));
    assert.deepEqual(retrieved, step);
  },

  async "functions are called and their outputs polled to an answer"(assistant) {
    const thread = await asked("weather Oslo Zürich");
    const waiting = await threads.runs.createAndPoll(thread.id, { assistant_id: assistant.id }, soon);
    assert.equal(waiting.status, "requires_action");
    const calls = waiting.required_action.submit_tool_outputs.tool_calls;
    assert.deepEqual(calls.map((call) => JSON.parse(call.function.arguments).city), ["Oslo", "Zürich"]);
    const outputs = calls.map((call) => ({ tool_call_id: call.id, output: "wet" }));
    const run = await threads.runs.submitToolOutputsAndPoll(...ofRun(waiting, { tool_outputs: outputs }), soon);
    assert.equal(run.status, "completed");
    assert.equal(await answer(thread), "It is wet，wet.");
  },

  async "a text is streamed to every handler"(assistant) {
    const thread = await asked("good morning");
    const stream = threads.runs.stream(thread.id, { assistant_id: assistant.id });
    const heard = listen(stream);
    const run = await stream.finalRun();
    assert.equal(run.status, "completed");
    assert.deepEqual(heard.textCreated, [{ value: "", annotations: [] }].map((text) => ({ ...text, value: heard.textDelta[0].value })));
    assert.deepEqual(heard.textDelta.map((delta) => delta.value), ["You said: ", "good morning"]);
    assert.deepEqual(heard.textDone.map((text) => text.value), ["You said: good morning"]);
    assert.equal(heard.messageCreated.length, 1);
    assert.equal(heard.messageDone[0].status, "completed");
    assert.equal(heard.runStepDone[0].type, "message_creation");
    assert.equal(heard.end.length, 1);
    assert.deepEqual(heard.error, []);
    const [message] = await stream.finalMessages();
    const stored = await threads.messages.retrieve(...within("thread_id", thread.id, message.id));
    assert.deepEqual(message.content[0].text, stored.content[0].text);
    assert.deepEqual(heard.messageDone[0], stored);
    assert.deepEqual((await stream.finalRunSteps()).map((step) => step.id), heard.runStepDone.map((step) => step.id));
    const again = threads.createAndRunStream({ assistant_id: assistant.id, thread: { messages: [{ role: "user", content: "in one" }] } });
    assert.deepEqual((await all(again)).slice(0, 2).map((each) => each.event), ["thread.created", "thread.run.created"]);
  },

  async "functions are called in a stream and answered before it is done"(assistant) {
    const thread = await asked("weather Oslo Zürich");
    const stream = threads.runs.stream(thread.id, { assistant_id: assistant.id });
    const heard = listen(stream);
    let followed;
    for await (const { event, data } of stream) {
      if (event !== "thread.run.requires_action") continue;
      const calls = data.required_action.submit_tool_outputs.tool_calls;
      const outputs = calls.map((call) => ({ tool_call_id: call.id, output: `${call.function.name}!` }));
      followed = threads.runs.submitToolOutputsStream(...ofRun(data, { tool_outputs: outputs }));
      followed.heard = listen(followed);
      assert.equal((await followed.finalRun()).status, "completed");
    }
    assert.deepEqual(heard.toolCallCreated.map((call) => call.function.name), ["get_weather", "get_weather"]);
    assert.deepEqual(heard.toolCallDone.map((call) => JSON.parse(call.function.arguments).city), ["Oslo", "Zürich"]);
    for (const call of heard.toolCallDone) assert.match(call.id, /^call_[A-Za-z0-9]{24}$/);
    assert.deepEqual(heard.textDone.map((text) => text.value), ["Let me look."]);
    assert.deepEqual(followed.heard.textDone.map((text) => text.value), ["It is get_weather!，get_weather!."]);
    const [step] = followed.heard.runStepDone;
    assert.deepEqual(step.step_details.tool_calls.map((call) => call.function.output), ["get_weather!", "get_weather!"]);
    assert.deepEqual(step.step_details.tool_calls.map((call) => call.id), heard.toolCallDone.map((call) => call.id));
  },

  async "code runs, and its chart and file arrive"(assistant) {
    const thread = await asked("chart please");
    const stream = threads.runs.stream(thread.id, { assistant_id: assistant.id });
    const heard = listen(stream);
    await stream.finalRun();
    assert.equal(heard.toolCallCreated[0].type, "code_interpreter");
    const [call] = heard.toolCallDone;
    assert.match(call.code_interpreter.input, /^\s*import matplotlib/);
    assert.match(call.id, /^call_[A-Za-z0-9]{24}$/);
    assert.deepEqual(call.code_interpreter.outputs.map((output) => output.type).sort(), ["image", "logs"]);
    const [image] = heard.imageFileDone;
    const drawn = Buffer.from(await (await client.files.content(image.file_id)).arrayBuffer());
    assert.equal(drawn.subarray(1, 4).toString(), "PNG");
    const [text] = heard.textDone;
    const [link] = text.annotations;
    assert.equal(link.type, "file_path");
    assert.equal(text.value.slice(link.start_index, link.end_index), "sandbox:/mnt/data/double.csv");
    assert.equal(await (await client.files.content(link.file_path.file_id)).text(), "n\n2\n");
  },

  async "files are searched and cited"(assistant) {
    const file = await client.files.create({ file: await sdk.toFile(Buffer.from("Ann eats raclette."), "food.txt"), purpose: "assistants" });
    const thread = await asked("search food", { attachments: [{ file_id: file.id, tools: [{ type: "file_search" }] }] });
    const stream = threads.runs.stream(thread.id, { assistant_id: assistant.id });
    const heard = listen(stream);
    const run = await stream.finalRun();
    assert.equal(heard.toolCallCreated[0].type, "file_search");
    const [text] = heard.textDone;
    const [citation] = text.annotations;
    assert.equal(citation.file_citation.file_id, file.id);
    assert.match(text.value, /^Ràclette 🧀 【\d+:0†food.txt】\.$/);
    assert.equal([...text.value].slice(citation.start_index, citation.end_index).join(""), citation.text);
    assert.ok(heard.textDelta.some((delta) => delta.annotations?.length === 1));
    const include = ["step_details.tool_calls[*].file_search.results[*].content"];
    const steps = await all(threads.runs.steps.list(...ofRun(run, { order: "asc", include })));
    const [found] = steps[0].step_details.tool_calls[0].file_search.results;
    assert.equal(found.content[0].text, "Ann eats raclette.");
  },

  async "runs end badly in ways that clients understand"(assistant) {
    const failed = threads.runs.stream((await asked("fail now")).id, { assistant_id: assistant.id });
    const run = await failed.finalRun();
    assert.equal(run.status, "failed");
    assert.deepEqual(run.last_error, { code: "rate_limit_exceeded", message: "Too much." });
    const cut = await threads.runs.createAndPoll((await asked("cut short")).id, { assistant_id: assistant.id }, soon);
    assert.equal(cut.status, "incomplete");
    assert.deepEqual(cut.incomplete_details, { reason: "max_completion_tokens" });
    const refused = threads.runs.stream((await asked("refuse this")).id, { assistant_id: assistant.id });
    assert.equal((await refused.finalMessages())[0].content[0].refusal, "I won't.");
  },

  async "a run is cancelled, from outside and while it streams"(assistant) {
    const thread = await asked("slow please");
    const stream = threads.runs.stream(thread.id, { assistant_id: assistant.id });
    const heard = listen(stream);
    stream.once("textDelta", () => threads.runs.cancel(...ofRun(stream.currentRun())));
    assert.equal((await stream.finalRun()).status, "cancelled");
    assert.equal(heard.messageDone[0].status, "incomplete");
    await threads.messages.create(thread.id, { role: "user", content: "slow again" });
    const run = await threads.runs.create(thread.id, { assistant_id: assistant.id });
    await assert.rejects(threads.messages.create(thread.id, { role: "user", content: "x" }), /Can't add messages to thread_\w+ while a run run_\w+ is active/);
    assert.equal((await threads.runs.cancel(...ofRun(run))).status, "cancelling");
    const over = old ? await threads.runs.poll(thread.id, run.id, soon) : await threads.runs.poll(run.id, { thread_id: thread.id }, soon);
    assert.equal(over.status, "cancelled");
  },

  async "a client that goes away leaves its run alive"(assistant) {
    const thread = await asked("slow please");
    const stream = threads.runs.stream(thread.id, { assistant_id: assistant.id });
    stream.once("textDelta", () => stream.abort());
    await assert.rejects(stream.done(), sdk.APIUserAbortError);
    const [run] = (await threads.runs.list(thread.id)).data;
    assert.equal(run.status, "in_progress");
    await threads.runs.cancel(...ofRun(run));
  },

  async "errors say what is wrong"() {
    const missing = await threads.retrieve("thread_" + "a".repeat(24)).catch((error) => error);
    assert.ok(missing instanceof sdk.NotFoundError);
    assert.equal(missing.status, 404);
    assert.match(missing.message, /^404 No thread found with id 'thread_a+'\.$/);
    assert.equal(missing.type, "invalid_request_error");
    assert.ok(missing.request_id ?? missing.requestID);
    const wrong = await assistants.create({ name: "no model" }).catch((error) => error);
    assert.ok(wrong instanceof sdk.BadRequestError);
    assert.deepEqual([wrong.code, wrong.param], ["missing_required_parameter", "model"]);
    await assert.rejects(connect({ apiKey: "sk-wrong" }).beta.assistants.list(), sdk.AuthenticationError);
    const { data, response } = await assistants.list().withResponse();
    assert.ok(Array.isArray(data.data) && response.headers.get("x-request-id"));
    assert.equal((await assistants.list().asResponse()).status, 200);
    if (CLASS === "AzureOpenAI") {
      const token = connect({ apiKey: undefined, azureADTokenProvider: async () => KEY, deployment: "gpt-4o" });
      assert.equal((await token.beta.assistants.list()).object ?? "list", "list");
    }
  },
};

const tools = [WEATHER, { type: "code_interpreter" }, { type: "file_search" }];
let assistant;
for (const [name, tell] of Object.entries(stories)) {
  if (tell.length) assistant ??= await assistants.create({ model: "gpt-4o", tools });
  await tell(assistant);
  console.log(name);
}
console.log("the end");
