// Choosing, making and changing assistants.

import { api } from "./api.js";
import { el } from "./text.js";

const $ = (id) => document.getElementById(id);
const BUILT_IN = ["code_interpreter", "file_search"];

export class Assistants {
  constructor(onfail) {
    this.onfail = onfail;
    this.known = [];
    this.edited = null;
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
    this.known = (await api.get("/v1/assistants?limit=100")).data;
    this.list(this.known[0]?.id);
  }

  list(chosen) {
    const options = this.known.map((each) => el("option", { value: each.id }, each.name || each.id));
    $("assistant").replaceChildren(...(options.length > 0 ? options : [el("option", { value: "" }, "None yet")]));
    if (chosen !== undefined) this.choose(chosen);
    $("edit-assistant").disabled = this.known.length === 0;
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
    const [models, tools] = await Promise.all([api.get("/v1/models"), api.get("/playground/server_tools")]);
    const wanted = (assistant?.metadata.server_tools ?? "").split(/\s+/);
    this.edited = assistant;
    $("assistant-heading").textContent = assistant === null ? "New assistant" : "Change the assistant";
    $("assistant-error").hidden = true;
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
      const saved = await api.post(path, this.body());
      this.known = [saved, ...this.known.filter((each) => each.id !== saved.id)];
      this.list(saved.id);
      $("assistant-dialog").close();
    } catch (error) {
      $("assistant-error").textContent = error.message;
      $("assistant-error").hidden = false;
    }
  }

  body() {
    const before = this.edited?.tools ?? [];
    const builtIn = BUILT_IN.filter((type) => $(type).checked)
      .map((type) => before.find((tool) => tool.type === type) ?? { type });
    const serverTools = [...$("server-tools").querySelectorAll("input:checked")].map((box) => box.value).join(" ");
    const { server_tools: _, ...metadata } = this.edited?.metadata ?? {};
    return {
      name: $("name").value.trim() || null,
      instructions: $("instructions").value,
      model: $("model").value.trim(),
      tools: [...builtIn, ...functions($("functions").value)],
      metadata: serverTools === "" ? metadata : { ...metadata, server_tools: serverTools },
    };
  }
}

/** Function tools from JSON: a list of functions, with or without the tool around each. */
function functions(text) {
  if (text.trim() === "") return [];
  let list;
  try {
    list = [JSON.parse(text)].flat();
  } catch (error) {
    throw new Error(`Your functions are not valid JSON: ${error.message}`);
  }
  return list.map((each) => ({ type: "function", function: each?.function ?? each }));
}
