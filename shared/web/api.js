// The API as the page uses it: the key, requests, event streams, and failures in plain words.

import { note } from "./journal.js";

/** What the box calls its model while it is no language model. */
const OFFLINE = "offline demo";
const KEY = "api-in-a-box.key";

export const key = {
  get: () => sessionStorage.getItem(KEY),
  keep: (value) => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY),
};

/** Something that went wrong, as a person wants to read it. */
export class Failure extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

/** Whether asking again may help: nobody answered, or the box is ill or busy. */
const isPassing = (error) => error instanceof Failure && (error.status === 0 || error.status === 429 || error.status >= 500);

/**
 * What `ask()` returns, however long it takes until the box answers: again after 1, 2, 4 … 15 seconds, and as soon as the
 * network is back or the page is looked at again. `tell(error)` hears why there is a wait, `tell(null)` that it is over.
 */
export async function untilAnswered(ask, signal, tell) {
  for (let seconds = 1, told = false; ; seconds = Math.min(2 * seconds, 15)) {
    try {
      const answer = await ask();
      if (told) tell(null);
      return answer;
    } catch (error) {
      if (!isPassing(error)) throw error;
      tell(new Failure(`${error.message} The page goes on trying.`, error.status));
      told = true;
      await pause(seconds, signal);
    }
  }
}

/** Waits; less if the network comes back or the page comes to the front. */
export function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const over = new AbortController();
    const end = (how) => () => {
      over.abort();
      clearTimeout(timer);
      how();
    };
    const timer = setTimeout(end(resolve), 1000 * seconds);
    addEventListener("online", end(resolve), { signal: over.signal });
    document.addEventListener("visibilitychange", () => document.hidden || end(resolve)(), { signal: over.signal });
    signal.addEventListener("abort", end(() => reject(signal.reason)), { signal: over.signal });
  });
}

const get = async (path, signal) => whole(await request("GET", path, undefined, signal));
const post = async (path, body = {}, signal) => whole(await request("POST", path, body, signal));
const remove = async (path, signal) => whole(await request("DELETE", path, undefined, signal));
export const api = { get, post, remove };

/** Asks for the texts that file search found. */
const FOUND = "include[]=step_details.tool_calls[*].file_search.results[*].content";

/** A run's steps, oldest first. */
export const stepsOf = (runPath, signal) => all(`${runPath}/steps`, signal, `&${FOUND}`);

/** Requests side by side where there are many. */
const ABREAST = 6;

/** What `ask(item)` returns for each of the items, some of them asked at the same time. */
export async function abreast(items, ask) {
  const answers = [];
  const waiting = items.entries();
  const worker = async () => {
    for (const [index, item] of waiting) answers[index] = await ask(item);
  };
  await Promise.all(Array.from({ length: ABREAST }, worker));
  return answers;
}

/** Every item of a list, oldest first. */
export async function all(path, signal, query = "") {
  const items = [];
  for (let after = ""; ; after = `&after=${items.at(-1).id}`) {
    const page = await get(`${path}?order=asc&limit=100${after}${query}`, signal);
    items.push(...page.data);
    if (!page.has_more) return items;
  }
}

/** Sends a file, in parts if it is larger than one: hosts take no request of any size (Azure's: 100 MB). `onprogress` hears shares of 1. */
export async function upload(file, purpose, { part, onprogress, signal }) {
  if (file.size > part) return uploadInParts(file, purpose, { part, onprogress, signal });
  const form = new FormData();
  form.set("purpose", purpose);
  form.set("file", file);
  return whole(await request("POST", "/v1/files", form, signal, (bytes) => onprogress(Math.min(1, bytes / file.size))));
}

async function uploadInParts(file, purpose, { part, onprogress, signal }) {
  const announced = { filename: file.name, bytes: file.size, mime_type: file.type || "application/octet-stream", purpose };
  const path = `/v1/uploads/${(await post("/v1/uploads", announced, signal)).id}`;
  try {
    const ids = [];
    for (let start = 0; start < file.size; start += part) {
      onprogress(start / file.size);
      const form = new FormData();
      form.set("data", file.slice(start, start + part));
      const onsent = (bytes) => onprogress(Math.min(1, (start + Math.min(bytes, part)) / file.size));
      ids.push((await whole(await request("POST", `${path}/parts`, form, signal, onsent))).id);
    }
    onprogress(1);
    return (await post(`${path}/complete`, { part_ids: ids }, signal)).file;
  } catch (error) {
    post(`${path}/cancel`).catch(() => {}); // it expires in an hour anyway
    throw error;
  }
}

export async function content(fileId) {
  return (await request("GET", `/v1/files/${encodeURIComponent(fileId)}/content`)).blob();
}

/** Seconds without a byte after which a stream is given up: the box says something every 15, whatever happens. */
const SILENCE = 45;

/** The events of a streamed run: `{name, data}`. Throws a Failure when it falls silent, as after a laptop's sleep. */
export async function* stream(path, body, signal) {
  const response = await request("POST", `${path}?${FOUND}`, { ...body, stream: true }, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await inTime(reader, SILENCE);
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    yield* blocks.map(event).filter((each) => each !== null);
  }
}

async function inTime(reader, seconds) {
  const over = new AbortController();
  const givenUp = new Promise((_, reject) => {
    const giveUp = () => reject(new Failure("The stream fell silent."));
    const timer = setTimeout(giveUp, 1000 * seconds);
    addEventListener("offline", giveUp, { signal: over.signal });
    over.signal.addEventListener("abort", () => clearTimeout(timer));
  });
  try {
    return await Promise.race([reader.read(), givenUp]);
  } catch (error) {
    reader.cancel().catch(() => {}); // it may be broken already
    throw error;
  } finally {
    over.abort();
  }
}

function event(block) {
  const fields = Object.fromEntries(block.split("\n").map((line) => {
    const colon = line.indexOf(": ");
    return [line.slice(0, colon), line.slice(colon + 2)];
  }));
  if (fields.event === undefined) return null; // a comment that keeps the connection open
  return { name: fields.event, data: fields.data === "[DONE]" ? null : JSON.parse(fields.data) };
}

/** What keeps the box from working, in one line or null; and whether its offline demo answers. */
export async function health() {
  const found = await (await fetch("/healthz?deep=1")).json();
  const trouble = [
    found.status === "ok" || found.model === "answers" || found.model === OFFLINE ? null : found.model,
    found.storage === "answers" ? null : `The storage ${found.storage}.`,
  ].filter(Boolean).join(" ");
  return { trouble: trouble || null, offline: found.model === OFFLINE };
}

/** Sends a request; `onsent(bytes)` hears how much of its body is on the way. */
async function request(method, path, body, signal, onsent) {
  const headers = { Authorization: `Bearer ${key.get()}` };
  const isForm = body instanceof FormData;
  if (body !== undefined && !isForm) headers["Content-Type"] = "application/json";
  const sent = body === undefined || isForm ? body : JSON.stringify(body);
  const answered = note(method, path, sent);
  let response;
  try {
    const options = { method, headers, body: sent, signal };
    response = await (onsent === undefined ? fetch(path, options) : telling(path, options, onsent));
  } catch (error) {
    answered();
    if (error.name === "AbortError") throw error;
    throw new Failure("The box does not answer. Is it running, and are you online?");
  }
  answered(response);
  if (!response.ok) throw new Failure(await inWords(response), response.status);
  return response;
}

/** Does what `fetch` does, which cannot say how much of a body is sent. */
function telling(path, { method, headers, body, signal }, onsent) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const sending = new XMLHttpRequest();
    sending.open(method, path);
    for (const [name, value] of Object.entries(headers)) sending.setRequestHeader(name, value);
    sending.responseType = "blob";
    sending.upload.addEventListener("progress", ({ loaded }) => onsent(loaded));
    sending.addEventListener("load", () => {
      const id = sending.getResponseHeader("x-request-id");
      resolve(new Response(sending.response, { status: sending.status, headers: id === null ? {} : { "x-request-id": id } }));
    });
    sending.addEventListener("error", () => reject(new TypeError("nobody answered")));
    sending.addEventListener("abort", () => reject(signal.reason));
    signal?.addEventListener("abort", () => sending.abort());
    sending.send(body);
  });
}

/** What an answer says. It may have been cut off, or come from somebody between the page and the box. */
async function whole(response) {
  try {
    return await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure("The answer of the box did not arrive whole.");
  }
}

async function inWords(response) {
  let said = null;
  try {
    said = (await response.json()).error.message;
  } catch {
    // A proxy's page, not the box's answer: the status alone must do.
  }
  const id = response.headers.get("x-request-id");
  if (response.status === 401) return "The box does not accept this API key.";
  if (response.status === 429) return "Too many requests. Wait a moment and try again.";
  if (response.status >= 500) return `Something broke inside the box${id === null ? "" : ` (request ${id})`}. Try again.`;
  return said ?? `The box answered with status ${response.status}.`;
}
