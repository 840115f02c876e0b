#!/bin/sh
# Installs what the tests run with Node, the storage emulator and the openai SDK; does nothing when it is there.
set -eu
cd "$(dirname "$0")"
if [ node_modules/.package-lock.json -nt package-lock.json ]; then
    exit 0
fi
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
touch node_modules/.package-lock.json
