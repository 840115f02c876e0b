// A message as it is shown, whole or growing.

import { fileLink, nameOf, picture } from "./files.js";
import { jsonButton } from "./inspector.js";
import { markdown } from "./markdown.js";
import { copyButton, el } from "./text.js";

/** Adds what a delta brings to a list of parts that carry an `index`. */
export function merge(list, deltas) {
  for (const { index, ...delta } of deltas) {
    list[index] = grown(list[index], delta);
  }
}

function grown(value, delta, name = "") {
  if (value === undefined || value === null || delta === null) return delta ?? value;
  if (Array.isArray(delta)) {
    if (delta.every((each) => Number.isInteger(each?.index))) merge(value, delta);
    else value.push(...delta);
    return value;
  }
  if (typeof delta === "object") {
    for (const [key, part] of Object.entries(delta)) value[key] = grown(value[key], part, key);
    return value;
  }
  return typeof delta === "string" && !["id", "type", "name", "file_id"].includes(name) ? value + delta : delta;
}

export class MessageView {
  constructor(message, onfail) {
    this.onfail = onfail;
    this.body = el("div", { class: "body" });
    const author = message.role === "user" ? "You" : "Assistant";
    this.element = el("article", { class: `message ${message.role}`, "aria-label": author }, this.body);
    this.copy = copyButton("Copy answer", () => this.written());
    const json = jsonButton(`/v1/threads/${message.thread_id}/messages/${message.id}`, "Message");
    this.element.append(el("p", { class: "about" }, message.role === "user" ? null : this.copy, json));
    this.pictures = new Map();
    this.show(message);
  }

  show(message) {
    this.message = message;
    this.draw();
  }

  grow(delta) {
    merge(this.message.content, delta.content ?? []);
    this.waiting ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    cancelAnimationFrame(this.waiting);
    this.waiting = undefined;
    const sources = [];
    const parts = this.message.content.filter(Boolean).map((part) => this.part(part, sources));
    const cited = sources.map((fileId, index) => el("li", {}, `[${index + 1}] `, fileLink(fileId, null, this.onfail)));
    const files = (this.message.attachments ?? []).map((each) => el("li", {}, "Attached: ", fileLink(each.file_id, null, this.onfail)));
    this.body.replaceChildren(
      ...parts.flat(),
      ...(cited.length > 0 ? [el("ul", { class: "sources", "aria-label": "Sources" }, cited)] : []),
      ...(files.length > 0 ? [el("ul", { class: "sources", "aria-label": "Attached files" }, files)] : []),
    );
    this.copy.hidden = this.message.status === "in_progress" || this.written() === "";
    this.element.classList.toggle("writing", this.message.status === "in_progress");
  }

  /** What was written, as Markdown. */
  written() {
    return this.message.content.filter((part) => part?.type === "text").map((part) => part.text.value).join("\n\n");
  }

  part(part, sources) {
    if (part.type === "text") return this.text(part.text, sources);
    if (part.type === "image_file") {
      const fileId = part.image_file.file_id;
      if (!this.pictures.has(fileId)) this.pictures.set(fileId, picture(fileId, "Picture in the conversation"));
      return [this.pictures.get(fileId)];
    }
    if (part.type === "image_url") return [el("p", { class: "small" }, `Picture at ${part.image_url.url}`)];
    return [el("p", {}, part.refusal ?? "")];
  }

  text(text, sources) {
    const value = text?.value ?? "";
    // What you write is shown as you wrote it.
    if (this.message.role === "user") return [el("p", {}, value)];
    return markdown(value, new Map((text?.annotations ?? []).map((each) => [each.text, this.mark(each, sources)])));
  }

  mark(annotation, sources) {
    if (annotation.type === "file_path") {
      return (label) => fileLink(annotation.file_path.file_id, label, this.onfail);
    }
    const fileId = annotation.file_citation.file_id;
    if (!sources.includes(fileId)) sources.push(fileId);
    const number = sources.indexOf(fileId) + 1;
    return () => {
      const link = fileLink(fileId, `${number}`, this.onfail);
      link.classList.add("citation");
      nameOf(fileId).then((name) => (link.title = `Source: ${name}`));
      return link;
    };
  }
}
