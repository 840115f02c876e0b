// A link that signs in: its fragment has a code that the box takes once, for a key.

import { Failure, key } from "./api.js";

const MARK = "#sign-in=";

/** The code of the link by which the page was opened, taken out of the address; null without one. */
export function codeOfLink() {
  if (!location.hash.startsWith(MARK)) return null;
  const code = location.hash.slice(MARK.length);
  history.replaceState(null, "", location.pathname);
  return code;
}

/** Exchanges the code for the key that this tab keeps. Not among the requests that the page shows: the answer is secret. */
export async function signIn(code) {
  let response;
  try {
    response = await fetch("/playground/sign_in", { method: "POST", body: code });
  } catch {
    throw new Failure("The box does not answer. Is it running?");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Failure(answer.error?.message ?? `The box answered with status ${response.status}.`, response.status);
  key.keep(answer.key);
}
