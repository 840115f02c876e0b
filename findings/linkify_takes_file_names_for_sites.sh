#!/usr/bin/env bash
# linkify-it 5.0.2 (markdown-it 14.3.3, `linkify: true`): every ending of two letters that a country has is one of sites,
# so names of files become links to strangers' sites, and a citation such as 【1:0†policy.md】 is torn in three. GFM links
# only what begins with http://, https:// or www. `fuzzyLink: false` leaves the first two of these.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-fund --no-audit markdown-it@14.3.3 linkify-it@5.0.2
cat > names.cjs <<'PROGRAM'
const MarkdownIt = require("markdown-it");

const links = (reader, text) => [...reader.render(text).matchAll(/href="([^"]+)"/g)].map((match) => match[1]);
const text = "See 【1:0†policy.md】, setup.py, run.sh, notes.txt and table.csv.";
const eager = new MarkdownIt({ linkify: true });
const plain = new MarkdownIt({ linkify: true });
plain.linkify.set({ fuzzyLink: false });
console.log("linkify:", links(eager, text), "without fuzzyLink:", links(plain, text));
const expected = ["http://policy.md", "http://setup.py", "http://run.sh"];
if (JSON.stringify(links(eager, text)) !== JSON.stringify(expected)) throw new Error("it takes other names for sites now");
if (links(plain, text).length !== 0) throw new Error("it does so in any case now");
PROGRAM
node names.cjs
