// Building the page: elements and small parts. Strings become text nodes, never markup.

/** An element; properties that begin with "on" are listeners, strings among the children become text. */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (typeof value === "boolean") element.toggleAttribute(name, value);
    else element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null));
  return element;
}

/** Text as it is, in a box that scrolls. */
export function pre(text) {
  return el("pre", { tabindex: "0" }, el("code", {}, text));
}

/** A link to a page elsewhere, which opens one of its own; what is no web address is text. */
export function pageLink(url, label) {
  return /^https?:\/\//i.test(url) ? el("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, label) : el("span", {}, label);
}

/** Characters that nobody sees, or that turn the order of others around: text could look like another. */
const UNSEEN = /[\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/gu;

/** The text with their numbers in the place of such characters. */
export const revealed = (text) => text.replace(UNSEEN, (each) => `\\u{${each.codePointAt(0).toString(16)}}`);

/** Characters of a title that was made from a message. */
const TITLE = 80;

/** The beginning of a text as a title, in whole words where that leaves any. */
export function titled(text) {
  const letters = [...text.trim().replace(/\s+/g, " ")];
  if (letters.length <= TITLE) return letters.join("");
  return `${letters.slice(0, TITLE - 1).join("").replace(/ \S*$/, "").replace(/[.,;:]+$/, "")}…`;
}

/** A button that copies what `text()` returns, and says so for a moment. */
export function copyButton(label, text) {
  const button = el("button", { type: "button", class: "plain copy" }, label);
  let back;
  button.addEventListener("click", async () => {
    button.textContent = (await copied(text())) ? "Copied" : "Not allowed";
    clearTimeout(back);
    back = setTimeout(() => (button.textContent = label), 2000);
  });
  return button;
}

/** Browsers offer the clipboard on HTTPS and on this machine only; elsewhere the older way may work. */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = el("textarea", { class: "away" }, text);
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}

/** Milliseconds within which a second click is none. */
const DOUBLE_CLICK = 400;

/** Makes a button ask once more before it does what cannot be undone. */
export function confirming(button, act) {
  const label = button.textContent;
  let forget = null;
  let since = 0;
  const back = () => {
    clearTimeout(forget);
    forget = null;
    button.textContent = label;
  };
  button.addEventListener("blur", back);
  button.addEventListener("click", ({ timeStamp }) => {
    if (forget !== null) {
      if (timeStamp - since < DOUBLE_CLICK) return;
      back();
      return act();
    }
    since = timeStamp;
    button.textContent = `${label} for good?`;
    forget = setTimeout(back, 5000);
  });
  return button;
}

/** A function that does something and says in the element what went wrong. */
export function acting(error) {
  return async (what) => {
    error.textContent = "";
    try {
      await what();
    } catch (trouble) {
      error.textContent = trouble.message;
    }
  };
}
