// What a tool call says, by its kind: a title, its gist in a line, and what is below. A kind that is not known, or has not
// the shape of its kind, is shown as the JSON that it is.

import { fileLink, picture } from "./files.js";
import { inWords } from "./status.js";
import { el, pageLink, pre, revealed } from "./text.js";

/** What is shown of a call, or of an activity of a step. */
export function described(call) {
  let found;
  try {
    found = (KINDS.get(call.type) ?? unknown)(call[call.type] ?? {}, call);
  } catch {
    found = unknown({}, call);
  }
  return { title: [found.title].flat(), gist: gistOf(found.gist ?? "").slice(0, 200), body: found.body.flat(Infinity) };
}

/** What a call is of, in a word. */
export const nameOf = (call) => revealed(String(call[call.type]?.name ?? call.name ?? inWords(String(call.type))));

/** Whether a call has its outcome, where its kind shows one. */
export const hasOutput = (call) => (call.output ?? call[call.type]?.output ?? null) !== null;

/** Text in lines: JSON is made readable, and nothing in it is invisible. */
export function indented(text) {
  return revealed(readable(text));
}

function readable(text) {
  if (typeof text !== "string") return JSON.stringify(text, null, 2);
  try {
    const value = JSON.parse(text);
    return typeof value === "object" ? JSON.stringify(value, null, 2) : text;
  } catch {
    return text;
  }
}

const KINDS = new Map(Object.entries({
  function: (details) => called("Function", details),
  openapi: (details) => called("API", details),
  mcp: (_, call) => called("MCP", call, call.server_label),
  mcp_list_tools: (_, { server_label: label, tools }) => ({
    title: `Tools of ${revealed(label)}`,
    gist: Object.keys(tools).map(revealed).join(", "),
    body: Object.entries(tools).map(([name, { description }]) => el("p", {}, el("code", {}, revealed(name)), ` ${revealed(description ?? "")}`)),
  }),
  code_interpreter: (details) => ({
    title: "Code interpreter",
    gist: details.input ?? "",
    body: [
      part("Code", pre(details.input ?? "")),
      (details.outputs ?? []).filter(Boolean).map((output) => output.type === "logs"
        ? part("Output", pre(output.logs))
        : part("Picture", output.image?.file_id ? picture(output.image.file_id, "Picture drawn by the code") : "")),
    ],
  }),
  file_search: (details) => ({
    title: "File search",
    gist: details.results ? `${details.results.length} found` : "",
    body: (details.results ?? []).map((result) => [
      el("p", {}, fileLink(result.file_id, result.file_name), el("span", { class: "small" }, ` score ${result.score.toFixed(2)}`)),
      (result.content ?? []).map((each) => pre(each.text ?? "")),
    ]),
  }),
  web_search: searched,
  web_search_preview: searched,
  bing_grounding: searched,
  bing_custom_search: searched,
}));

function called(kind, { name, arguments: given, output }, server) {
  return {
    title: [`${kind} `, el("code", {}, revealed(name ?? ""))],
    gist: revealed(given ?? ""),
    body: [
      server === undefined ? [] : el("p", { class: "small" }, `At the server ${revealed(server)}`),
      part("Arguments", pre(indented(given ?? ""))),
      output === null || output === undefined ? [] : part("Output", pre(indented(output))),
    ],
  };
}

/** A search in the web, by the model's provider; Foundry's kinds have the words in an address. */
function searched({ query, url, requesturl }) {
  const page = url ?? requesturl;
  const words = query ?? (page === undefined ? "" : new URL(page).searchParams.get("q") ?? page);
  return { title: "Web search", gist: words, body: [part("Searched for", pre(words)), page === undefined ? [] : el("p", {}, pageLink(page, page))] };
}

function unknown(_, call) {
  const { id, type, approval, ...rest } = call;
  return { title: inWords(String(type)), gist: JSON.stringify(rest[type] ?? rest), body: part("Call", pre(indented(JSON.stringify(rest)))) };
}

/** The first line that says something. */
function gistOf(text) {
  const lines = text.trim().split("\n");
  return lines.find((line) => line.trim() !== "" && !/^\s*(import |from |#)/.test(line)) ?? lines[0];
}

function part(label, content) {
  return [el("p", { class: "label" }, label), content];
}
