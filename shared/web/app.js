// The playground: who enters and leaves, and what the controls do.

import { api, health, key, untilAnswered } from "./api.js";
import { Assistants } from "./assistants.js";
import { compose } from "./composer.js";
import { Conversation } from "./conversation.js";
import { Drafts } from "./drafts.js";
import { Attachments } from "./files.js";
import { Library } from "./library.js";
import { searching } from "./search.js";
import { codeOfLink, signIn } from "./sign_in.js";
import { answering } from "./status.js";
import { ThreadDialog } from "./thread_dialog.js";
import * as threads from "./threads.js";
import { addToolbar } from "./toolbar.js";
import { Waiting } from "./waiting.js";

const $ = (id) => document.getElementById(id);

const assistants = new Assistants(fail);
const attachments = new Attachments($("chips"));
const drafts = new Drafts($("text"), attachments);
const conversation = new Conversation(assistants, attachments, drafts, fail);
const waiting = new Waiting($("waiting"), () => conversation.here.threadId);
conversation.onstop = () => waiting.look();
addToolbar(() => ({ assistant: assistants.chosen, threadId: conversation.here.threadId }));

/** Lets in whoever brings a link's code or has the key already; a code of no use is told to both. */
async function arrive(code) {
  let trouble = null;
  if (code !== null) await signIn(code).catch((error) => (trouble = error));
  if (key.get() !== null) {
    await enter();
    if (trouble !== null) fail(trouble);
  } else {
    atHome(false);
    refused(trouble);
  }
}

async function enter() {
  try {
    await untilAnswered(() => Promise.all([assistants.load(), threads.find()]), new AbortController().signal, refused);
  } catch (error) {
    if (error.status === 401) key.forget();
    refused(error);
    return atHome(false);
  }
  refused(null);
  $("key").value = "";
  atHome(true);
  advise();
  await show(location.hash.slice(1) || null);
}

function refused(error) {
  $("key-error").textContent = error?.message ?? "";
  $("key-error").hidden = error === null;
}

/** Says who answers and what is wrong with it; nothing waits for that. */
async function advise() {
  try {
    const { trouble, offline } = await health();
    answering.offline = offline;
    $("offline-hint").hidden = !offline;
    conversation.repaint();
    const demo = offline ? "The offline demo answers: a handful of rules, not a language model." : "";
    const words = trouble ?? (demo || (await endings()));
    $("advice").textContent = words;
    $("advice").classList.toggle("error", trouble !== null);
    $("advice").hidden = words === "";
  } catch {
    // Whoever cannot be reached at all is told by the requests that matter.
  }
}

/** Which models of the box's settings end soon. */
async function endings() {
  const models = (await api.get("/v1/models")).data;
  return models.flatMap((each) => each.warning ?? []).join(" ");
}

function atHome(inside) {
  $("entrance").hidden = inside;
  $("house").hidden = !inside;
  $(inside ? "text" : "key").focus();
}

function fail(error) {
  if (error?.name === "AbortError") return;
  $("notice").textContent = error === null ? "" : error.message;
  $("notice").hidden = error === null;
}

// --- the controls

/** Opens a conversation, from the menu on small screens. */
async function show(threadId) {
  menu(false);
  waiting.look();
  await conversation.show(threadId);
  // Whoever came by what has gone since is led to what waits.
  if (document.activeElement === document.body) document.querySelector("section.action")?.focus();
}

function leaveThread() {
  history.pushState(null, "", location.pathname);
  show(null);
  $("text").focus();
}

function menu(shown) {
  $("house").classList.toggle("menu", shown);
  $("menu").setAttribute("aria-expanded", String(shown));
}

$("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  key.keep($("key").value.trim());
  enter();
});
compose(() => conversation.send(), (files) => attachments.add(files, Number($("picker").dataset.part)));
$("cancel").addEventListener("click", () => conversation.cancel());
document.addEventListener("keydown", (event) => {
  // An open dialog closes by itself; whoever composes a character leaves that.
  if (event.key !== "Escape" || event.isComposing || document.querySelector("dialog[open]") !== null) return;
  if ($("house").classList.contains("menu")) {
    menu(false);
    $("menu").focus();
  } else if (!$("cancel").hidden && !$("cancel").disabled) conversation.cancel();
});
$("menu").addEventListener("click", () => menu(!$("house").classList.contains("menu")));
// The menu covers the conversation: whoever walks on into that has left it.
$("talk").addEventListener("focusin", () => menu(false));
$("more-threads").addEventListener("click", () => threads.more().catch(fail));
searching(assistants, fail);
new ThreadDialog(fail, leaveThread);
new Library(assistants);
$("new-thread").addEventListener("click", leaveThread);
$("leave").addEventListener("click", () => {
  sessionStorage.clear();
  location.replace(location.pathname);
});
window.addEventListener("hashchange", () => {
  const code = codeOfLink();
  if (code !== null) arrive(code);
  else if (key.get() !== null) show(location.hash.slice(1) || null);
});
document.addEventListener("visibilitychange", () => document.hidden || key.get() === null || waiting.look());
window.addEventListener("popstate", () => key.get() !== null && location.hash === "" && show(null));

arrive(codeOfLink());
