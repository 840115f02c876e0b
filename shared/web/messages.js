// A message as it is shown, whole or growing.

import { fileLink, nameOf, picture } from "./files.js";
import { jsonButton } from "./inspector.js";
import { markdown } from "./markdown.js";
import { inWords } from "./status.js";
import { copyButton, el, pageLink } from "./text.js";

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

/** How much longer than it is drawn a growing message is left as it is: long ones leave time for everything else. */
const REST = 3;

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
    this.waiting ??= setTimeout(() => requestAnimationFrame(() => this.draw()), REST * this.took);
  }

  draw() {
    clearTimeout(this.waiting);
    this.waiting = undefined;
    const begun = performance.now();
    const sources = [];
    const parts = this.message.content.filter(Boolean).map((part) => this.part(part, sources));
    const cited = sources.map(({ link }, index) => el("li", {}, `[${index + 1}] `, link()));
    const files = (this.message.attachments ?? []).map((each) => el("li", {}, "Attached: ", fileLink(each.file_id, null, this.onfail)));
    this.body.replaceChildren(
      ...parts.flat(),
      ...(cited.length > 0 ? [el("ul", { class: "sources", "aria-label": "Sources" }, cited)] : []),
      ...(files.length > 0 ? [el("ul", { class: "sources", "aria-label": "Attached files" }, files)] : []),
    );
    this.copy.hidden = this.message.status === "in_progress" || this.written() === "";
    this.element.classList.toggle("writing", this.message.status === "in_progress");
    this.took = performance.now() - begun;
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
    return [el("p", {}, part.refusal ?? `(${inWords(String(part.type))})`)];
  }

  text(text, sources) {
    const value = text?.value ?? "";
    // What you write is shown as you wrote it.
    if (this.message.role === "user") return [el("p", {}, value)];
    const marks = (text?.annotations ?? []).map((each) => [each.text, this.mark(each, sources)]);
    return markdown(value, new Map(marks.filter(([words, mark]) => words && mark !== null)));
  }

  /** What makes the element for an annotation's text; null leaves that as it is. */
  mark(annotation, sources) {
    if (annotation.type === "file_path") {
      return (label) => fileLink(annotation.file_path.file_id, label, this.onfail);
    }
    if (annotation.type === "url_citation") return pageMark(annotation, sources);
    if (annotation.type !== "file_citation") return null;
    const fileId = annotation.file_citation.file_id;
    const number = numberOf(fileId, sources, () => fileLink(fileId, null, this.onfail));
    return () => {
      const link = fileLink(fileId, `${number}`, this.onfail);
      link.classList.add("citation");
      nameOf(fileId).then((name) => (link.title = `Source: ${name}`));
      return link;
    };
  }
}

/** The number of a source, which is added to the sources where it is new; `link()` makes a link to it. */
function numberOf(id, sources, link) {
  const known = sources.findIndex((each) => each.id === id);
  return known < 0 ? sources.push({ id, link }) : known + 1;
}

/** A page is a source. Only a mark is replaced by its number: other words that are annotated are to be read. */
function pageMark({ text, url_citation: { url, title } }, sources) {
  const number = numberOf(url, sources, () => pageLink(url, title || url));
  if (!/^【.*】$/.test(text)) return null;
  return () => {
    const link = pageLink(url, `${number}`);
    link.title = `Source: ${title || url}`;
    return link;
  };
}
