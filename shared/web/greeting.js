// What an empty conversation shows: who will answer, what for, and what to ask.

import { answererOf } from "./status.js";
import { el } from "./text.js";

const $ = (id) => document.getElementById(id);
/** An assistant's metadata has what it can be asked: `prompt_1` to `prompt_3`. */
const PROMPTS = ["prompt_1", "prompt_2", "prompt_3"];

/** Shows the chosen assistant, also when another one is chosen. */
export class Greeting {
  constructor(assistants) {
    this.assistants = assistants;
    this.element = el("div", { class: "greeting" });
    $("assistant").addEventListener("change", () => this.element.isConnected && this.paint());
  }

  /** The element, up to date. */
  paint() {
    const { chosen } = this.assistants;
    this.element.replaceChildren(
      el("img", { src: "/playground/icon.svg", alt: "", width: "64", height: "64" }),
      ...(chosen === null ? nobody() : introduced(chosen)),
    );
    return this.element;
  }
}

function nobody() {
  return [
    el("h2", {}, "What shall we work on?"),
    el("p", {}, "There is no assistant yet. Make one, or let ", el("code", {}, "make samples"), " bring five, and load the page again."),
    el("button", { type: "button", class: "primary", onclick: () => $("new-assistant").click() }, "New assistant"),
  ];
}

function introduced(assistant) {
  const prompts = PROMPTS.map((name) => assistant.metadata?.[name]).filter(Boolean);
  return [
    el("h2", {}, assistant.name || "What shall we work on?"),
    assistant.description ? el("p", { class: "description" }, assistant.description) : null,
    el("p", { class: "small" }, `Answers: ${answererOf(assistant.model)}`),
    prompts.length === 0 ? null : el("ul", { class: "starters", "aria-label": "What you can ask" }, prompts.map((prompt) => el("li", {}, starter(prompt)))),
  ].filter((each) => each !== null);
}

function starter(prompt) {
  const say = () => {
    $("text").value = prompt;
    $("composer").requestSubmit();
  };
  return el("button", { type: "button", class: "starter", onclick: say }, prompt);
}
