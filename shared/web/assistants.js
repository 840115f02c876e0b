// Choosing, making and changing assistants.

import { api } from "./api.js";
import { Settings, parsed } from "./assistant_settings.js";
import { confirming, el } from "./text.js";

const $ = (id) => document.getElementById(id);
const BUILT_IN = ["code_interpreter", "file_search"];

export class Assistants {
  constructor(onfail) {
    this.onfail = onfail;
    this.known = [];
    // What the form changes, and what it began with; a copy changes nothing, and begins with its original.
    this.edited = null;
    this.before = null;
    this.settings = new Settings();
    $("functions-details").after(this.settings.element);
    // What is wrong must be seen.
    $("assistant-form").addEventListener("invalid", ({ target }) => target.closest("details")?.setAttribute("open", ""), true);
    $("assistant").addEventListener("change", () => this.offerChoices());
    $("copy-assistant").addEventListener("click", () => this.copy());
    confirming($("delete-assistant"), () => this.remove());
    $("new-assistant").addEventListener("click", () => this.open(null));
    $("edit-assistant").addEventListener("click", () => this.open(this.chosen));
    $("close-assistant").addEventListener("click", () => $("assistant-dialog").close());
    $("assistant-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
  }

  get chosen() {
    return this.known.find((each) => each.id === $("assistant").value) ?? null;
  }

  choose(id) {
    if (!this.known.some((each) => each.id === id)) return;
    $("assistant").value = id;
    $("assistant").dispatchEvent(new Event("change"));
  }

  async load() {
    this.known = await this.asked();
    this.list(this.known[0]?.id);
  }

  /** All assistants as the box has them now. */
  async asked() {
    const found = [];
    for (let after = "", more = true; more; after = `&after=${found.at(-1)?.id}`) {
      const page = await api.get(`/v1/assistants?limit=100${after}`);
      found.push(...page.data);
      more = page.has_more;
    }
    return found;
  }

  list(chosen) {
    const options = this.known.map((each) => el("option", { value: each.id }, each.name || each.id));
    $("assistant").replaceChildren(...(options.length > 0 ? options : [el("option", { value: "" }, "None yet")]));
    if (chosen !== undefined) this.choose(chosen);
    $("edit-assistant").disabled = this.known.length === 0;
    this.offerChoices();
    $("assistant").dispatchEvent(new Event("change"));
  }

  async open(assistant) {
    try {
      await this.fill(assistant);
      $("assistant-dialog").showModal();
    } catch (error) {
      this.onfail(error);
    }
  }

  async fill(assistant) {
    // A program may have changed it since the list was asked for.
    const fresh = assistant === null ? null : await api.get(`/v1/assistants/${assistant.id}`);
    const [models, tools] = await Promise.all([api.get("/v1/models"), api.get("/playground/server_tools"), this.settings.fill(fresh)]);
    this.edited = this.before = assistant = fresh;
    const wanted = serverTools(assistant);
    $("assistant-heading").textContent = assistant === null ? "New assistant" : "Change the assistant";
    $("assistant-error").hidden = true;
    $("copy-assistant").hidden = $("delete-assistant").hidden = assistant === null;
    $("name").value = assistant?.name ?? "";
    $("instructions").value = assistant?.instructions ?? "";
    $("model").value = assistant?.model ?? models.data[0]?.id ?? "";
    $("models").replaceChildren(...models.data.map((each) => el("option", { value: each.id })));
    for (const type of BUILT_IN) $(type).checked = assistant?.tools.some((tool) => tool.type === type) ?? false;
    const boxes = tools.data.map((tool) => el("label", { class: "check" },
      el("input", { type: "checkbox", value: tool.name, checked: wanted.includes(tool.name) || wanted.includes("*") }),
      el("span", {}, el("b", {}, tool.name), el("small", {}, tool.description))));
    $("server-tools").replaceChildren($("server-tools").firstElementChild, ...boxes);
    $("server-tools").hidden = tools.data.length === 0;
    const functions = (assistant?.tools ?? []).filter((tool) => tool.type === "function").map((tool) => tool.function);
    $("functions").value = functions.length > 0 ? JSON.stringify(functions, null, 2) : "";
    $("functions-details").open = functions.length > 0;
  }

  async save() {
    try {
      const path = this.edited === null ? "/v1/assistants" : `/v1/assistants/${this.edited.id}`;
      const saved = await api.post(path, this.edited === null ? this.whole() : this.changes());
      this.known = [saved, ...this.known.filter((each) => each.id !== saved.id)];
      this.list(saved.id);
      $("assistant-dialog").close();
    } catch (error) {
      this.refused(error);
    }
  }

  /** The form becomes that of another assistant, with all that this one has. */
  copy() {
    this.edited = null;
    $("assistant-heading").textContent = "New assistant";
    $("copy-assistant").hidden = $("delete-assistant").hidden = true;
    $("name").value = `${$("name").value} (copy)`.trim();
    $("name").focus();
  }

  async remove() {
    try {
      await api.remove(`/v1/assistants/${this.edited.id}`);
      this.known = this.known.filter((each) => each.id !== this.edited.id);
      this.list(this.known[0]?.id);
      $("assistant").dispatchEvent(new Event("change"));
      $("assistant-dialog").close();
    } catch (error) {
      this.refused(error);
    }
  }

  refused(error) {
    $("assistant-error").textContent = error.message;
    $("assistant-error").hidden = false;
  }

  /** Which tool the next runs must use, by what the chosen assistant has. */
  offerChoices() {
    const types = (this.chosen?.tools ?? []).map((tool) => tool.type === "function" ? { type: "function", function: { name: tool.function.name } } : { type: tool.type });
    const own = serverTools(this.chosen).filter((name) => name !== "*").map((name) => ({ type: "function", function: { name } }));
    const kept = $("tool-choice").value;
    $("tool-choice").replaceChildren(
      ...Object.entries({ auto: "Model's choice", none: "No tool", required: "Some tool" }).map(([value, words]) => el("option", { value }, words)),
      ...[...types, ...own].map((each) => el("option", { value: JSON.stringify(each) }, each.function?.name ?? each.type.replace("_", " "))),
    );
    if ([...$("tool-choice").options].some((each) => each.value === kept)) $("tool-choice").value = kept;
  }

  /** What a run of the chosen assistant is asked for with. */
  run() {
    const choice = $("tool-choice").value;
    const chosen = choice.startsWith("{") ? JSON.parse(choice) : choice;
    return { assistant_id: this.chosen.id, ...(choice === "auto" ? {} : { tool_choice: chosen }) };
  }

  /** A new assistant: what the form says, and what the original of a copy has beyond that. */
  whole() {
    const { id: _id, object: _object, created_at: _created, ...before } = this.before ?? {};
    return { ...before, ...this.body() };
  }

  /** What the form says otherwise than the assistant: the rest is not sent, so that nothing of it can be lost. */
  changes() {
    const same = (one, other) => JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
    return Object.fromEntries(Object.entries(this.body()).filter(([name, value]) => !same(value, this.edited[name])));
  }

  body() {
    const before = this.before?.tools ?? [];
    const builtIn = BUILT_IN.filter((type) => $(type).checked).map((type) => {
      const tool = before.find((each) => each.type === type) ?? { type };
      return type === "file_search" ? this.settings.search(tool) : tool;
    });
    const { metadata, ...settings } = this.settings.body(this.before);
    const tools = this.serverTools();
    return {
      name: $("name").value.trim() || null,
      instructions: $("instructions").value || null,
      model: $("model").value.trim(),
      tools: [...builtIn, ...functions($("functions").value)],
      ...settings,
      metadata: tools === "" ? metadata : { ...metadata, server_tools: tools },
    };
  }

  /** The names of the chosen server tools; those that this box does not offer stay as they were. */
  serverTools() {
    const boxes = [...$("server-tools").querySelectorAll("input")];
    const before = serverTools(this.before);
    if (before.includes("*") && boxes.every((box) => box.checked)) return before.join(" ");
    const offered = boxes.map((box) => box.value);
    const others = before.filter((name) => name !== "*" && !offered.includes(name));
    return [...boxes.filter((box) => box.checked).map((box) => box.value), ...others].join(" ");
  }
}

function serverTools(assistant) {
  return (assistant?.metadata?.server_tools ?? "").split(/\s+/).filter(Boolean);
}

/** The same value with its keys in order, so that values can be compared as text. */
function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]));
}

/** Function tools from JSON: a list of functions, with or without the tool around each. */
function functions(text) {
  if (text.trim() === "") return [];
  return [parsed(text, "The list of your functions")].flat().map((each) => ({ type: "function", function: each?.function ?? each }));
}
