// What is not sent yet, conversation by conversation: words and files. It survives a reload, and goes with the tab.

const KEPT = "api-in-a-box.draft.";

export class Drafts {
  constructor(field, attachments) {
    this.field = field;
    this.attachments = attachments;
    this.place = "new";
    this.entries = new Map();
    field.addEventListener("input", () => this.keep());
    attachments.onchange = () => this.keep();
  }

  /** Shows the draft of a conversation; null is a new one. */
  open(threadId) {
    this.entries.set(this.place, this.attachments.chosen);
    this.place = threadId ?? "new";
    const { text = "", files = [] } = JSON.parse(sessionStorage.getItem(KEPT + this.place) ?? "{}");
    this.attachments.show(this.entries.get(this.place) ?? files);
    this.write(text);
  }

  keep() {
    const draft = { text: this.field.value, files: this.attachments.uploaded() };
    sessionStorage.removeItem(KEPT + this.place);
    if (draft.text === "" && draft.files.length === 0) return;
    try {
      sessionStorage.setItem(KEPT + this.place, JSON.stringify(draft));
    } catch {
      // Too large to be kept: it is lost by a reload, and by that alone.
    }
  }

  /** A new conversation has got its id: its draft is that one's. */
  begun(threadId) {
    const kept = sessionStorage.getItem(KEPT + "new");
    sessionStorage.removeItem(KEPT + "new");
    if (kept !== null) sessionStorage.setItem(KEPT + threadId, kept);
    this.entries.set(threadId, this.entries.get("new"));
    this.entries.delete("new");
    if (this.place === "new") this.place = threadId;
  }

  /** The draft of a conversation was sent. */
  sent(threadId) {
    sessionStorage.removeItem(KEPT + threadId);
    this.entries.delete(threadId);
    if (this.place !== threadId) return;
    this.attachments.show([]);
    this.write("");
  }

  write(text) {
    this.field.value = text;
    this.field.dispatchEvent(new Event("input"));
  }
}
