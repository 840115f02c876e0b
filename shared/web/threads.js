// The list of conversations in the sidebar.

import { api } from "./api.js";
import { el } from "./text.js";

const $ = (id) => document.getElementById(id);

export async function load(after = "") {
  const page = await api.get(`/v1/threads?limit=30${after && `&after=${after}`}`);
  if (after === "") $("threads").replaceChildren();
  $("threads").append(...page.data.map(entry));
  $("more-threads").hidden = !page.has_more;
  $("more-threads").dataset.after = page.last_id ?? "";
}

export function add(thread) {
  $("threads").prepend(entry(thread));
}

function entry(thread) {
  const made = new Date(thread.created_at * 1000);
  const title = thread.metadata.title || `Conversation ${thread.id.slice(-6)}`;
  const time = el("time", { datetime: made.toISOString() }, made.toLocaleString([], { dateStyle: "medium", timeStyle: "short" }));
  return el("li", {}, el("a", { href: `#${thread.id}`, "data-title": title }, el("span", {}, title), time));
}

/** Shows which of them is open; null is a new one. */
export function mark(threadId) {
  for (const link of $("threads").querySelectorAll("a")) {
    const current = link.hash.slice(1) === threadId;
    if (current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
    if (current) $("title").textContent = link.dataset.title;
  }
  if (threadId === null) $("title").textContent = "New conversation";
}
