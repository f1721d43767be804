#!/bin/bash
# Tests that what the documents and the comments refer to is there: each relative link in a *.md leads to a file, and to a heading
# of it; each file that a page of docs/ names is there; each docs/PAGE.md in a source, script or test names a page, and each
# docs/PAGE.md, "Heading" a heading of it. Prints TAP.
set -euo pipefail
cd "${BASH_SOURCE%/*}/../.."

mapfile -t documents < <(find . -name '*.md' -not -path './build/*' -not -path './.git/*' | sed 's,^\./,,' | sort)
mapfile -t sources < <(find Makefile src sql http scripts test packaging debian .github -type f -not -path 'test/fuzz/corpus/*' -not -path 'test/fuzz/rows/*' -not -name '*.o' \
	-not -name '*.bc' -not -name '*.d' -not -name 'contact_upsert--*' 2>/dev/null | sort)
perl test/documents/references.pl "${documents[@]}" -- "${sources[@]}"
