// A dialog beside the conversation, for those who build with the API: one view at a time, and the way back.

import { api } from "./api.js";
import { copyButton, el, pre } from "./text.js";

const back = el("button", { type: "button", onclick: () => step(-1) }, "Back");
const heading = el("h2", { id: "inspector-heading" });
const content = el("div", { class: "content" });
const close = el("button", { type: "button", onclick: () => dialog.close() }, "Close");
const dialog = el("dialog", { id: "inspector", "aria-labelledby": "inspector-heading" },
  el("div", { class: "row head" }, back, heading, close), content);
dialog.addEventListener("close", leave);
document.body.append(dialog);

/** The views that lead to the present one, which is the last. */
let views = [];

/**
 * Shows a view: `paint(signal, refresh)` returns its elements, or a promise of them; the signal is aborted when the view is
 * left, and `refresh()` paints it again.
 */
export function inspect(title, paint) {
  views.push({ title, paint });
  step(0);
  if (!dialog.open) dialog.showModal();
}

export const leaveInspector = () => dialog.close();

let stopped = new AbortController();

function step(by) {
  if (by < 0) views.pop();
  const view = views.at(-1);
  stopped.abort();
  stopped = new AbortController();
  heading.textContent = view.title;
  back.hidden = views.length < 2;
  content.replaceChildren(el("p", { class: "small" }, "Loading…"));
  draw(view, stopped.signal);
}

async function draw(view, signal) {
  let shown;
  try {
    shown = await view.paint(signal, () => signal.aborted || draw(view, signal));
  } catch (error) {
    if (error.name === "AbortError") return;
    shown = [el("p", { class: "error", role: "alert" }, error.message)];
  }
  if (signal.aborted) return;
  // Painted again, a view keeps open what was opened: what is new comes at its end.
  const opened = [...content.querySelectorAll("details")].map((each) => each.open);
  content.replaceChildren(...[shown].flat());
  content.querySelectorAll("details").forEach((each, index) => (each.open ||= opened[index] ?? false));
}

function leave() {
  stopped.abort();
  views = [];
  content.replaceChildren();
}

/** A button that shows an object of the API as JSON, as it is now. */
export function jsonButton(path, what, label = "JSON") {
  const show = () => inspect(what, async (signal) => {
    const text = JSON.stringify(await api.get(path, signal), null, 2);
    return [el("p", { class: "small" }, el("code", {}, `GET ${path}`)), copyButton("Copy", () => text), pre(text)];
  });
  return el("button", { type: "button", class: "plain json", "aria-label": `${what} as JSON`, onclick: show }, label);
}

/** An id with a button that copies it. */
export function idOf(id) {
  const copy = copyButton("Copy", () => id);
  copy.setAttribute("aria-label", `Copy ${id}`);
  return el("span", { class: "id" }, el("code", {}, id), copy);
}
