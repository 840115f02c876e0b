// Counts the tokens of each text in a JSON list on stdin, as o200k_base cuts them; the tables are in the package.
const { countTokens } = require("../tests/node_modules/gpt-tokenizer/cjs/encoding/o200k_base.js");

const plain = { allowedSpecial: new Set(), disallowedSpecial: new Set() };
const texts = JSON.parse(require("fs").readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(texts.map((text) => countTokens(text, plain))));
