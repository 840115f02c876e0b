// The row above the conversation for those who build with the API: ids, code, troubled runs, usage, requests.

import { showCode } from "./code.js";
import { idOf, inspect, jsonButton } from "./inspector.js";
import { showRequests } from "./requests.js";
import { el } from "./text.js";
import { showTrouble } from "./trouble.js";
import { showUsage } from "./usage.js";

const $ = (id) => document.getElementById(id);

/** `shown()` returns the chosen assistant, or null, and the open thread's id, or null. */
export function addToolbar(shown) {
  const button = (label, onclick) => el("button", { type: "button", class: "plain", onclick }, label);
  const code = button("View code", () => showCode(() => materials(shown())));
  const offer = () => (code.disabled = shown().assistant === null);
  $("assistant").addEventListener("change", offer);
  offer();
  $("talk").prepend(el("div", { class: "toolbar", role: "group", "aria-label": "For developers" },
    button("Ids", () => showIds(shown())), code, button("Failed runs", showTrouble), button("Usage", showUsage), button("Requests", showRequests)));
}

/** Kinds of tools whose calls need no approval: they run in the sandbox, search files, or are the client's. */
const NEVER_ASK = new Set(["code_interpreter", "file_search", "function"]);

/** What programs for the shown assistant and conversation are made of. */
function materials({ assistant, threadId }) {
  return {
    base: `${location.origin}/v1`,
    assistantId: assistant.id,
    threadId,
    question: $("text").value.trim() || assistant.metadata?.prompt_1 || "Hello!",
    hasFunctions: assistant.tools.some((tool) => tool.type === "function"),
    mayAsk: (assistant.metadata?.server_tools ?? "").trim() !== "" || assistant.tools.some((tool) => !NEVER_ASK.has(tool.type)),
  };
}

function showIds({ assistant, threadId }) {
  inspect("Ids", () => [
    assistant === null ? null : owned("Assistant", `/v1/assistants/${assistant.id}`, assistant.id, resourcesOf(assistant)),
    threadId === null ? el("p", { class: "small" }, "A new conversation gets its id with the first message.")
      : owned("Conversation (thread)", `/v1/threads/${threadId}`, threadId, [["Messages", `/v1/threads/${threadId}/messages`], ["Runs", `/v1/threads/${threadId}/runs`]]),
  ].filter((each) => each !== null));
}

/** A heading, its id, and what belongs to it: names or ids with their paths. */
function owned(name, path, id, others) {
  const item = ([label, where]) => el("li", {}, /_|^file-/.test(label) ? idOf(label) : label, " ", jsonButton(where, label));
  return el("section", {}, el("h3", {}, name), el("p", {}, idOf(id), " ", jsonButton(path, name)), el("ul", { class: "plainlist" }, others.map(item)));
}

function resourcesOf({ tool_resources: resources }) {
  const files = (resources?.code_interpreter?.file_ids ?? []).map((id) => [id, `/v1/files/${id}`]);
  const stores = (resources?.file_search?.vector_store_ids ?? []).map((id) => [id, `/v1/vector_stores/${id}`]);
  return [...files, ...stores];
}
