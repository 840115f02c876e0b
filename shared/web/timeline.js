// What happened to a run, in order: when, who did it, and how long it took.

import { all } from "./api.js";
import { inWords, lasting } from "./status.js";
import { el, revealed } from "./text.js";

/** A run's events, oldest first. */
export const eventsOf = (runPath, signal) => all(`${runPath}/events`, signal);

/** The events as a list, with a bar for what took time; nothing for a run of which none are known. */
export function timeline(events) {
  if (events.length === 0) return [];
  const began = events[0].created_at_ms;
  const whole = Math.max(1, ...events.map((each) => each.created_at_ms - began));
  return [el("section", { class: "timeline" },
    el("h3", {}, "What happened"),
    el("ol", { class: "plainlist" }, events.map((each) => entry(each, each.created_at_ms - began, whole))))];
}

function entry({ type, by, details }, at, whole) {
  const { duration_ms: took, ...known } = details;
  const words = [
    took === undefined ? null : `took ${lasting(took / 1000)}`,
    by === null ? null : `by ${by}`,
    ...Object.entries(known).map(([name, value]) => `${inWords(name)} ${[value].flat().join(", ")}`),
  ];
  return el("li", { class: "small" },
    el("span", { class: "at" }, `+${lasting(at / 1000)}`), " ",
    el("span", {}, el("strong", {}, inWords(type.replaceAll(".", " "))), " ", revealed(words.filter(Boolean).join(" · "))),
    took === undefined ? null : bar(Math.max(0, at - took) / whole, Math.min(took, at) / whole));
}

/** From where to where it took, of the time from the first event to the last. */
function bar(start, length) {
  const line = el("span", { class: "bar", "aria-hidden": "true" });
  line.style.marginInlineStart = `${100 * start}%`;
  line.style.width = `max(2px, ${100 * length}%)`;
  return line;
}
