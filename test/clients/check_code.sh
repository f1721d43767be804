#!/bin/bash
# Tests that each block of code in docs/clients.md is the code that the tests run: above it, a comment names a file of test/clients and a
# region of it. (Blocks of SQL and their output are check_blocks.sh's.) Prints TAP. WRITE=1 writes the regions into the page instead.
set -euo pipefail
cd "${BASH_SOURCE%/*}/../.."

/usr/bin/python3 test/clients/regions.py docs/clients.md
