#!/usr/bin/env bash
# pptxgenjs 4.0.1 gives every slide a page of notes; of a slide without notes it holds the slide's number as text of a
# field. A reader of notes finds "1", "2" … between the slides.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-fund --no-audit pptxgenjs@4.0.1
cat > deck.cjs <<'PROGRAM'
const fs = require("node:fs");
const Deck = require("pptxgenjs");
const Zip = require("jszip");
(async () => {
  const deck = new Deck();
  deck.addSlide().addText("Hello", { x: 1, y: 1 });
  const zip = await Zip.loadAsync(await deck.write({ outputType: "nodebuffer" }));
  const notes = await zip.file("ppt/notesSlides/notesSlide1.xml").async("string");
  const texts = [...notes.matchAll(/<a:t>([^<]*)<\/a:t>/g)].map((match) => match[1]);
  const version = JSON.parse(fs.readFileSync("node_modules/pptxgenjs/package.json")).version;
  console.log(`pptxgenjs ${version}`, JSON.stringify(texts), /type="slidenum"/.test(notes));
  if (JSON.stringify(texts) !== '["","1"]' && JSON.stringify(texts) !== '["1"]') throw new Error("it writes other notes now");
  if (!/type="slidenum"/.test(notes)) throw new Error("the number is no field now");
})();
PROGRAM
node deck.cjs
