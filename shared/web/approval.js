// Calls that wait for approval: each with what it would be made with, and the buttons that say whether it may be made.

import { described, nameOf } from "./call_kinds.js";
import { timeOf } from "./status.js";
import { el } from "./text.js";

/** Milliseconds within which a click is none: it was meant for what stood here before, or is half of a double click. */
const UNREAD = 400;

/** The form for a run's calls; `answer(approvals)` gets what was said of all of them, once nothing is open. */
export function approvalForm(run, calls, answer) {
  const shownAt = performance.now();
  const given = new Map();
  const state = el("p", { class: "small", role: "status" });
  const rows = calls.map((call, index) => new Row(call, calls.length > 1 ? `, call ${index + 1} of ${calls.length}` : "", decide));

  async function decide(call, approve, event) {
    if (event.timeStamp - shownAt < UNREAD) return;
    given.set(call.id, approve);
    show();
    if (given.size < calls.length) return;
    rows.forEach((row) => row.enable(false));
    await answer(calls.map(({ id }) => ({ tool_call_id: id, approve: given.get(id) })));
    // Still here, it did not arrive.
    given.clear();
    rows.forEach((row) => row.enable(true));
    show();
  }

  function show() {
    rows.forEach((row) => row.show(given.get(row.call.id)));
    const open = calls.length - given.size;
    state.textContent = given.size === 0 || open === 0 ? "" : `${open} of ${calls.length} still to be said: all are answered together.`;
  }

  const until = run.expires_at ? ` The run waits until ${timeOf(run.expires_at)}.` : "";
  const words = calls.length > 1 ? "These calls are not made before you say so." : "This call is not made before you say so.";
  return el("section", { class: "card action", tabindex: "-1", "aria-label": "Waits for your approval" },
    el("p", {}, el("strong", {}, "The assistant asks for your approval."), ` ${words}${until}`),
    rows.map((row) => row.element), state);
}

class Row {
  constructor(call, place, decide) {
    this.call = call;
    const { title, body } = described(call);
    const button = (word, approve) => el("button", {
      type: "button", "aria-pressed": "false", "aria-label": `${word} ${nameOf(call)}${place}`, onclick: (event) => decide(call, approve, event),
    }, word);
    this.approve = button("Approve", true);
    this.deny = button("Deny", false);
    this.element = el("div", { role: "group", "aria-label": `${nameOf(call)}${place}` },
      el("p", { class: "title" }, title), body, el("p", { class: "row" }, this.approve, this.deny));
  }

  show(said) {
    this.approve.setAttribute("aria-pressed", String(said === true));
    this.deny.setAttribute("aria-pressed", String(said === false));
  }

  enable(enabled) {
    this.approve.disabled = this.deny.disabled = !enabled;
  }
}
