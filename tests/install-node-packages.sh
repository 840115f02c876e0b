#!/bin/sh
# Installs what the tests run with Node, the storage emulator and the openai SDK, and what the page's libraries are built
# with; does nothing where it is there.
set -eu
cd "$(dirname "$0")"
for folder in . ../web; do
    if [ "$folder/node_modules/.package-lock.json" -nt "$folder/package-lock.json" ]; then
        continue
    fi
    if ! command -v npm >/dev/null; then
        echo "Node and npm are not installed: tests that need them are left out. \`make test-tools\` installs them."
        [ -z "${CI:-}" ]
        exit
    fi
    echo "Installing Node packages in ${folder#../} (about half a minute the first time) ..."
    (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --progress=true --loglevel=error)
    touch "$folder/node_modules/.package-lock.json"
done
