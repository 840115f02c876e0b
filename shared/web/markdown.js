// Markdown as models write it: CommonMark and GFM, mathematics, code; links and citations as the annotations say.
// Markup in it stays text. What the libraries make of the rest goes through one sanitiser into the page.

import { copyButton, el } from "./text.js";
import { DOMPurify, MarkdownIt, hljs, tasklist, tex } from "./vendor/markdown.js";

/** Code longer than this is shown in one colour: it would be coloured anew with every word of the answer. */
const COLOURED = 20_000;

/** Cells of so many characters stay in one line. */
const WHOLE = 12;

/** A formula within a line, by what begins it. */
const FORMULAS = {
  "\\(": /\\\(((?:[^\\]|\\[^)])*)\\\)/y,
  "\\[": /\\\[((?:[^\\]|\\[^\]])*)\\\]/y,
  "$$": /\$\$([^$]+)\$\$/y,
};

const reader = new MarkdownIt({ breaks: true, linkify: true, highlight: coloured });
// Only what begins like an address: the end of "policy.md" is that of a country, too.
reader.linkify.set({ fuzzyEmail: false, fuzzyLink: false });
reader.use(tasklist, { label: false });
// The library takes `$$…$$` as a block only; models write it within a sentence, too. And the end of what is in brackets it
// would look for in all that follows, from each place where a formula may begin.
reader.use(tex, { render: formula });
reader.inline.ruler.before("escape", "formula", (state, silent) => {
  const begin = state.src.slice(state.pos, state.pos + 2);
  const whole = FORMULAS[begin];
  // What does not end here does not end further on.
  if (whole === undefined || state.endless?.has(begin)) return false;
  whole.lastIndex = state.pos;
  const match = whole.exec(state.src);
  if (match === null) {
    if (begin !== "$$") (state.endless ??= new Set()).add(begin);
    return false;
  }
  if (match[1] === "") return false; // `f\(\)` is an escaped `f()`
  if (!silent) state.push("html_inline", "", 0).content = formula(match[1], begin !== "\\(");
  state.pos = whole.lastIndex;
  return true;
});
// As a block, its lines may be such as would begin a list or a heading.
reader.block.ruler.before("math_block_dollar", "formula", (state, first, end, silent) => {
  if (!state.src.startsWith("\\[", state.bMarks[first] + state.tShift[first])) return false;
  const last = lastLine(state, first, end);
  if (last === -1) return false;
  if (silent) return true;
  const token = state.push("math_block", "math", 0);
  token.content = state.getLines(first, last + 1, state.sCount[first], false).trim().slice(2, -2);
  state.line = last + 1;
  return true;
}, { alt: ["paragraph", "reference", "blockquote", "list"] });
// A picture is a link: the page loads nothing from elsewhere.
reader.renderer.rules.image = ([image]) => {
  const { escapeHtml } = reader.utils;
  return `<a href="${escapeHtml(image.attrGet("src"))}">${escapeHtml(image.content || "picture")}</a>`;
};
reader.core.ruler.push("page", ({ tokens }) => tokens.forEach((token) => {
  // The page's own headings are above those of an answer.
  if (token.type.startsWith("heading_")) token.tag = `h${Math.min(6, Number(token.tag[1]) + 2)}`;
  const style = token.attrGet("style");
  if (style !== null) token.attrs = [["class", style.endsWith("right") ? "end" : style.endsWith("center") ? "center" : "start"]];
}));

const SAFE = {
  USE_PROFILES: { html: true },
  FORBID_TAGS: ["style", "form", "img"],
  FORBID_ATTR: ["style", "id", "name"],
  // Holds for every attribute: what has no scheme ("checkbox") must pass, too.
  ALLOWED_URI_REGEXP: /^(?:(?:https?|mailto|sandbox):|[^a-z]|[a-z+.-]+(?:[^a-z+.:-]|$))/i,
  RETURN_DOM_FRAGMENT: true,
};
const SAFE_MATHS = { USE_PROFILES: { mathMl: true }, ADD_TAGS: ["semantics", "annotation"], RETURN_DOM_FRAGMENT: true };

/** The nodes of an answer. `marks` has what annotations stand for: their text -> a function that makes the element. */
export function markdown(value, marks = new Map()) {
  const nodes = DOMPurify.sanitize(reader.render(value), SAFE);
  nodes.querySelectorAll("a").forEach((link) => link.replaceWith(linked(link, marks)));
  if (marks.size > 0) marked(nodes, marks);
  nodes.querySelectorAll("table").forEach((table) => {
    const frame = el("div", { class: "wide", tabindex: "0" });
    table.replaceWith(frame);
    frame.append(table);
    // Dates and numbers break at their signs otherwise.
    table.querySelectorAll("td").forEach((cell) => cell.classList.toggle("whole", cell.textContent.length <= WHOLE));
  });
  nodes.querySelectorAll("input").forEach((box) => box.setAttribute("aria-label", box.parentElement.textContent.trim()));
  nodes.querySelectorAll("pre").forEach(framed);
  mathematics(nodes.querySelectorAll(".math"));
  return [...nodes.childNodes];
}

/** The line that ends a formula which begins one, or -1; lines among which there is none are not looked at again. */
function lastLine(state, first, end) {
  const { endless } = state;
  if (endless !== undefined && endless.first <= first && first < endless.end) return -1;
  let line = first, start = state.bMarks[first] + state.tShift[first] + 2;
  while (line < end && (line === first || state.isEmpty(line) || state.sCount[line] >= state.blkIndent)) {
    if (state.src.slice(start, state.eMarks[line]).trimEnd().endsWith("\\]")) return line;
    line += 1;
    start = state.bMarks[line] + state.tShift[line];
  }
  state.endless = { first, end: line };
  return -1;
}

/** The place of a formula, until it is set. */
function formula(content, display) {
  return `<span class="math${display ? " display" : ""}">${reader.utils.escapeHtml(content)}</span>`;
}

/** A link opens a page of its own; one into the sandbox is what the annotation says, or the words alone. */
function linked(link, marks) {
  const address = link.getAttribute("href") ?? "";
  if (/^(https?|mailto):/i.test(address)) {
    return el("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, ...link.childNodes);
  }
  const made = marks.get(address) ?? marks.get(decoded(address));
  return made === undefined ? el("span", {}, ...link.childNodes) : made(link.textContent);
}

function decoded(address) {
  try {
    return decodeURI(address);
  } catch {
    return address;
  }
}

/** Puts elements in the place of the annotated texts. */
function marked(nodes, marks) {
  const found = [...marks.keys()].map((mark) => mark.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const pattern = new RegExp(`(${found.join("|")})`);
  const walker = document.createTreeWalker(nodes, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) if (pattern.test(walker.currentNode.data)) texts.push(walker.currentNode);
  for (const text of texts) {
    text.replaceWith(...text.data.split(pattern).map((piece, index) => index % 2 === 1 ? marks.get(piece)(null) : piece));
  }
}

/** Code in colours, or null for the text as it is. */
function coloured(code, language) {
  if (code.length > COLOURED || hljs.getLanguage(language) === undefined) return "";
  return hljs.highlight(code, { language, ignoreIllegals: true }).value;
}

/** Code with its language and a button that copies it. */
function framed(code) {
  const language = /language-(\S+)/.exec(code.firstElementChild?.className ?? "")?.[1] ?? "";
  code.tabIndex = 0;
  const frame = el("div", { class: "code" }, el("p", { class: "label" }, language, copyButton("Copy code", () => code.textContent)));
  code.replaceWith(frame);
  frame.append(code);
}

let library = null;

/** Sets formulas; the library for it comes with the first of them. What it cannot read stays as it was written. */
async function mathematics(places) {
  if (places.length === 0) return;
  library ??= import("./vendor/katex.js").then((loaded) => (library = loaded), () => (library = null));
  const katex = library instanceof Promise ? await library : library;
  if (katex === null) return;
  for (const place of places) {
    try {
      const made = katex.renderToString(place.textContent, { output: "mathml", displayMode: place.classList.contains("display"), maxExpand: 200 });
      place.replaceChildren(DOMPurify.sanitize(made, SAFE_MATHS));
    } catch {
      place.classList.add("unread");
    }
  }
}
