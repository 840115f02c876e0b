// Runs that failed or stand still, in all conversations: the box looks through the newest ones, some at a time.

import { api } from "./api.js";
import { inspect, jsonButton, leaveInspector } from "./inspector.js";
import { failureOf, inWords, timeOf } from "./status.js";
import { el } from "./text.js";
import { showTrace } from "./trace.js";

const WORDS = { waiting: "waits for tool outputs", unapproved: "waits for approval", stuck: "stuck: nobody works at it" };

export function showTrouble() {
  inspect("Failed and stuck runs", async (signal) => {
    const list = el("ul", { class: "plainlist" });
    const more = el("button", { type: "button" }, "Look through older conversations");
    const state = el("p", { class: "small", role: "status" });
    let after = "";
    const load = async () => {
      const found = await api.get(`/playground/troubled_runs?after=${after}`, signal);
      list.append(...found.data.map(entry));
      after = found.last_id;
      more.hidden = !found.has_more;
      const count = list.childElementCount;
      state.textContent = `${count === 0 ? "None" : count} in the ${found.has_more ? "newest" : ""} conversations that were looked through.`.replace("  ", " ");
    };
    more.addEventListener("click", () => load().catch((error) => (state.textContent = error.message)));
    await load();
    return [state, list, more];
  });
}

function entry(run) {
  const path = `/v1/threads/${run.thread_id}/runs/${run.id}`;
  const open = () => {
    leaveInspector();
    location.hash = run.thread_id;
  };
  return el("li", {},
    el("span", { class: `badge ${run.status}` }, WORDS[run.trouble] ?? inWords(run.trouble)), ` ${timeOf(run.created_at)} · `, el("code", {}, run.id),
    failureOf(run) ? el("p", { class: "error" }, failureOf(run)) : null,
    el("p", { class: "row" },
      el("button", { type: "button", onclick: () => showTrace(run) }, "Trace"),
      el("button", { type: "button", onclick: open }, "Open conversation"), jsonButton(path, "Run")));
}
