// The list of conversations in the sidebar: what is there, and what of it was looked for.

import { abreast, api } from "./api.js";
import { el, titled } from "./text.js";

const $ = (id) => document.getElementById(id);

/** Conversations that are asked for at once. */
const PAGE = 30;

/** How many a search looks at before it asks whether to go on. */
const FAR = 150;

/** What is listed. Made anew with every search, so late answers for the old one are told apart. */
let listed = { wanted: null, after: "", looked: 0, found: 0, stopped: new AbortController() };
let opened = null;

export const titleOf = (thread) => thread.metadata.title || `Conversation ${thread.id.slice(-6)}`;

/** Lists the newest conversations; those that have what is wanted: `{words, assistantId, key, value}`, each may be "". */
export async function find(wanted = null) {
  listed.stopped.abort();
  listed = { wanted, after: "", looked: 0, found: 0, stopped: new AbortController() };
  await more();
}

/** Lists older ones. */
export async function more() {
  const mine = listed;
  const { wanted, stopped: { signal } } = mine;
  const enough = mine.looked + (wanted === null ? 1 : FAR);
  for (let page = { has_more: true }; page.has_more && mine.looked < enough;) {
    page = await api.get(`/v1/threads?limit=${PAGE}${mine.after}`, signal);
    const fitting = wanted === null ? page.data.map(() => true) : await abreast(page.data, (each) => fits(each, wanted, signal));
    if (mine !== listed) return;
    const found = page.data.filter((_, index) => fitting[index]);
    if (mine.looked === 0) $("threads").replaceChildren();
    $("threads").append(...found.map(entry));
    mine.looked += page.data.length;
    mine.found += found.length;
    mine.after = `&after=${page.last_id}`;
    tell(mine, page.has_more);
  }
}

/** Whether a conversation has what is wanted; of each, its newest hundred runs and messages are looked at. */
async function fits(thread, { words, assistantId, key, value }, signal) {
  const has = (text) => text.toLowerCase().includes(words.toLowerCase());
  if (key !== "" && !(thread.metadata[key] ?? "").includes(value)) return false;
  if (key !== "" && !(key in thread.metadata)) return false;
  const newest = async (what) => (await api.get(`/v1/threads/${thread.id}/${what}?limit=100`, signal)).data;
  try {
    if (assistantId !== "" && !(await newest("runs")).some((run) => run.assistant_id === assistantId)) return false;
    if ([titleOf(thread), thread.id, ...Object.values(thread.metadata)].some(has)) return true;
    return (await newest("messages")).some((message) => message.content.some((part) => has(part.text?.value ?? "")));
  } catch (error) {
    if (error.status === 404) return false; // deleted meanwhile
    throw error;
  }
}

function tell({ wanted, looked, found }, further) {
  const among = further ? `the newest ${looked} conversations` : `all ${looked} conversations`;
  $("threads-found").textContent = wanted === null ? "" : `${found} found among ${among}.`;
  $("more-threads").textContent = wanted === null ? "Older ones" : "Look further";
  $("more-threads").hidden = !further;
}

export function add(thread) {
  $("threads").prepend(entry(thread));
}

/** A conversation has other words now. */
export function change(thread) {
  link(thread.id)?.parentElement.replaceWith(entry(thread));
  if (thread.id === opened) $("title").textContent = titleOf(thread);
}

export function remove(threadId) {
  link(threadId)?.parentElement.remove();
}

const link = (threadId) => [...$("threads").querySelectorAll("a")].find((each) => each.hash === `#${threadId}`);

function entry(thread) {
  const made = new Date(thread.created_at * 1000);
  const title = titleOf(thread);
  const time = el("time", { datetime: made.toISOString() }, made.toLocaleString([], { dateStyle: "medium", timeStyle: "short" }));
  const shown = el("a", { href: `#${thread.id}`, "data-title": title }, el("span", {}, title), time);
  if (thread.id === opened) shown.setAttribute("aria-current", "page");
  if (!thread.metadata.title) seen.observe(shown);
  return el("li", {}, shown);
}

/** Programs give no titles: such a conversation is called after its first message, which is asked for when it is seen. */
const seen = new IntersectionObserver((changes) => {
  for (const { isIntersecting, target } of changes) {
    if (!isIntersecting) continue;
    seen.unobserve(target);
    call(target).catch(() => {}); // it keeps its number
  }
});

async function call(shown) {
  const id = shown.hash.slice(1);
  const { data: [first] } = await api.get(`/v1/threads/${encodeURIComponent(id)}/messages?order=asc&limit=1`);
  const title = titled(first?.content.find((part) => part.type === "text")?.text.value ?? "");
  if (title === "") return;
  shown.dataset.title = shown.firstChild.textContent = title;
  if (id === opened) $("title").textContent = title;
}

/** Shows which of them is open; null is a new one. */
export function mark(threadId) {
  opened = threadId;
  for (const each of $("threads").querySelectorAll("a")) {
    if (each.hash.slice(1) === threadId) each.setAttribute("aria-current", "page");
    else each.removeAttribute("aria-current");
  }
  $("manage-thread").hidden = threadId === null;
  $("title").textContent = threadId === null ? "New conversation" : link(threadId)?.dataset.title ?? "Conversation";
  // It may be older than what is listed.
  if (threadId !== null && link(threadId) === undefined) api.get(`/v1/threads/${encodeURIComponent(threadId)}`).then(change, () => {});
}
