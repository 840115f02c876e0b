// The rest of a program's calls on the same client: node other_calls.mjs PACKAGE OpenAI|AzureOpenAI URL KEY
// PACKAGE is openai of any major version from 4 on. Each finished step prints a line.
import assert from "node:assert/strict";
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [PACKAGE, CLASS, URL, KEY] = process.argv.slice(2);
const sdk = await import(PACKAGE);
const client =
  CLASS === "AzureOpenAI"
    ? new sdk.AzureOpenAI({ endpoint: URL, apiKey: KEY, apiVersion: "2024-10-21", maxRetries: 0, timeout: 20_000 })
    : new sdk.OpenAI({ baseURL: `${URL}/v1`, apiKey: KEY, maxRetries: 0, timeout: 20_000 });

const SAID = "Hello, world.";
const messages = [{ role: "user", content: "Hello?" }];
const folder = mkdtempSync(join(tmpdir(), "story-"));
process.on("exit", () => rmSync(folder, { recursive: true }));
const file = (name, bytes) => {
  writeFileSync(join(folder, name), bytes);
  return createReadStream(join(folder, name));
};

const STORIES = {
  async "a chat is completed"() {
    const made = await client.chat.completions.create({ model: "gpt-4o", messages });
    assert.equal(made.choices[0].message.content, SAID);
    assert.equal(made.model, "gpt-5.6-terra");
  },

  async "a chat is streamed, and left"() {
    const words = [];
    for await (const chunk of await client.chat.completions.create({ model: "gpt-4o", messages, stream: true }))
      words.push(chunk.choices[0].delta.content ?? "");
    assert.equal(words.join(""), SAID);
    for await (const _ of await client.chat.completions.create({ model: "gpt-4o", messages, stream: true })) break;
  },

  async "texts are completed, embedded and judged"() {
    const text = await client.completions.create({ model: "gpt-4o", prompt: "Hello?" });
    assert.equal(text.choices[0].text, SAID);
    const vectors = await client.embeddings.create({ model: "ada", input: ["a", "b"], encoding_format: "float" });
    assert.deepEqual(vectors.data[1].embedding, [0.25, -0.5]);
    assert.equal((await client.moderations.create({ input: "Hello?" })).results[0].flagged, false);
  },

  async "a response is made and streamed"() {
    if (!client.responses) return; // version 4.60 had none
    assert.equal((await client.responses.create({ model: "gpt-4o", input: "Hello?" })).output_text, SAID);
    const stream = client.responses.stream({ model: "gpt-4o", input: "Hello?" });
    assert.equal((await stream.finalResponse()).output_text, SAID);
    await assert.rejects(client.responses.create({ model: "gpt-4o", input: "x", previous_response_id: "resp_1" }), {
      status: 400,
      code: "not_passed_on",
      param: "previous_response_id",
    });
  },

  async "pictures are made, changed and varied"() {
    const png = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
    const made = await client.images.generate({ model: "gpt-image-1", prompt: "a cat" });
    assert.ok(Buffer.from(made.data[0].b64_json, "base64").subarray(1).toString().startsWith("PNG"));
    const changed = { model: "gpt-image-1", prompt: "an owl", image: file("kätzchen.png", png) };
    assert.ok((await client.images.edit(changed)).data[0].b64_json);
    assert.ok((await client.images.createVariation({ image: file("cat.png", png) })).data[0].b64_json);
  },

  async "sound is spoken and written down"() {
    const speech = await client.audio.speech.create({ model: "tts-1", voice: "alloy", input: "Hello." });
    const sound = Buffer.from(await speech.arrayBuffer());
    assert.equal(sound.length, 102_400);
    const told = { model: "whisper-1", file: file("speech.mp3", sound) };
    assert.equal((await client.audio.transcriptions.create(told)).text, SAID);
    const large = { model: "whisper-1", file: file("large.wav", Buffer.alloc(20 * 2 ** 20, 7)) };
    assert.equal((await client.audio.translations.create(large)).text, SAID);
  },
};

for (const [name, tell] of Object.entries(STORIES)) {
  await tell();
  console.log(name);
}
console.log("the end");
