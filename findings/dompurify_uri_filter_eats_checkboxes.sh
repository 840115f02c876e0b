#!/usr/bin/env bash
# DOMPurify 3.5.0: ALLOWED_URI_REGEXP is held against the value of every attribute that is not known to be harmless, not
# only of href and src. With a list of schemes, `^(?:https?|mailto):`, the check boxes of Markdown's task lists become text
# fields: type="checkbox", checked and disabled are no addresses, so they go. What has no scheme must pass the expression.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-fund --no-audit dompurify@3.5.0 jsdom@26.1.0
cat > boxes.cjs <<'PROGRAM'
const createDOMPurify = require("dompurify");
const { JSDOM } = require("jsdom");

const purify = createDOMPurify(new JSDOM("").window);
const task = '<input type="checkbox" class="task" checked="checked" disabled="disabled"> bought';
const schemes = purify.sanitize(task, { ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i });
const also = purify.sanitize(task, { ALLOWED_URI_REGEXP: /^(?:(?:https?|mailto):|[^a-z]|[a-z+.-]+(?:[^a-z+.:-]|$))/i });
console.log(`dompurify ${purify.version}`);
console.log("schemes only:", schemes);
console.log("and what has none:", also);
if (schemes !== '<input class="task"> bought') throw new Error("attributes that hold no address stay now");
if (!also.includes('type="checkbox"') || !also.includes("disabled")) throw new Error("it takes more away now");
PROGRAM
node boxes.cjs
