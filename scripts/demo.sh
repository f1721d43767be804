#!/bin/bash
# Shows the extension at work on any Debian machine: installs what is missing, builds, installs, starts a throwaway server
# and runs test/demo/demo.sql in it. Says nothing but what happens. Fails, with the log, if a step does.
set -euo pipefail
cd "${BASH_SOURCE%/*}/.."

step() {
	echo "$1 ..."
	"${@:2}" >build/demo.log 2>&1 || { cat build/demo.log; exit 1; }
}

mkdir -p build
scripts/setup.sh demo
step "Building" make --no-print-directory -j"$(nproc)"
step "Installing" scripts/install.sh
echo "Starting a server for the demo ..."
scripts/server.sh psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --set ECHO=queries <test/demo/demo.sql 2>&1
