// Building the page: elements, and model-written text with a little Markdown. Strings become text nodes, never markup.

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

const FENCE = /^\s*```\s*([\w+-]*)/;
const HEADING = /^#{1,6}\s+(.*)/;
const ITEM = /^\s*(?:[-*•]|(\d+)[.)])\s+(.*)/;
const ROW = /^\s*\|.*\|\s*$/;
const RULE = /^[\s|:-]+$/;

/** Blocks of text. `marks` has what annotations stand for: their text -> a function that makes the element. */
export function rich(value, marks = new Map()) {
  const lines = value.split("\n");
  const blocks = [];
  const take = (test) => {
    const taken = [];
    while (lines.length > 0 && test(lines[0])) taken.push(lines.shift());
    return taken;
  };
  while (lines.length > 0) {
    if (FENCE.test(lines[0])) {
      lines.shift();
      blocks.push(pre(take((line) => !FENCE.test(line)).join("\n")));
      lines.shift();
    } else if (HEADING.test(lines[0])) {
      blocks.push(el("p", { class: "heading" }, inline(HEADING.exec(lines.shift())[1], marks)));
    } else if (ITEM.test(lines[0])) {
      blocks.push(list(take((line) => ITEM.test(line)), marks));
    } else if (ROW.test(lines[0])) {
      blocks.push(table(take((line) => ROW.test(line)), marks));
    } else {
      const text = take((line) => ![FENCE, HEADING, ITEM, ROW].some((each) => each.test(line)) && line.trim() !== "");
      if (text.length > 0) blocks.push(el("p", {}, inline(text.join("\n"), marks)));
      else lines.shift();
    }
  }
  return blocks;
}

/** Text as it is, in a box that scrolls. */
export function pre(text) {
  return el("pre", { tabindex: "0" }, el("code", {}, text));
}

function list(lines, marks) {
  const found = lines.map((line) => ITEM.exec(line));
  const items = found.map((item) => el("li", {}, inline(item[2], marks)));
  const first = found[0][1];
  return first === undefined ? el("ul", {}, items) : el("ol", { start: first }, items);
}

function table(lines, marks) {
  const cells = (line) => line.trim().slice(1, -1).split("|").map((cell) => cell.trim());
  const ends = cells(lines.find((line) => RULE.test(line)) ?? "").map((rule) => rule.endsWith("-:") && !rule.startsWith(":"));
  const rows = lines.filter((line) => !RULE.test(line)).map((line, index) => el("tr", {}, cells(line).map((cell, column) =>
    el(index === 0 ? "th" : "td", ends[column] ? { class: "end" } : {}, inline(cell, marks)))));
  return el("div", { class: "wide", tabindex: "0" }, el("table", {}, rows));
}

/** Marks, `code`, **bold** and [links](https://…) of a line. */
function inline(text, marks) {
  const found = [...marks.keys()].map((mark) => mark.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const link = "\\[([^[\\]\\n]+)\\]\\(([^()\\s]+)\\)";
  const pattern = new RegExp([link, ...found, "`[^`\\n]+`", "\\*\\*[^*\\n]+\\*\\*"].join("|"), "g");
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    nodes.push(text.slice(end, match.index), marked(match, marks));
    end = match.index + match[0].length;
  }
  return [...nodes, text.slice(end)];
}

function marked([whole, label, address], marks) {
  if (address !== undefined) {
    if (marks.has(address)) return marks.get(address)(label);
    return /^https?:\/\//i.test(address)
      ? el("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, label)
      : whole;
  }
  if (marks.has(whole)) return marks.get(whole)(null);
  return whole.startsWith("`") ? el("code", {}, whole.slice(1, -1)) : el("strong", {}, whole.slice(2, -2));
}
