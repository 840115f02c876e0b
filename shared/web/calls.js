// A tool call as it is shown: one line with its duration, and what went in and came out when it is opened.

import { described, hasOutput } from "./call_kinds.js";
import { endOf, inWords, lasting, timeOf } from "./status.js";
import { el } from "./text.js";

export class CallView {
  /** A live call is timed here; of others the store has when their step began and ended, in whole seconds. */
  constructor(live) {
    this.live = live;
    this.begun = performance.now();
    this.title = el("span", { class: "title" });
    this.gist = el("code", { class: "gist" });
    this.time = el("span", { class: "small time" });
    this.body = el("div", { class: "body" });
    this.element = el("details", { class: "call" }, el("summary", {}, this.title, this.gist, this.time), this.body);
    this.drawn = "";
    this.waits = false;
  }

  /** `waits`: nobody has said yet whether the call may be made. */
  show(call, step, waits = false) {
    const now = JSON.stringify([call, step.status, waits]);
    if (now === this.drawn) return;
    this.drawn = now;
    if (this.waits && !waits) this.begun = performance.now();
    this.waits = waits;
    const { title, gist, body } = described(call);
    this.element.dataset.status = step.status;
    this.title.replaceChildren(...title);
    this.gist.textContent = gist;
    const error = step.last_error?.message;
    this.body.replaceChildren(...verdict(call), ...body, ...(error ? [el("p", { class: "error" }, error)] : []));
    this.keepTime(call, step);
  }

  keepTime(call, step) {
    const isOver = step.status !== "in_progress" || hasOutput(call);
    const begun = call.approval?.at ?? step.created_at;
    if (isOver) this.took ??= this.live ? (performance.now() - this.begun) / 1000 : Math.max(0, (endOf(step) ?? begun) - begun);
    clearTimeout(this.waiting);
    const words = [
      step.status === "completed" || step.status === "in_progress" ? null : inWords(step.status),
      call.approval ? `${said(call.approval)} by ${call.approval.by}` : null,
    ].filter(Boolean);
    if (isOver) this.time.textContent = [...words, lasting(this.took)].join(" · ");
    else if (this.waits) this.time.textContent = "waits for approval";
    else this.tick(begun, words);
  }

  tick(since, words) {
    const begun = this.live ? this.begun : performance.now() - (Date.now() - 1000 * since);
    const seconds = Math.max(0, Math.round((performance.now() - begun) / 1000));
    this.time.textContent = [...words, "running", lasting(seconds)].join(" · ");
    this.waiting = setTimeout(() => this.element.isConnected && this.tick(since, words), 1000);
  }
}

const said = ({ approve }) => (approve ? "approved" : "denied");

/** Who said whether the call may be made, and when. */
function verdict({ approval }) {
  if (!approval) return [];
  const words = `${approval.approve ? "Approved" : "Denied"} by ${approval.by}${approval.at ? `, ${timeOf(approval.at)}` : ""}`;
  return [el("p", { class: "verdict" }, words)];
}
