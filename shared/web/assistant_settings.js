// An assistant's settings beyond its name, instructions and tools: shown in its form, and read from there.

import { api } from "./api.js";
import { el } from "./text.js";

/** Files and stores from which the form lets choose: the newest so many, and those in use. */
const OFFERED = 100;

const EFFORTS = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];
const FORMATS = { auto: "Automatic", text: "Text", json_object: "A JSON object", json_schema: "JSON of a schema" };
const SCHEMA = '{"name": "answer", "strict": true, "schema": {"type": "object", "properties": {}, "required": [], "additionalProperties": false}}';

export class Settings {
  constructor() {
    this.description = el("input", { id: "description", maxlength: "512", autocomplete: "off" });
    this.temperature = number("temperature", 0, 2);
    this.topP = number("top_p", 0, 1);
    this.effort = select("reasoning_effort", { "": "As the model does", ...Object.fromEntries(EFFORTS.map((each) => [each, each])) });
    this.format = select("response_format", FORMATS);
    this.schema = el("textarea", { id: "schema", class: "code", rows: "5", spellcheck: "false", "aria-label": "Response schema as JSON", placeholder: SCHEMA });
    this.files = el("fieldset", { id: "code-files", class: "choices" });
    this.store = select("vector-store", {});
    this.results = number("max_num_results", 1, 50, "1");
    this.threshold = number("score_threshold", 0, 1);
    this.metadata = el("textarea", { id: "metadata", class: "code", rows: "3", spellcheck: "false", placeholder: '{"team": "sales"}' });
    this.format.addEventListener("change", () => (this.schema.hidden = this.format.value !== "json_schema"));
    this.element = el("details", { id: "settings" }, el("summary", {}, "More settings"),
      labelled("Description", this.description),
      el("div", { class: "pair" }, labelled("Temperature", this.temperature), labelled("Top P", this.topP)),
      labelled("Reasoning effort", this.effort),
      labelled("Response format", this.format), this.schema,
      this.files,
      labelled("Vector store for file search", this.store),
      el("div", { class: "pair" }, labelled("Most results of a search", this.results), labelled("Least score", this.threshold)),
      labelled("Metadata as JSON", this.metadata));
  }

  async fill(assistant) {
    const [files, stores] = await Promise.all([
      api.get(`/v1/files?limit=${OFFERED}`), api.get(`/v1/vector_stores?limit=${OFFERED}`),
    ]);
    const search = assistant?.tools.find((tool) => tool.type === "file_search")?.file_search ?? {};
    const format = assistant?.response_format ?? "auto";
    const { server_tools: _, ...metadata } = assistant?.metadata ?? {};
    this.description.value = assistant?.description ?? "";
    this.temperature.value = assistant?.temperature ?? "";
    this.topP.value = assistant?.top_p ?? "";
    this.effort.value = assistant?.reasoning_effort ?? "";
    this.format.value = format.type ?? format;
    this.schema.value = format.json_schema === undefined ? "" : JSON.stringify(format.json_schema, null, 2);
    this.schema.hidden = this.format.value !== "json_schema";
    this.results.value = search.max_num_results ?? "";
    this.threshold.value = search.ranking_options?.score_threshold || "";
    this.metadata.value = Object.keys(metadata).length === 0 ? "" : JSON.stringify(metadata, null, 2);
    this.offerFiles(files.data, assistant?.tool_resources?.code_interpreter?.file_ids ?? []);
    this.offerStores(stores.data, assistant?.tool_resources?.file_search?.vector_store_ids?.[0] ?? "");
  }

  offerFiles(files, chosen) {
    const names = new Map([...chosen.map((id) => [id, id]), ...files.map((each) => [each.id, each.filename])]);
    this.files.replaceChildren(el("legend", {}, "Files for the code interpreter"),
      ...[...names].map(([id, name]) => el("label", { class: "check" },
        el("input", { type: "checkbox", value: id, checked: chosen.includes(id) }), el("span", {}, name))));
    this.files.hidden = names.size === 0;
  }

  offerStores(stores, chosen) {
    const names = { "": "None", ...(chosen === "" ? {} : { [chosen]: chosen }) };
    for (const store of stores) names[store.id] = store.name || store.id;
    this.store.replaceChildren(...options(names));
    this.store.value = chosen;
  }

  /** What the fields say, for the request. `before` is the assistant that the form began with, or null. Throws what is wrong. */
  body(before) {
    const fileIds = [...this.files.querySelectorAll("input:checked")].map((box) => box.value);
    const resources = { ...before?.tool_resources };
    if (fileIds.length > 0 || resources.code_interpreter !== undefined) resources.code_interpreter = { file_ids: fileIds };
    const stores = this.store.value === "" ? [] : [this.store.value];
    if (stores.length > 0 || resources.file_search !== undefined) resources.file_search = { vector_store_ids: stores };
    return {
      description: this.description.value.trim() || null,
      temperature: numeric(this.temperature),
      top_p: numeric(this.topP),
      reasoning_effort: this.effort.value || null,
      response_format: this.responseFormat(),
      tool_resources: resources,
      metadata: parsed(this.metadata.value || "{}", "The metadata"),
    };
  }

  responseFormat() {
    const type = this.format.value;
    if (type === "auto") return "auto";
    return type === "json_schema" ? { type, json_schema: parsed(this.schema.value, "The response schema") } : { type };
  }

  /** The tool of file search, with what it was before and what the fields say. */
  search(before) {
    const { max_num_results: _, ...rest } = before?.file_search ?? {};
    const results = numeric(this.results);
    const ranking = { ...rest.ranking_options, score_threshold: numeric(this.threshold) ?? 0 };
    return { type: "file_search", file_search: { ...(results === null ? {} : { max_num_results: results }), ...rest, ranking_options: ranking } };
  }
}

/** JSON that somebody typed; `what` begins the sentence about what is wrong with it. */
export function parsed(text, what) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${what} is not valid JSON: ${error.message}`);
  }
}

function number(id, min, max, step = "any") {
  return el("input", { id, type: "number", min: `${min}`, max: `${max}`, step, autocomplete: "off" });
}

function numeric(field) {
  return field.value === "" ? null : Number(field.value);
}

function options(names) {
  return Object.entries(names).map(([value, name]) => el("option", { value }, name));
}

function select(id, names) {
  return el("select", { id }, options(names));
}

function labelled(words, field) {
  return el("div", {}, el("label", { for: field.id }, words), field);
}
