// The journal of the page's requests, to be looked through.

import { indented } from "./call_kinds.js";
import { inspect } from "./inspector.js";
import { journal, news } from "./journal.js";
import { copyButton, el, pre } from "./text.js";

export function showRequests() {
  inspect("Requests of this page", (signal) => {
    const list = el("ul", { class: "plainlist requests" });
    let shown = null;
    const paint = () => {
      const known = journal.indexOf(shown);
      list.prepend(...journal.slice(0, known < 0 ? journal.length : known).map((entry) => entryView(entry, signal)));
      [shown] = journal;
    };
    news.addEventListener("change", paint, { signal });
    paint();
    const about = "Newest first, the last 200 since the page was loaded. The key and other headers are not kept.";
    return [el("p", { class: "small" }, about), list];
  });
}

function entryView(entry, signal) {
  const { method, path, at } = entry;
  const body = el("div", { class: "body" });
  const view = el("details", { class: "call", ontoggle: () => view.open && fill(body, entry) },
    el("summary", {}, el("code", { class: "what" }, `${method} ${path}`), outcome(entry, signal)), body);
  view.title = at.toLocaleTimeString();
  return el("li", {}, view);
}

function outcome(entry, signal) {
  const element = el("span", { class: "small time" });
  const say = () => {
    element.textContent = entry.status === null ? "under way" : `${entry.status || "no answer"} · ${entry.ms} ms`;
    element.classList.toggle("error", entry.status === 0 || entry.status >= 400);
  };
  say();
  if (entry.status === null) news.addEventListener("change", say, { signal });
  return element;
}

function fill(body, { at, requestId, body: sent, answer }) {
  body.replaceChildren(
    el("p", { class: "small" }, at.toLocaleString(), ...(requestId === null ? [] : [" · request ", el("code", {}, requestId), " ", copyButton("Copy", () => requestId)])),
    ...part("Sent", sent), ...part("Answered", answer),
  );
}

const part = (label, text) => (text === null ? [] : [el("p", { class: "label" }, label), pre(indented(text))]);
