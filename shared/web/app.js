// The playground: who enters, which conversation is open, and the run that is under way.

import { all, api, health, key, stepsOf, stream } from "./api.js";
import { Assistants } from "./assistants.js";
import { Attachments } from "./files.js";
import { answering, inWords, isActive } from "./runs.js";
import { el } from "./text.js";
import { Transcript, fill } from "./transcript.js";

const $ = (id) => document.getElementById(id);
const POLL = 1000;

const transcript = new Transcript($("transcript"), { submit, fail });
const assistants = new Assistants(fail);
const attachments = new Attachments($("chips"));

/** What is open. A new one is made whenever that changes, so late answers for the old one are told apart. */
let open = conversation(null);

function conversation(threadId) {
  return { threadId, view: null, busy: false, stopped: new AbortController() };
}

// --- entering and leaving

async function enter() {
  try {
    await Promise.all([assistants.load(), threads()]);
  } catch (error) {
    if (error.status === 401) key.forget();
    $("key-error").textContent = error.message;
    $("key-error").hidden = false;
    return atHome(false);
  }
  $("key-error").hidden = true;
  $("key").value = "";
  atHome(true);
  advise();
  await show(location.hash.slice(1) || null);
}

/** Says who answers and what is wrong with it; nothing waits for that. */
async function advise() {
  try {
    const { trouble, offline } = await health();
    answering.offline = offline;
    open.view?.show(open.view.run);
    $("advice").textContent = trouble ?? (offline ? "The offline demo answers: a handful of rules, not a language model." : "");
    $("advice").classList.toggle("error", trouble !== null);
    $("advice").hidden = trouble === null && !offline;
  } catch {
    // Whoever cannot be reached at all is told by the requests that matter.
  }
}

function atHome(inside) {
  $("entrance").hidden = inside;
  $("house").hidden = !inside;
  $(inside ? "text" : "key").focus();
}

function fail(error) {
  if (error?.name === "AbortError") return;
  $("notice").textContent = error === null ? "" : error.message;
  $("notice").hidden = error === null;
}

// --- conversations

async function threads(after = "") {
  const page = await api.get(`/v1/threads?limit=30${after && `&after=${after}`}`);
  if (after === "") $("threads").replaceChildren();
  $("threads").append(...page.data.map(entry));
  $("more-threads").hidden = !page.has_more;
  $("more-threads").dataset.after = page.last_id ?? "";
}

function entry(thread) {
  const made = new Date(thread.created_at * 1000);
  const title = thread.metadata.title || `Conversation ${thread.id.slice(-6)}`;
  const time = el("time", { datetime: made.toISOString() }, made.toLocaleString([], { dateStyle: "medium", timeStyle: "short" }));
  return el("li", {}, el("a", { href: `#${thread.id}`, "data-title": title }, el("span", {}, title), time));
}

/** Opens a thread; null is a new one. */
async function show(threadId) {
  open.stopped.abort();
  const here = (open = conversation(threadId));
  fail(null);
  menu(false);
  marked();
  update();
  if (threadId === null) return transcript.clear(greeting());
  transcript.clear(el("p", { class: "small" }, "Loading…"));
  try {
    const [messages, runs] = await load(here);
    here.view = transcript.thread(messages, runs);
    assistants.choose(runs.at(-1)?.run.assistant_id);
    await follow(here);
  } catch (error) {
    if (here === open) {
      transcript.clear();
      fail(error);
    }
  }
}

function greeting() {
  return el("div", { class: "greeting" },
    el("img", { src: "/playground/icon.svg", alt: "", width: "64", height: "64" }),
    el("h1", {}, "What shall we work on?"),
    el("p", {}, "Choose an assistant, or make one. Then write a message."));
}

async function load({ threadId, stopped: { signal } }) {
  const path = `/v1/threads/${encodeURIComponent(threadId)}`;
  const [messages, runs] = await Promise.all([all(`${path}/messages`, signal), all(`${path}/runs`, signal)]);
  const steps = await Promise.all(runs.map((run) => stepsOf(`${path}/runs/${run.id}`, signal)));
  return [messages, runs.map((run, index) => ({ run, steps: steps[index] }))];
}

function marked() {
  for (const link of $("threads").querySelectorAll("a")) {
    const current = link.hash.slice(1) === open.threadId;
    if (current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
    if (current) $("title").textContent = link.dataset.title;
  }
  if (open.threadId === null) $("title").textContent = "New conversation";
}

// --- messages and runs

async function send() {
  const here = open;
  const assistant = assistants.chosen;
  if (assistant === null) return assistants.open(null);
  fail(null);
  here.busy = true;
  update();
  try {
    const text = $("text").value;
    const message = { role: "user", ...(await attachments.message(text, assistant.tools)) };
    if (here.threadId === null) await begin(here, text);
    const path = `/v1/threads/${here.threadId}`;
    const said = await api.post(`${path}/messages`, message);
    $("text").value = "";
    attachments.clear();
    if (here !== open) return;
    grow();
    transcript.message(said);
    await listen(here, `${path}/runs`, { assistant_id: assistant.id });
  } catch (error) {
    if (here === open) fail(error);
  } finally {
    here.busy = false;
    if (here === open) update();
  }
}

async function begin(here, text) {
  const thread = await api.post("/v1/threads", { metadata: { title: text.trim().replace(/\s+/g, " ").slice(0, 80) } });
  here.threadId = thread.id;
  $("threads").prepend(entry(thread));
  if (here !== open) return;
  history.replaceState(null, "", `#${thread.id}`);
  transcript.clear();
  marked();
}

/** Starts or continues a run and shows its events; should the stream break off, asks for the run instead. */
async function listen(here, path, body) {
  let broken = false;
  here.busy = true;
  try {
    for await (const event of stream(path, body, here.stopped.signal)) {
      if (event.name === "thread.run.created") here.view = transcript.run(event.data, true);
      else if (event.name === "error") throw new Error(event.data.error.message);
      else here.view?.take(event);
      update();
    }
  } catch (error) {
    // A refused request has a status: nothing was started. Otherwise the run goes on without us.
    if (here.view === null || error.status || error.name === "AbortError") throw error;
    broken = true;
  } finally {
    here.busy = false;
  }
  await follow(here, broken);
}

/** Looks at an active run that nobody streams until it is over or asks for something. */
async function follow(here, first = false) {
  const { stopped: { signal } } = here;
  for (let once = first; here === open && here.view !== null && (once || isRunning(here.view.run)); once = false) {
    update();
    await new Promise((resolve) => setTimeout(resolve, POLL));
    const path = `/v1/threads/${here.threadId}`;
    const runPath = `${path}/runs/${here.view.run.id}`;
    const run = await api.get(runPath, signal);
    const [messages, steps] = await Promise.all([all(`${path}/messages`, signal), stepsOf(runPath, signal)]);
    fill(here.view, steps, new Map(messages.map((message) => [message.id, message])));
    here.view.show(run);
  }
  update();
}

function isRunning(run) {
  return isActive(run) && run.status !== "requires_action";
}

/** Answers a run's required action; tells whether that worked. */
async function submit(view, outputs) {
  const here = open;
  fail(null);
  try {
    const path = `/v1/threads/${here.threadId}/runs/${view.run.id}/submit_tool_outputs`;
    await listen(here, path, { tool_outputs: outputs });
    refocus();
    return true;
  } catch (error) {
    if (here === open) fail(error);
    return false;
  }
}

async function cancel() {
  const here = open;
  const held = document.activeElement === $("cancel");
  try {
    here.view.show(await api.post(`/v1/threads/${here.threadId}/runs/${here.view.run.id}/cancel`));
    if (!here.busy) await follow(here);
  } catch (error) {
    if (here === open) fail(error);
  }
  update();
  if (held && here === open && $("cancel").hidden) $("text").focus();
}

// --- the controls

/** Whoever used a form that has gone since would have lost the place. */
function refocus() {
  if (document.activeElement === document.body) $("text").focus();
}

function update() {
  const run = open.view?.run;
  const active = run !== undefined && isActive(run);
  $("cancel").hidden = !active;
  $("cancel").disabled = run?.status === "cancelling";
  $("send").disabled = active || open.busy;
  const status = active ? inWords(run.status) : open.busy ? "sending" : "";
  if ($("status").textContent !== status) $("status").textContent = status;
}

function grow() {
  $("text").style.height = "auto";
  $("text").style.height = `${$("text").scrollHeight + 2}px`;
}

function menu(shown) {
  $("house").classList.toggle("menu", shown);
  $("menu").setAttribute("aria-expanded", String(shown));
}

$("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  key.keep($("key").value.trim());
  enter();
});
$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!$("send").disabled) send();
});
$("text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("composer").requestSubmit();
});
$("text").addEventListener("input", grow);
$("attach").addEventListener("click", () => $("picker").click());
$("picker").addEventListener("change", () => {
  attachments.add([...$("picker").files], Number($("picker").dataset.part));
  $("picker").value = "";
});
$("cancel").addEventListener("click", cancel);
$("menu").addEventListener("click", () => menu(!$("house").classList.contains("menu")));
$("more-threads").addEventListener("click", () => threads($("more-threads").dataset.after).catch(fail));
$("new-thread").addEventListener("click", () => {
  history.pushState(null, "", location.pathname);
  show(null);
  $("text").focus();
});
$("leave").addEventListener("click", () => {
  key.forget();
  location.replace(location.pathname);
});
window.addEventListener("hashchange", () => key.get() !== null && show(location.hash.slice(1) || null));
window.addEventListener("popstate", () => key.get() !== null && location.hash === "" && show(null));

if (key.get() === null) atHome(false);
else enter();
