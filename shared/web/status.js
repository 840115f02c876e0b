// Runs and numbers in words: who answers, whether a run goes on, how long something took.

/** Who answers runs, whatever model they ask for. */
export const answering = { offline: false };
export const answererOf = (model) => (answering.offline ? "offline demo" : model);

const ENDED = ["completed", "failed", "cancelled", "expired", "incomplete"];
export const isActive = (run) => !ENDED.includes(run.status);
export const inWords = (status) => status.replaceAll("_", " ");

/** What a run waits for: `{type, calls}`, or null. */
export function wantedOf(run) {
  if (run.status !== "requires_action") return null;
  const type = run.required_action?.type;
  return { type, calls: run.required_action?.[type]?.tool_calls ?? [] };
}

/** The ids of the calls that wait for an approval. */
export function unapproved(run) {
  const wanted = wantedOf(run);
  return new Set(wanted?.type === "submit_tool_approval" ? wanted.calls.map((call) => call.id) : []);
}

/** Why a run ended badly, in one line; null if it did not. */
export function failureOf(run) {
  const reason = run.incomplete_details?.reason;
  return run.last_error?.message ?? (reason ? `Stopped early: ${inWords(reason)}.` : null);
}

/** Seconds as people read them. */
export function lasting(seconds) {
  if (seconds < 10) return `${Math.round(10 * seconds) / 10} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** Unix seconds at which a run or step was over; null while it goes on. */
export const endOf = (each) => each.completed_at ?? each.failed_at ?? each.cancelled_at ?? each.expired_at ?? null;

/** A usage in one line, with what was read from the provider's cache and what was thought. */
export function tokensOf(usage) {
  if (!usage?.total_tokens) return "";
  const count = (number) => number.toLocaleString("en");
  const aside = (number, word) => (number ? `, ${count(number)} ${word}` : "");
  const { cached_tokens: cached, cache_write_tokens: written } = usage.prompt_token_details ?? {};
  return `${count(usage.prompt_tokens)} tokens in${aside(cached, "cached")}${aside(written, "written to the cache")} · `
    + `${count(usage.completion_tokens)} out${aside(usage.completion_tokens_details?.reasoning_tokens, "reasoning")}`;
}

export const timeOf = (seconds) => new Date(1000 * seconds).toLocaleString([], { dateStyle: "medium", timeStyle: "medium" });
