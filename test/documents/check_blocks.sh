#!/bin/bash
# Runs every ```sql block of README.md and docs/*.md, or of the pages that it is given, and every ```sh block with output behind
# it: a page's blocks in order, in one session on a new database of its own, shell in a copy of test/documents/files. Compares what each prints with the ```text block behind it; ids and times are compared by their form.
# Prints TAP. Wants PGHOST and the like for a server on which the extension is installed. WRITE=1 writes what was printed into the
# pages instead.
set -euo pipefail
cd "${BASH_SOURCE%/*}/../.."

if (($# == 0)); then set -- README.md docs/*.md; fi
trap 'dropdb --if-exists contact_upsert_documents' EXIT
PGDATABASE=contact_upsert_documents perl test/documents/blocks.pl "$@"
