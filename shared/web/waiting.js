// What waits for an approval in other conversations: a button while there is something, and the list that it opens.

import { abreast, api } from "./api.js";
import { described } from "./call_kinds.js";
import { inspect, leaveInspector } from "./inspector.js";
import { timeOf } from "./status.js";
import { el } from "./text.js";
import { titleOf } from "./threads.js";

const PATH = "/v1/approvals?limit=100";

export class Waiting {
  /** `opened()` returns the id of the conversation that is open, or null. */
  constructor(place, opened) {
    this.place = place;
    this.opened = opened;
    this.words = "";
  }

  /** Asks what waits. Nothing waits for that, and whoever cannot be reached is told by the requests that matter. */
  async look() {
    try {
      const { data, has_more: further } = await api.get(PATH);
      this.show(this.elsewhere(data).length, further);
    } catch {
      // The next look may tell.
    }
  }

  elsewhere(approvals) {
    return approvals.filter((each) => each.thread_id !== this.opened());
  }

  show(count, further) {
    const words = count === 0 ? "" : `${count}${further ? "+" : ""} ${count === 1 && !further ? "waits" : "wait"} for approval`;
    if (words === this.words) return;
    this.words = words;
    this.place.replaceChildren(...(count === 0 ? [] : [el("button", { type: "button", onclick: () => this.list() }, words)]));
  }

  list() {
    inspect("Waiting for your approval", async (signal) => {
      const { data } = await api.get(PATH, signal);
      const waiting = this.elsewhere(data);
      const titles = await abreast(waiting, (each) => title(each.thread_id, signal));
      if (waiting.length === 0) return el("p", {}, "Nothing waits in other conversations.");
      return [
        el("p", { class: "small" }, "Newest first. Calls are approved or denied in their conversation."),
        el("ul", { class: "plainlist" }, waiting.map((each, index) => entry(each, titles[index]))),
      ];
    });
  }
}

async function title(threadId, signal) {
  try {
    return titleOf(await api.get(`/v1/threads/${threadId}`, signal));
  } catch (error) {
    if (error.status === 404) return threadId; // deleted meanwhile
    throw error;
  }
}

function entry(approval, words) {
  const open = () => {
    leaveInspector();
    location.hash = approval.thread_id;
  };
  return el("li", { class: "thing" },
    el("strong", {}, words),
    el("span", { class: "small" }, `asked ${timeOf(approval.created_at)}, waits until ${timeOf(approval.expires_at)}`),
    approval.tool_calls.map((call) => {
      const { title: named, gist } = described(call);
      return el("p", {}, named, " ", el("code", {}, gist));
    }),
    el("p", { class: "row" }, el("button", { type: "button", "aria-label": `Open conversation ${words}`, onclick: open }, "Open conversation")));
}
