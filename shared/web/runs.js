// A run as it is shown: its status, its steps, its messages, and what it asks for.

import { approvalForm } from "./approval.js";
import { indented } from "./call_kinds.js";
import { CallView } from "./calls.js";
import { idOf } from "./inspector.js";
import { MessageView, merge } from "./messages.js";
import { answererOf, failureOf, inWords, unapproved, wantedOf } from "./status.js";
import { el, pre } from "./text.js";

export class RunView {
  /**
   * `hooks`: `submit(run, answers)` answers what the run asks for, by `tool_outputs` or `tool_approvals`,
   * `trace(run)` shows its trace, `fail(error)` tells the user.
   */
  constructor(run, hooks, live) {
    this.hooks = hooks;
    this.live = live;
    this.items = new Map();
    this.unapproved = new Set();
    this.list = el("div", { class: "items" });
    this.action = el("div");
    this.foot = el("p", { class: "run-status small" });
    this.element = el("div", { class: "run", role: "group", "aria-label": "Run" }, this.list, this.action, this.foot);
    this.show(run);
  }

  /** Takes an event of the stream. */
  take({ name, data }) {
    if (name === "thread.run.step.delta") this.items.get(data.id)?.grow(data.delta.step_details);
    else if (name === "thread.message.delta") this.items.get(data.id)?.grow(data.delta);
    else if (name.startsWith("thread.run.step.")) this.step(data);
    else if (name.startsWith("thread.message.")) this.message(data);
    else if (name.startsWith("thread.run.")) this.show(data);
  }

  step(step) {
    if (step.type === "tool_calls") this.item(step, () => new StepView(step, this.live, (call) => this.unapproved.has(call.id)));
  }

  message(message) {
    this.item(message, () => new MessageView(message, this.hooks.fail));
  }

  /** Takes everything else away. */
  keep(ids) {
    for (const [id, item] of this.items) {
      if (ids.has(id)) continue;
      item.element.remove();
      this.items.delete(id);
    }
  }

  item(data, make) {
    const known = this.items.get(data.id);
    if (known !== undefined) return known.show(data);
    const made = make();
    this.items.set(data.id, made);
    this.list.append(made.element);
  }

  show(run) {
    this.run = run;
    const tokens = run.usage?.total_tokens ? ` · ${run.usage.total_tokens.toLocaleString("en")} tokens` : "";
    const failure = failureOf(run);
    this.element.dataset.status = run.status;
    this.foot.replaceChildren(
      el("span", { class: `badge ${run.status}` }, inWords(run.status)),
      ` ${answererOf(run.model)}${tokens} · `, idOf(run.id), " ",
      el("button", { type: "button", class: "plain", onclick: () => this.hooks.trace(this.run) }, "Trace"),
      failure === null ? "" : el("span", { class: "error" }, failure),
    );
    const wanted = wantedOf(run);
    const asked = wanted === null ? "" : [wanted.type, ...wanted.calls.map((call) => call.id)].join();
    if (asked === this.asked) return; // what was typed so far must stay
    this.asked = asked;
    this.unapproved = unapproved(run);
    for (const item of this.items.values()) if (item instanceof StepView) item.draw();
    this.action.replaceChildren(...(wanted === null ? [] : [this.answering(wanted)]));
    // Buttons are not for keys that were pressed for something else.
    if (this.live) this.action.querySelector("textarea")?.focus();
  }

  /** Where what the run asks for is answered. */
  answering({ type, calls }) {
    if (type === "submit_tool_outputs") return this.form(calls);
    if (type === "submit_tool_approval") return approvalForm(this.run, calls, (approvals) => this.hooks.submit(this, { tool_approvals: approvals }));
    return el("div", { class: "card action" }, el("p", {}, `The run waits for something that this page does not know: ${type}`),
      pre(JSON.stringify(this.run.required_action, null, 2)));
  }

  /** The form for the outputs of functions that the client runs: you. */
  form(calls) {
    const fields = calls.map((call) => el("textarea", { rows: "3", class: "code", id: `output-${call.id}`, spellcheck: "false" }));
    const button = el("button", { class: "primary" }, calls.length > 1 ? "Submit outputs" : "Submit output");
    const submit = async (event) => {
      event.preventDefault();
      button.disabled = true;
      const outputs = calls.map((call, index) => ({ tool_call_id: call.id, output: fields[index].value }));
      await this.hooks.submit(this, { tool_outputs: outputs });
      button.disabled = false; // still here, it did not arrive
    };
    return el("form", { class: "card action", onsubmit: submit },
      el("p", {}, el("strong", {}, "The assistant calls your function."), " Type what it returns."),
      calls.map((call, index) => el("div", {},
        el("label", { for: fields[index].id }, el("code", {}, call.function.name)),
        pre(indented(call.function.arguments)), fields[index])),
      button);
  }
}

class StepView {
  /** `waits(call)`: whether the call waits for an approval. */
  constructor(step, live, waits) {
    this.element = el("div", { class: "step" });
    this.calls = [];
    this.live = live;
    this.waits = waits;
    this.show(step);
  }

  show(step) {
    this.step = step;
    this.draw();
  }

  grow(details) {
    merge(this.step.step_details.tool_calls, details.tool_calls ?? []);
    this.waiting ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    cancelAnimationFrame(this.waiting);
    this.waiting = undefined;
    this.step.step_details.tool_calls.forEach((call, index) => {
      if (call === undefined) return;
      if (this.calls[index] === undefined) {
        this.calls[index] = new CallView(this.live);
        this.element.append(this.calls[index].element);
      }
      this.calls[index].show(call, this.step, this.waits(call));
    });
  }
}
