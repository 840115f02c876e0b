// Files and vector stores: what there is, how it is, what uses it; uploads; and taking things away.

import { abreast, api, upload } from "./api.js";
import { dropOn } from "./composer.js";
import { fileLink, progress } from "./files.js";
import { StoreList } from "./stores.js";
import { acting, confirming, el, revealed } from "./text.js";
import { bring, bytes, day, stateOf } from "./things.js";

const $ = (id) => document.getElementById(id);

/** Files that are shown at first, and stores and files of each that are looked through for what uses a file. */
const SHOWN = 100;

/** Milliseconds between looks while something is indexed. */
const REST = 1500;

export class Library {
  constructor(assistants) {
    this.assistants = assistants;
    this.pages = 1;
    this.files = el("ul", { id: "library-files", class: "things" });
    this.uploads = el("ul", { id: "library-uploads", class: "things", "aria-label": "Uploads" });
    this.none = el("p", { class: "small", hidden: true }, "There are none yet.");
    this.error = el("p", { id: "library-error", class: "error", role: "alert" });
    this.act = acting(this.error);
    this.older = el("button", { id: "older-files", type: "button", class: "plain", onclick: () => {
      this.pages += 1;
      this.refresh();
    } }, "Older files");
    this.stores = new StoreList(this);
    const picker = el("input", { id: "library-picker", type: "file", multiple: true, hidden: true });
    picker.addEventListener("change", () => {
      this.take([...picker.files]);
      picker.value = "";
    });
    this.element = el("dialog", { id: "library-dialog", "aria-labelledby": "library-heading" }, el("div", {},
      el("div", { class: "row head" },
        el("h2", { id: "library-heading" }, "Files and stores"),
        el("button", { id: "close-library", type: "button", onclick: () => this.element.close() }, "Close")),
      this.error,
      el("div", { class: "row" },
        el("button", { id: "library-upload", type: "button", onclick: () => picker.click() }, "Upload files"), picker,
        el("span", { class: "small" }, "or drop or paste them here")),
      this.uploads,
      el("h3", {}, "Vector stores"), this.stores.element,
      el("h3", {}, "Files"), this.files, this.none, this.older,
      el("p", { class: "small" }, `Uses are those by assistants, and by the newest ${SHOWN} stores among the newest ${SHOWN} files of each. Messages are not looked through.`)));
    document.body.append(this.element);
    dropOn(this.element, (files) => this.take(files));
    this.element.addEventListener("paste", (event) => this.take([...event.clipboardData.files]));
    $("open-library").addEventListener("click", () => {
      this.element.showModal();
      this.refresh();
    });
    this.element.addEventListener("close", () => clearTimeout(this.soon));
  }

  /** Asks the box how things are, again and again while something is indexed. */
  async refresh() {
    clearTimeout(this.soon);
    await this.act(async () => {
      const [files, stores, assistants] = await Promise.all([
        api.get(`/v1/files?limit=${SHOWN * this.pages}`), api.get(`/v1/vector_stores?limit=${SHOWN}`), this.assistants.asked(),
      ]);
      const held = await abreast(stores.data, (store) => inside(store.id));
      const known = new Map(files.data.map((file) => [file.id, file.filename]));
      const shown = stores.data.map((store, index) => ({ store, files: held[index], users: usersOf(assistants, "file_search", "vector_store_ids", store.id) }));
      this.stores.show(shown, known);
      bring(this.files, files.data.map((file) => ({ file, uses: usesOf(file, shown, assistants) })), ({ file }) => file.id, (each) => this.row(each));
      this.none.hidden = files.data.length > 0;
      this.older.hidden = !files.has_more;
      const indexing = shown.some(({ store }) => store.file_counts.in_progress > 0);
      if (indexing && this.element.open) this.soon = setTimeout(() => this.refresh(), REST);
    });
  }

  row({ file, uses }) {
    const about = [file.purpose.replaceAll("_", " "), bytes(file.bytes), day(file.created_at), file.expires_at && `expires ${day(file.expires_at)}`];
    const failed = file.status === "error" ? el("span", { class: "error" }, `The file failed: ${file.status_details ?? "no reason was given"}`) : null;
    return el("li", { class: "thing" },
      el("div", { class: "row" }, fileLink(file.id, file.filename, (error) => this.act(() => { throw error; })),
        this.removal(`Delete ${file.filename}`, "Delete", `/v1/files/${file.id}`)),
      el("span", { class: "small" }, about.filter(Boolean).join(" · ")), failed,
      el("span", { class: "small uses" }, uses.length === 0 ? "Not used" : `Used by ${uses.join(", ")}`));
  }

  /** A button that takes something away. */
  removal(label, words, path) {
    const button = el("button", { type: "button", title: label }, words);
    return confirming(button, () => this.act(async () => {
      await api.remove(path);
      await this.refresh();
    }));
  }

  /** Uploads files; into a store, if there is one. Each tells how far it is. */
  async take(files, storeId = null) {
    await Promise.all(files.map((file) => this.send(file, storeId)));
  }

  async send(file, storeId) {
    const state = el("span", { class: "small", role: "status" }, "uploading…");
    const stopped = new AbortController();
    const row = el("li", { class: "thing" }, el("div", { class: "row" }, el("span", {}, revealed(file.name)), state,
      el("button", { type: "button", class: "plain", "aria-label": `Stop ${file.name}`, onclick: () => {
        stopped.abort();
        row.remove();
      } }, "×")));
    this.uploads.append(row);
    try {
      const part = Number($("picker").dataset.part);
      const onprogress = (share) => (state.textContent = progress(share, file.size > part));
      const isPicture = storeId === null && /^image\/(png|jpeg|gif|webp)$/.test(file.type);
      const { id } = await upload(file, isPicture ? "vision" : "assistants", { part, onprogress, signal: stopped.signal });
      if (storeId !== null) await api.post(`/v1/vector_stores/${storeId}/files`, { file_id: id }, stopped.signal);
      row.remove();
      await this.refresh();
    } catch (error) {
      if (error.name === "AbortError") return;
      state.textContent = error.message;
      state.classList.add("error");
    }
  }
}

/** The newest files of a store; none of one that has expired or gone. */
async function inside(storeId) {
  try {
    return (await api.get(`/v1/vector_stores/${storeId}/files?limit=${SHOWN}`)).data;
  } catch (error) {
    if (error.status === 404 || error.status === 400) return [];
    throw error;
  }
}

function usersOf(assistants, tool, ids, id) {
  return assistants.filter((each) => each.tool_resources?.[tool]?.[ids]?.includes(id)).map((each) => each.name || each.id);
}

/** What uses a file, in words. */
function usesOf(file, stores, assistants) {
  const holding = stores.flatMap(({ store, files }) => files.filter((each) => each.id === file.id)
    .map((each) => `store ${store.name || store.id} (${stateOf(each)})`));
  return [...usersOf(assistants, "code_interpreter", "file_ids", file.id).map((name) => `assistant ${name}`), ...holding];
}
