// The conversation on the page: messages and runs in order, kept in view while they grow.

import { MessageView } from "./messages.js";
import { RunView } from "./runs.js";
import { el } from "./text.js";

export class Transcript {
  constructor(element, hooks) {
    this.element = element;
    this.hooks = hooks;
    this.follow = true;
    let before = 0;
    element.addEventListener("scroll", () => {
      if (element.scrollHeight - element.scrollTop - element.clientHeight < 60) this.follow = true;
      else if (element.scrollTop < before) this.follow = false;
      before = element.scrollTop;
    });
    // Whatever grows, text or a picture that has arrived, the end stays in view for those who look at the end.
    this.inner = el("div", { class: "inner" });
    element.append(this.inner);
    new ResizeObserver(() => this.follow && this.end()).observe(this.inner);
  }

  end() {
    this.element.scrollTop = this.element.scrollHeight;
  }

  clear(...children) {
    this.follow = true;
    this.inner.replaceChildren(...children);
  }

  message(message) {
    this.follow = true;
    this.inner.append(new MessageView(message, this.hooks.fail).element);
  }

  run(run, live) {
    const view = new RunView(run, this.hooks, live);
    this.inner.append(view.element);
    return view;
  }

  /** A whole thread: messages, oldest first, and its runs with their steps. Returns the newest run's view. */
  thread(messages, runs) {
    this.clear();
    const waiting = [...runs];
    const byId = new Map(messages.map((message) => [message.id, message]));
    let view = null;
    const show = ({ run, steps }) => {
      view = this.run(run, false);
      fill(view, steps, byId);
    };
    for (const message of messages) {
      const own = waiting.findIndex(({ run }) => run.id === message.run_id);
      // Runs that wrote nothing stand where they were made.
      const silent = ({ run }) => run.created_at < message.created_at && !messages.some((each) => each.run_id === run.id);
      while (own < 0 && waiting.length > 0 && silent(waiting[0])) show(waiting.shift());
      if (own >= 0) waiting.splice(0, own + 1).forEach(show);
      else if (!runs.some(({ run }) => run.id === message.run_id)) this.message(message);
    }
    waiting.forEach(show);
    return view;
  }
}

/** Brings a run's view up to date with its steps and messages; what the store does not have was never finished. */
export function fill(view, steps, messages) {
  view.keep(new Set(steps.flatMap((step) => [step.id, step.step_details.message_creation?.message_id])));
  for (const step of steps) {
    view.step(step);
    const message = messages.get(step.step_details.message_creation?.message_id);
    if (message !== undefined) view.message(message);
  }
}
