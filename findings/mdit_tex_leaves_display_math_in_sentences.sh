#!/usr/bin/env bash
# @mdit/plugin-tex 0.24.2 with `delimiters: "all"`: `$$…$$` and `\[…\]` are formulas only where they begin a line of their
# own. Within a sentence, as models write them, the first stays text; the second loses its backslashes, since Markdown
# takes `\[` for an escaped bracket, so afterwards nobody can see that it was a formula. `\(…\)` is found anywhere.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-fund --no-audit @mdit/plugin-tex@0.24.2 markdown-it@14.3.3
cat > formulas.mjs <<'PROGRAM'
import { tex } from "@mdit/plugin-tex";
import MarkdownIt from "markdown-it";

const reader = new MarkdownIt().use(tex, { delimiters: "all", render: (content) => `<math>${content.trim()}</math>` });
const read = (text) => reader.render(text).trim().replaceAll("\n", "");
const told = ["\\[ x \\]", "$$x$$", "So \\[ x \\] holds.", "So $$x$$ holds.", "So \\( x \\) holds."].map((text) => [text, read(text)]);
console.log(told.map((each) => each.join("  ->  ")).join("\n"));
const expected = ["<math>x</math>", "<math>x</math>", "<p>So [ x ] holds.</p>", "<p>So $$x$$ holds.</p>", "<p>So <math>x</math> holds.</p>"];
if (JSON.stringify(told.map((each) => each[1])) !== JSON.stringify(expected)) throw new Error("it reads them otherwise now");
PROGRAM
node formulas.mjs
