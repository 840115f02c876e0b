// Files: what the box made or holds, fetched with the key; and those the user attaches to the next message.

import { api, content, upload } from "./api.js";
import { el, revealed } from "./text.js";

const names = new Map();
const pictures = new Map();

/** A button that downloads a file; its label is the file's name unless one is given. */
export function fileLink(fileId, label = null, onfail = () => {}) {
  const button = el("button", { type: "button", class: "file", title: `Download ${fileId}` }, label === null ? fileId : revealed(label));
  const named = nameOf(fileId);
  if (label === null) named.then((name) => (button.textContent = revealed(name)));
  button.addEventListener("click", async () => {
    try {
      // Whatever it is, it must not be opened as a page of this origin.
      const blob = new Blob([await content(fileId)], { type: "application/octet-stream" });
      save(blob, await named);
    } catch (error) {
      onfail(error);
    }
  });
  return button;
}

/** Gives the user a file. */
export function save(blob, name) {
  const address = URL.createObjectURL(blob);
  el("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/** A picture, or a word about why there is none. */
export function picture(fileId, alt) {
  const frame = el("figure", {}, el("span", { class: "small" }, "Loading the picture…"));
  if (!pictures.has(fileId)) pictures.set(fileId, content(fileId).then((blob) => URL.createObjectURL(blob)));
  pictures.get(fileId).then(
    (address) => frame.replaceChildren(el("img", { src: address, alt }), el("figcaption", {}, fileLink(fileId))),
    (error) => {
      pictures.delete(fileId);
      frame.replaceChildren(el("span", { class: "error" }, error.message));
    },
  );
  return frame;
}

/** A file's name without its folders; its id when it is gone. */
export function nameOf(fileId) {
  if (!names.has(fileId)) {
    const asked = api.get(`/v1/files/${encodeURIComponent(fileId)}`);
    names.set(fileId, asked.then((file) => file.filename.split("/").at(-1), () => fileId));
  }
  return names.get(fileId);
}

/** The files for the next message, shown as chips. They are uploaded at once. */
export class Attachments {
  constructor(list) {
    this.list = list;
    this.chosen = [];
    this.onchange = () => {};
  }

  /** The files of another draft: entries of this list, or files of the box as `uploaded()` names them. */
  show(files) {
    this.chosen = files.map((each) => each.chip === undefined ? this.entry(each.name, each.isPicture, each.id) : each);
    this.list.replaceChildren(...this.chosen.map((each) => each.chip));
  }

  /** Those that are uploaded: `{id, name, isPicture}`. */
  uploaded() {
    return this.chosen.filter((each) => each.id !== null).map(({ id, name, isPicture }) => ({ id, name, isPicture }));
  }

  /** What stands for a file; without an id it is still uploaded. */
  entry(name, isPicture, id = null) {
    const state = el("span", { class: "small" }, id === null ? "uploading…" : "");
    const shown = revealed(name);
    const remove = el("button", { type: "button", class: "plain", "aria-label": `Remove ${shown}` }, "×");
    const entry = { isPicture, name, id, state, stopped: new AbortController(), uploaded: Promise.resolve({ id }) };
    entry.chip = el("li", { class: "chip" }, el("span", {}, shown), state, remove);
    remove.addEventListener("click", () => {
      this.chosen = this.chosen.filter((each) => each !== entry);
      entry.chip.remove();
      entry.stopped.abort();
      this.onchange();
    });
    return entry;
  }

  /** Files of more than `part` bytes are sent in parts of that size. */
  add(files, part) {
    for (const file of files) {
      const isPicture = /^image\/(png|jpeg|gif|webp)$/.test(file.type);
      const entry = this.entry(file.name, isPicture);
      entry.uploaded = upload(file, isPicture ? "vision" : "assistants", {
        part,
        onprogress: (share) => (entry.state.textContent = progress(share, file.size > part)),
        signal: entry.stopped.signal,
      });
      entry.uploaded.then(({ id }) => {
        entry.id = id;
        entry.state.textContent = "";
        this.onchange();
      }, (error) => {
        entry.state.textContent = error.message;
        entry.chip.classList.add("failed");
      });
      this.chosen.push(entry);
      this.list.append(entry.chip);
    }
  }

  /** The `content` and `attachments` of a message with these files, once they are uploaded. */
  async message(text, tools) {
    const readers = tools.map((tool) => tool.type).filter((type) => type === "code_interpreter" || type === "file_search");
    const uploaded = await Promise.all(this.chosen.map(async (each) => ({ ...each, id: (await each.uploaded).id })));
    const seen = uploaded.filter((each) => each.isPicture);
    const read = uploaded.filter((each) => !each.isPicture);
    if (read.length > 0 && readers.length === 0) {
      throw new Error("This assistant cannot read files: give it the code interpreter or file search.");
    }
    return {
      content: [
        { type: "text", text },
        ...seen.map((each) => ({ type: "image_file", image_file: { file_id: each.id } })),
      ],
      attachments: read.map((each) => ({ file_id: each.id, tools: usesOf(each.name, readers) })),
    };
  }
}

/** How far an upload is, in words. */
export function progress(share, inParts) {
  return `uploading${inParts ? " in parts" : ""}… ${Math.round(100 * share)} %`;
}

/** Tables and archives are for programs; everything else is also worth a search. */
function usesOf(name, readers) {
  const forPrograms = /\.(csv|tsv|xlsx?|parquet|zip|tar|gz|db|sqlite)$/i.test(name);
  const wanted = forPrograms && readers.includes("code_interpreter") ? ["code_interpreter"] : readers;
  return wanted.map((type) => ({ type }));
}
