// A tool call as it is shown: one line with its duration, and what went in and came out when it is opened.

import { fileLink, picture } from "./files.js";
import { endOf, inWords, lasting } from "./status.js";
import { el, pre } from "./text.js";

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
  }

  show(call, step) {
    const now = JSON.stringify([call, step.status]);
    if (now === this.drawn) return;
    this.drawn = now;
    const { title, gist, body } = KINDS[call.type]?.(call[call.type] ?? {}) ?? { title: call.type, gist: "", body: [] };
    this.element.dataset.status = step.status;
    this.title.replaceChildren(...[title].flat());
    this.gist.textContent = gistOf(gist).slice(0, 200);
    const error = step.last_error?.message;
    this.body.replaceChildren(...body.flat(Infinity), ...(error ? [el("p", { class: "error" }, error)] : []));
    this.keepTime(call, step);
  }

  keepTime(call, step) {
    const isOver = step.status !== "in_progress" || (call.function?.output ?? null) !== null;
    if (isOver) this.took ??= this.live ? (performance.now() - this.begun) / 1000 : (endOf(step) ?? step.created_at) - step.created_at;
    clearTimeout(this.waiting);
    const failed = step.status === "completed" || step.status === "in_progress" ? "" : `${inWords(step.status)} · `;
    if (isOver) this.time.textContent = failed + lasting(this.took);
    else this.tick(step);
  }

  tick(step) {
    const begun = this.live ? this.begun : performance.now() - (Date.now() - 1000 * step.created_at);
    this.time.textContent = `running · ${lasting(Math.max(0, Math.round((performance.now() - begun) / 1000)))}`;
    this.waiting = setTimeout(() => this.element.isConnected && this.tick(step), 1000);
  }
}

/** Kind of tool call -> its title, its gist in a line, and what is below. */
const KINDS = {
  function: (call) => ({
    title: ["Function ", el("code", {}, call.name ?? "")],
    gist: call.arguments ?? "",
    body: [
      part("Arguments", pre(indented(call.arguments ?? ""))),
      call.output === null || call.output === undefined ? [] : part("Output", pre(indented(call.output))),
    ],
  }),
  code_interpreter: (call) => ({
    title: "Code interpreter",
    gist: call.input ?? "",
    body: [
      part("Code", pre(call.input ?? "")),
      (call.outputs ?? []).filter(Boolean).map((output) => output.type === "logs"
        ? part("Output", pre(output.logs))
        : part("Picture", output.image?.file_id ? picture(output.image.file_id, "Picture drawn by the code") : "")),
    ],
  }),
  file_search: (call) => ({
    title: "File search",
    gist: call.results ? `${call.results.length} found` : "",
    body: (call.results ?? []).map((result) => [
      el("p", {}, fileLink(result.file_id, result.file_name), el("span", { class: "small" }, ` score ${result.score.toFixed(2)}`)),
      (result.content ?? []).map((each) => pre(each.text ?? "")),
    ]),
  }),
};

/** The first line that says something. */
function gistOf(text) {
  const lines = text.trim().split("\n");
  return lines.find((line) => line.trim() !== "" && !/^\s*(import |from |#)/.test(line)) ?? lines[0];
}

function part(label, content) {
  return [el("p", { class: "label" }, label), content];
}

/** JSON made readable; anything else as it is. */
export function indented(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" ? JSON.stringify(value, null, 2) : text;
  } catch {
    return text;
  }
}
