// As in writing.py: the texts, and saving a document beside the words that its writer was given.
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
export const T = JSON.parse(fs.readFileSync(path.join(here, "texts.json"), "utf8"));
const before = /^[^\p{L}\p{N}_+#%°√∑∞☒☑☐≥€$&/*-]+/u;
const after = /[^\p{L}\p{N}_+#%°√∑∞☒☑☐≥€$&/*)-]+$/u;

function words(value) {
  if (Array.isArray(value)) return value.flatMap(words);
  const found = String(value).split(/\s+/).map((word) => word.replace(before, "").replace(after, ""));
  const closed = found.map((word) => (word.includes("(") ? word : word.replace(/\)$/, "")));
  return closed.filter((word) => /[\p{L}\p{N}☒☑☐√∑≥]/u.test(word));
}

export function save(name, data, ...given) {
  fs.writeFileSync(path.join(here, "..", name), data);
  fs.writeFileSync(path.join(here, "..", `${name}.words`), [...new Set(words(given))].map((word) => `${word}\n`).join(""));
  console.log(name.padEnd(32), data.length, "bytes");
}
