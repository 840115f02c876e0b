// The vector stores of the library: their state, their files, and what can be done with them.

import { api } from "./api.js";
import { el } from "./text.js";
import { bring, bytes, day, stateOf } from "./things.js";

const counted = (files) => `${files} ${files === 1 ? "file" : "files"}`;

export class StoreList {
  constructor(library) {
    this.library = library;
    this.list = el("ul", { id: "library-stores", class: "things" });
    const name = el("input", { id: "store-name", "aria-label": "Name of a new store", placeholder: "Name of a new store", autocomplete: "off", required: true });
    const make = (event) => {
      event.preventDefault();
      library.act(async () => {
        await api.post("/v1/vector_stores", { name: name.value.trim() });
        name.value = "";
        await library.refresh();
      });
    };
    this.element = el("div", {}, this.list, el("form", { id: "new-store", onsubmit: make }, el("div", { class: "row" }, name, el("button", {}, "New store"))));
  }

  /** Shows stores: `{store, files, users}`; `names` has those of files. */
  show(stores, names) {
    const shown = stores.map((each) => ({ ...each, names: each.files.map((file) => names.get(file.id) ?? file.id) }));
    bring(this.list, shown, ({ store }) => store.id, (each, before) => this.row(each, before?.querySelector("details").open ?? false));
  }

  row({ store, files, users, names }, open) {
    const { file_counts: counts } = store;
    const state = store.status === "expired" ? "expired" : counts.in_progress > 0 ? `indexing ${counts.in_progress} of ${counted(counts.total)}` : "ready";
    const about = [state, bytes(store.usage_bytes), counted(counts.total), counts.failed > 0 && `${counts.failed} failed`,
      `made ${day(store.created_at)}`, store.expires_at && `expires ${day(store.expires_at)}`];
    const path = `/v1/vector_stores/${store.id}`;
    const picker = el("input", { type: "file", multiple: true, hidden: true, class: "store-picker" });
    picker.addEventListener("change", () => {
      this.library.take([...picker.files], store.id);
      picker.value = "";
    });
    const more = counts.total > files.length ? el("p", { class: "small" }, `The newest ${files.length} files are shown.`) : null;
    return el("li", { class: "thing" },
      el("div", { class: "row" }, el("strong", {}, store.name || store.id),
        el("button", { type: "button", onclick: () => picker.click() }, "Add files"), picker,
        this.library.removal(`Delete ${store.name || store.id}`, "Delete", path)),
      el("span", { class: "small about" }, about.filter(Boolean).join(" · ")),
      el("span", { class: "small uses" }, users.length === 0 ? "Not used by an assistant" : `Used by assistant ${users.join(", ")}`),
      el("details", { open }, el("summary", { class: "small" }, "Its files"),
        el("ul", { class: "things" }, files.map((file, index) => this.file(path, file, names[index]))), more));
  }

  file(path, file, name) {
    return el("li", { class: "row" }, el("span", {}, name),
      el("span", { class: file.status === "failed" ? "error" : "small" }, stateOf(file)),
      this.library.removal(`Take ${name} out of the store`, "Take out", `${path}/files/${file.id}`));
  }
}
