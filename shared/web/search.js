// Looking for conversations: words, the assistant that answered, metadata.

import { el } from "./text.js";
import * as threads from "./threads.js";

const $ = (id) => document.getElementById(id);

/** Milliseconds after the last letter. */
const REST = 300;

export function searching(assistants, fail) {
  let soon;
  const look = () => {
    clearTimeout(soon);
    threads.find(wanted()).catch(fail);
  };
  $("find").addEventListener("submit", (event) => {
    event.preventDefault();
    look();
  });
  $("find").addEventListener("input", () => {
    clearTimeout(soon);
    soon = setTimeout(look, REST);
  });
  $("find-more").addEventListener("toggle", () => {
    const chosen = $("find-assistant").value;
    const names = assistants.known.map((each) => el("option", { value: each.id }, each.name || each.id));
    $("find-assistant").replaceChildren(el("option", { value: "" }, "Any assistant"), ...names);
    $("find-assistant").value = chosen;
  });
}

/** What the form asks for; null: nothing in particular. */
function wanted() {
  const [key, ...value] = $("find-metadata").value.split("=");
  const asked = {
    words: $("find-words").value.trim(),
    assistantId: $("find-assistant").value,
    key: key.trim(),
    value: value.join("=").trim(),
  };
  return asked.words || asked.assistantId || asked.key ? asked : null;
}
