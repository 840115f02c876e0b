// A conversation to take along: everything as JSON, or what was said as Markdown.

import { abreast, all, stepsOf } from "./api.js";
import { nameOf } from "./files.js";
import { titleOf } from "./threads.js";

/** The thread, its messages and runs, oldest first, each run with its steps, as the API has them. */
export async function asJson(thread) {
  const path = `/v1/threads/${thread.id}`;
  const [messages, runs] = await Promise.all([all(`${path}/messages`), all(`${path}/runs`)]);
  const steps = await abreast(runs, (run) => stepsOf(`${path}/runs/${run.id}`));
  const whole = { thread, messages, runs: runs.map((run, index) => ({ ...run, steps: steps[index] })) };
  return `${JSON.stringify(whole, null, 2)}\n`;
}

export async function asMarkdown(thread) {
  const messages = await all(`/v1/threads/${thread.id}/messages`);
  const said = await abreast(messages, written);
  return `${[`# ${titleOf(thread)}`, ...said].join("\n\n")}\n`;
}

async function written(message) {
  const made = new Date(message.created_at * 1000).toISOString();
  const parts = await Promise.all(message.content.map(partOf));
  const files = await Promise.all((message.attachments ?? []).map((each) => nameOf(each.file_id)));
  const attached = files.length === 0 ? [] : [`Attached: ${files.join(", ")}`];
  return [`## ${message.role === "user" ? "You" : "Assistant"}, ${made}`, ...parts, ...attached].join("\n\n");
}

async function partOf(part) {
  if (part.type === "image_file") return `(picture: ${await nameOf(part.image_file.file_id)})`;
  if (part.type === "image_url") return `(picture: ${part.image_url.url})`;
  if (part.type !== "text") return part.refusal ?? "";
  let { value } = part.text;
  const sources = [];
  for (const { text, file_citation: file, url_citation: page } of part.text.annotations) {
    const id = file?.file_id ?? page?.url;
    if (id === undefined) continue;
    if (!sources.some((each) => each.id === id)) sources.push({ id, name: file ? nameOf(id) : page.title ? `${page.title}, ${id}` : id });
    if (file || /^【.*】$/.test(text)) value = value.replaceAll(text, `[${sources.findIndex((each) => each.id === id) + 1}]`);
  }
  const names = await Promise.all(sources.map(({ name }) => name));
  return [value, ...names.map((name, index) => `[${index + 1}] ${name}`)].join("\n\n");
}
