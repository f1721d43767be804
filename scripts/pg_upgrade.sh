#!/bin/bash
# Usage: pg_upgrade.sh OLDER
# Builds and installs the extension for the PostgreSQL of that major version, too, out of a copy of the sources, and runs the test of
# pg_upgrade from it to the one of PG_CONFIG (test/majors). Wants Debian's packages of both, and root to install.
set -euo pipefail
cd "${BASH_SOURCE%/*}/.."
older_config=/usr/lib/postgresql/${1:?}/bin/pg_config
[[ -x $older_config ]] || { echo "There is no PostgreSQL $1 here: make check-pg-upgrade makes a machine that has both." >&2; exit 1; }

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
tar --create --file "$copy/sources.tar" --exclude=./.git --exclude=./build --exclude='*.o' --exclude='*.so' --exclude=./contact-worker \
	--exclude=./contact-import . || (($? == 1)) # 1: other suites make files beside
tar --extract --file "$copy/sources.tar" --directory "$copy"
make --no-print-directory -C "$copy" -j"$(nproc)" PG_CONFIG="$older_config" all install >"$copy/log" 2>&1 || { cat "$copy/log"; exit 1; }
OLDER_BINDIR=$("$older_config" --bindir) scripts/tap.sh test/majors/pg_upgrade.pl
