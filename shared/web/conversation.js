// The conversation that is open: shown, continued, and followed until its run is over.
//
// The store is the truth. Whenever the stream of a run breaks off, the page asks for the run, its steps and messages until
// it is over or wants something, however long the box is away.

import { Failure, all, api, pause, stepsOf, stream, untilAnswered } from "./api.js";
import { Greeting } from "./greeting.js";
import { indexed } from "./indexing.js";
import { nameOf } from "./call_kinds.js";
import { inWords, isActive, unapproved, wantedOf } from "./status.js";
import { el, titled } from "./text.js";
import * as threads from "./threads.js";
import { showTrace } from "./trace.js";
import { Transcript, fill } from "./transcript.js";

const $ = (id) => document.getElementById(id);
const POLL = 1;

export class Conversation {
  /** `fail(error)` tells the user, null takes it back. */
  constructor(assistants, attachments, drafts, fail) {
    this.assistants = assistants;
    this.attachments = attachments;
    this.drafts = drafts;
    this.fail = fail;
    /** Called when a run has stopped: it is over or asks for something. */
    this.onstop = () => {};
    this.greeting = new Greeting(assistants);
    this.transcript = new Transcript($("transcript"), { submit: (view, answers) => this.submit(view, answers), trace: showTrace, fail });
    this.open(null);
  }

  /** What is open. Made anew whenever that changes, so late answers for the old one are told apart. */
  open(threadId) {
    this.here?.stopped.abort();
    this.here = { threadId, view: null, busy: false, stopped: new AbortController() };
    return this.here;
  }

  /** Opens a thread; null is a new one. */
  async show(threadId) {
    const here = this.open(threadId);
    this.drafts.open(threadId);
    $("indexing").textContent = "";
    this.fail(null);
    threads.mark(threadId);
    this.update();
    if (threadId === null) return this.transcript.clear(this.greeting.paint());
    this.transcript.clear(el("p", { class: "small" }, "Loading…"));
    try {
      await this.paint(here);
      await this.follow(here);
    } catch (error) {
      if (here !== this.here) return;
      this.transcript.clear();
      this.fail(error);
    }
  }

  /** Paints the conversation from the store. */
  async paint(here) {
    const [messages, runs] = await untilAnswered(() => load(here), here.stopped.signal, this.fail);
    if (here !== this.here) return;
    here.view = this.transcript.thread(messages, runs);
    this.assistants.choose(runs.at(-1)?.run.assistant_id);
  }

  async send() {
    const { here } = this;
    const assistant = this.assistants.chosen;
    if (assistant === null) return this.assistants.open(null);
    const wanted = this.assistants.run();
    this.fail(null);
    here.busy = true;
    this.update();
    try {
      const text = $("text").value;
      const message = { role: "user", ...(await this.attachments.message(text, assistant.tools)) };
      if (here.threadId === null) await this.begin(here, text);
      const path = `/v1/threads/${here.threadId}`;
      const said = await api.post(`${path}/messages`, message);
      this.drafts.sent(here.threadId);
      if (here !== this.here) return;
      this.transcript.message(said);
      if (message.attachments.some(isDocument)) this.tellOfDocuments(here);
      await this.listen(here, `${path}/runs`, wanted);
    } catch (error) {
      if (here !== this.here) return;
      this.fail(error);
      // A run of another tab's, or of a program's, may be in the way.
      if (error.status === 400 && here.threadId !== null) await this.catchUp(here, () => this.paint(here));
    } finally {
      here.busy = false;
      if (here === this.here) this.update();
    }
  }

  async begin(here, text) {
    const thread = await api.post("/v1/threads", { metadata: { title: titled(text) } });
    here.threadId = thread.id;
    this.drafts.begun(thread.id);
    threads.add(thread);
    if (here !== this.here) return;
    history.replaceState(null, "", `#${thread.id}`);
    this.transcript.clear();
    threads.mark(thread.id);
  }

  /** Starts or continues a run and shows its events; should the stream break off, asks for the run instead. */
  async listen(here, path, body) {
    const before = here.view;
    const asked = body.assistant_id === undefined ? before.asked : "";
    let known = asked !== "";
    here.busy = true;
    try {
      for await (const event of stream(path, body, here.stopped.signal)) {
        if (event.name === "thread.run.created") [here.view, known] = [this.transcript.run(event.data, true), true];
        else if (event.name === "error") throw new Failure(event.data.error.message);
        else here.view?.take(event);
        this.update();
      }
    } catch (error) {
      // A refused request has a status: nothing was started. Otherwise the run goes on without us.
      if (error.status || error.name === "AbortError") throw error;
      if (here !== this.here) return;
      if (known) await this.refresh(here);
      else await this.paint(here);
      if (!known && here.view?.run.id === before?.run.id) throw error; // it never began
      if (asked !== "" && here.view.asked === asked) throw new Failure("The answer did not arrive. Send it again.");
    } finally {
      here.busy = false;
    }
    await this.follow(here);
  }

  /** Looks at an active run that nobody streams until it is over or asks for something. */
  async follow(here) {
    while (here === this.here && here.view !== null && isRunning(here.view.run)) {
      this.update();
      await pause(POLL, here.stopped.signal);
      await this.refresh(here);
    }
    this.update();
  }

  /** Brings the newest run up to date with the store. */
  async refresh(here) {
    const { threadId, view, stopped: { signal } } = here;
    const path = `/v1/threads/${threadId}`;
    const runPath = `${path}/runs/${view.run.id}`;
    const ask = async () => [await api.get(runPath, signal), ...(await Promise.all([all(`${path}/messages`, signal), stepsOf(runPath, signal)]))];
    const [run, messages, steps] = await untilAnswered(ask, signal, this.fail);
    fill(view, steps, new Map(messages.map((message) => [message.id, message])));
    view.show(run);
  }

  /** Answers a run's required action. */
  async submit(view, answers) {
    const { here } = this;
    this.fail(null);
    try {
      const path = `/v1/threads/${here.threadId}/runs/${view.run.id}/submit_tool_outputs`;
      if (view.run.metadata?.completion_window) {
        // Such runs are polled.
        view.show(await api.post(path, answers));
        await this.follow(here);
      } else await this.listen(here, path, answers);
      // Whoever used a form that has gone since would have lost the place.
      if (here === this.here && document.activeElement === document.body) $("text").focus();
    } catch (error) {
      if (here !== this.here) return;
      this.fail(error);
      // Somebody else may have answered, or it was too late.
      if (error.status >= 400 && error.status < 500) await this.catchUp(here);
    }
  }

  async catchUp(here, look = () => this.refresh(here)) {
    try {
      await look();
      await this.follow(here);
    } catch {
      // What went wrong first has been told.
    }
  }

  async cancel() {
    const { here } = this;
    const held = document.activeElement === $("cancel");
    try {
      here.view.show(await api.post(`/v1/threads/${here.threadId}/runs/${here.view.run.id}/cancel`));
      if (!here.busy) await this.follow(here);
    } catch (error) {
      if (here === this.here) this.fail(error);
    }
    this.update();
    if (held && here === this.here && $("cancel").hidden) $("text").focus();
  }

  /** Says how far the documents of a message are, beside the files for the next one. Nothing waits for that. */
  async tellOfDocuments(here) {
    try {
      await indexed(here.threadId, here.stopped.signal, (words) => here === this.here && ($("indexing").textContent = words));
    } catch {
      // Whoever cannot be reached is told by the requests that matter.
    }
  }

  /** Tells those who do not see it what has become of the run, once it is over or wants something. */
  announce(run) {
    const { view } = this.here;
    const before = this.here.status;
    this.here.status = run?.status;
    if (before === run?.status || (run !== undefined && isRunning(run))) return;
    this.onstop();
    if (before === undefined || run === undefined) return;
    const answer = [...view.element.querySelectorAll(".message.assistant .body")].at(-1)?.innerText ?? "";
    const words = { completed: `Assistant: ${answer}`, requires_action: asking(run) };
    $("announcer").textContent = words[run.status] ?? `The run: ${inWords(run.status)}. ${run.last_error?.message ?? ""}`;
  }

  /** Shows the newest run, or the greeting, again: who answers has become known. */
  repaint() {
    this.greeting.paint();
    this.here.view?.show(this.here.view.run);
  }

  /** Brings the controls in line with what is open. */
  update() {
    const run = this.here.view?.run;
    const active = run !== undefined && isActive(run);
    this.announce(run);
    $("cancel").hidden = !active;
    $("cancel").disabled = run?.status === "cancelling";
    $("send").disabled = active || this.here.busy;
    const status = active ? inWords(run.status) : this.here.busy ? "sending" : "";
    if ($("status").textContent !== status) $("status").textContent = status;
  }
}

const isDocument = ({ tools }) => tools.some((tool) => tool.type === "file_search");

/** What a run asks for, in words. */
function asking(run) {
  const waiting = unapproved(run);
  const names = (wantedOf(run)?.calls ?? []).filter((call) => waiting.has(call.id)).map(nameOf);
  return names.length > 0 ? `The assistant asks for your approval: ${names.join(", ")}` : "The assistant calls your function.";
}

function isRunning(run) {
  return isActive(run) && run.status !== "requires_action";
}

async function load({ threadId, stopped: { signal } }) {
  const path = `/v1/threads/${encodeURIComponent(threadId)}`;
  const [messages, runs] = await Promise.all([all(`${path}/messages`, signal), all(`${path}/runs`, signal)]);
  const steps = await Promise.all(runs.map((run) => stepsOf(`${path}/runs/${run.id}`, signal)));
  return [messages, runs.map((run, index) => ({ run, steps: steps[index] }))];
}
