// The trace of a run: its turns, what each did and when, the tokens that each took, and what happened to the run.

import { api, pause, stepsOf } from "./api.js";
import { CallView } from "./calls.js";
import { idOf, inspect, jsonButton } from "./inspector.js";
import { answererOf, endOf, failureOf, inWords, isActive, lasting, timeOf, tokensOf, unapproved } from "./status.js";
import { el } from "./text.js";
import { eventsOf, timeline } from "./timeline.js";

/** Seconds after which the trace of an active run is read again. */
const AGAIN = 2;
/** What steps say of how their turn was served, beside the summary of its reasoning. */
const REMARKS = { service_tier: "Tier", completion_window: "Window", usage: "Usage", reasoning_withheld: "Reasoning withheld" };

/** What a step is, by its type. */
const WORDS = { message_creation: "Message", tool_calls: "Tool calls", activities: "Tools listed" };

export function showTrace({ thread_id: threadId, id }) {
  const path = `/v1/threads/${threadId}/runs/${id}`;
  inspect("Trace of a run", async (signal, refresh) => {
    const [run, steps, events] = await Promise.all([api.get(path, signal), stepsOf(path, signal), eventsOf(path, signal)]);
    if (isActive(run)) pause(AGAIN, signal).then(refresh, () => {});
    return [facts(run, path), turnsOf(steps).map((turn, index) => turnView(turn, index + 1, run)), timeline(events)].flat();
  });
}

/** Steps by turn: a turn ends with its calls, or with the message that has its usage or says why it has none. */
export function turnsOf(steps) {
  const turns = [];
  let isOver = true;
  for (const step of steps) {
    if (isOver) turns.push([]);
    turns.at(-1).push(step);
    isOver = step.type === "tool_calls" || step.usage?.total_tokens > 0 || step.metadata?.usage !== undefined;
  }
  return turns;
}

function facts(run, path) {
  const end = endOf(run) ?? (isActive(run) ? Date.now() / 1000 : null);
  const failure = failureOf(run);
  return el("dl", { class: "facts" }, [
    ["Run", [idOf(run.id), " ", jsonButton(path, "Run")]],
    ["Status", [el("span", { class: `badge ${run.status}` }, inWords(run.status)), failure ? el("span", { class: "error" }, ` ${failure}`) : ""]],
    ["Answered by", [answererOf(run.model)]],
    ["Assistant", [idOf(run.assistant_id)]],
    ["Thread", [idOf(run.thread_id)]],
    ["Began", [`${timeOf(run.created_at)}${run.started_at === null ? "" : `, waited ${lasting(run.started_at - run.created_at)}`}`]],
    ...(end === null ? [] : [["Took", [lasting(Math.max(0, end - run.created_at))]]]),
    ...(run.usage ? [["Used", [`${run.usage.total_tokens.toLocaleString("en")} tokens: ${tokensOf(run.usage)}`]]] : []),
  ].flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

function turnView(steps, number, run) {
  const last = steps.at(-1);
  const remarks = Object.entries(REMARKS).filter(([name]) => last.metadata?.[name]).map(([name, word]) => `${word}: ${last.metadata[name]}`);
  const thought = last.metadata?.reasoning_summary;
  return el("section", { class: "turn" },
    el("h3", {}, `Turn ${number} `, el("span", { class: "small tokens" }, [tokensOf(last.usage), ...remarks].filter(Boolean).join(" · "))),
    thought ? el("details", { class: "call" }, el("summary", {}, "What it told of its reasoning"), el("p", { class: "body" }, thought)) : null,
    steps.map((step) => stepView(step, run)));
}

function stepView(step, run) {
  const path = `/v1/threads/${run.thread_id}/runs/${run.id}/steps/${step.id}`;
  const { message_creation: { message_id: messageId } = {}, tool_calls: calls, activities } = step.step_details;
  const waiting = unapproved(run);
  const error = step.last_error?.message;
  const end = endOf(step);
  const took = end === null ? inWords(step.status) : `took ${lasting(end - step.created_at)}`;
  return el("div", { class: "traced" },
    el("p", { class: "small" },
      el("span", { class: "at" }, `+${lasting(step.created_at - run.created_at)}`),
      ` ${WORDS[step.type] ?? inWords(String(step.type))}, ${took} `, jsonButton(path, "Step", messageId ? "Step JSON" : "JSON"),
      messageId ? [" · ", jsonButton(`/v1/threads/${run.thread_id}/messages/${messageId}`, "Message", "Message JSON")] : null,
      step.status === "completed" || step.status === "in_progress" ? null : el("span", { class: "error" }, ` ${inWords(step.status)}`)),
    error ? el("p", { class: "error" }, error) : null,
    (calls ?? activities ?? []).map((call) => callView(call, step, waiting.has(call.id))));
}

function callView(call, step, waits) {
  const view = new CallView(false);
  view.show(call, step, waits);
  return view.element;
}
