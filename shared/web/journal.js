// What the page asked the box for. The key is a header, and headers are not kept.

/** Requests that are kept, and characters of a body. */
const MOST = 200;
const LONGEST = 20_000;

/** Newest first: `{method, path, body, at, status, ms, requestId, answer}`; a status of 0: nobody answered. */
export const journal = [];
/** Tells `change` events when there is something new. */
export const news = new EventTarget();

/** Keeps a request; the function takes its response, or nothing when there was none. */
export function note(method, path, body) {
  const begun = performance.now();
  const entry = { method, path, body: inText(body), at: new Date(), status: null, ms: null, requestId: null, answer: null };
  journal.unshift(entry);
  journal.splice(MOST);
  return (response = null) => {
    entry.ms = Math.round(performance.now() - begun);
    entry.status = response?.status ?? 0;
    entry.requestId = response?.headers.get("x-request-id") ?? null;
    if (isShortJson(response)) response.clone().text().then((text) => (entry.answer = text), () => {});
    news.dispatchEvent(new Event("change"));
  };
}

function isShortJson(response) {
  const type = response?.headers.get("content-type") ?? "";
  return type.startsWith("application/json") && Number(response.headers.get("content-length") ?? Infinity) <= LONGEST;
}

function inText(body) {
  if (body === undefined) return null;
  if (!(body instanceof FormData)) return body.length > LONGEST ? `${body.slice(0, LONGEST)}…` : body;
  return [...body].map(([name, value]) => `${name}: ${value instanceof Blob ? `${value.name} (${value.size} bytes)` : value}`).join("\n");
}
