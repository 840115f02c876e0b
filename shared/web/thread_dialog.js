// The open conversation as a thing: its title and metadata, taken along, deleted.

import { api } from "./api.js";
import { parsed } from "./assistant_settings.js";
import { asJson, asMarkdown } from "./export.js";
import { save } from "./files.js";
import { acting, confirming, el } from "./text.js";
import * as threads from "./threads.js";

const $ = (id) => document.getElementById(id);

export class ThreadDialog {
  /** `gone()` is called when the conversation was deleted. */
  constructor(fail, gone) {
    this.gone = gone;
    this.thread = null;
    this.title = el("input", { id: "thread-title", maxlength: "512", autocomplete: "off" });
    this.metadata = el("textarea", { id: "thread-metadata", class: "code", rows: "4", spellcheck: "false" });
    this.error = el("p", { class: "error", role: "alert", id: "thread-error" });
    this.act = acting(this.error);
    const button = (id, words, act) => el("button", { id, type: "button", onclick: () => this.act(act) }, words);
    this.element = el("dialog", { id: "thread-dialog", "aria-labelledby": "thread-heading" },
      el("form", { method: "dialog", onsubmit: (event) => {
        event.preventDefault();
        this.act(() => this.keep());
      } },
        el("h2", { id: "thread-heading" }, "This conversation"),
        el("label", { for: "thread-title" }, "Title"), this.title,
        el("label", { for: "thread-metadata" }, "Metadata as JSON"), this.metadata,
        el("div", { class: "row" },
          button("export-markdown", "Export Markdown", () => asMarkdown(this.thread).then((text) => this.export(text, "md", "text/markdown"))),
          button("export-json", "Export JSON", () => asJson(this.thread).then((text) => this.export(text, "json", "application/json")))),
        el("p", { class: "small" }, "Markdown has what was said; JSON has the thread with its messages, runs and steps."),
        this.error,
        el("div", { class: "row end" },
          confirming(el("button", { id: "delete-thread", type: "button" }, "Delete"), () => this.act(() => this.remove())),
          button("close-thread", "Close", () => this.element.close()),
          el("button", { class: "primary" }, "Save"))));
    document.body.append(this.element);
    $("manage-thread").addEventListener("click", () => this.open(location.hash.slice(1)).catch(fail));
  }

  async open(threadId) {
    this.thread = await api.get(`/v1/threads/${encodeURIComponent(threadId)}`);
    const { title = "", ...others } = this.thread.metadata;
    this.title.value = title;
    this.metadata.value = JSON.stringify(others, null, 2);
    this.error.textContent = "";
    this.element.showModal();
  }

  async keep() {
    const title = this.title.value.trim();
    const metadata = { ...(title === "" ? {} : { title }), ...parsed(this.metadata.value || "{}", "The metadata") };
    threads.change(await api.post(`/v1/threads/${this.thread.id}`, { metadata }));
    this.element.close();
  }

  async remove() {
    await api.remove(`/v1/threads/${this.thread.id}`);
    threads.remove(this.thread.id);
    this.element.close();
    this.gone();
  }

  export(text, ending, type) {
    const name = threads.titleOf(this.thread).replace(/[^\p{L}\p{N}]+/gu, " ").trim().slice(0, 60) || this.thread.id;
    save(new Blob([text], { type }), `${name}.${ending}`);
  }
}
