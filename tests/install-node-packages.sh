#!/bin/sh
# Installs what the tests run with Node, the storage emulator and the openai SDK; does nothing when it is there.
set -eu
cd "$(dirname "$0")"
if [ node_modules/.package-lock.json -nt package-lock.json ]; then
    exit 0
fi
if ! command -v npm >/dev/null; then
    echo "Node and npm are not installed: tests that need them are left out. \`make test-tools\` installs them."
    [ -z "${CI:-}" ]
    exit
fi
echo "Installing the tests' Node packages (about half a minute the first time) ..."
npm ci --ignore-scripts --no-audit --no-fund --progress=true --loglevel=error
touch node_modules/.package-lock.json
