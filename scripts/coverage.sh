#!/bin/bash
# Usage: coverage.sh [SUITE...]
# Counts which lines of the library, its core and the programs the suites run (lcov): all suites that run the product, by default. They
# run in a copy of the sources, and on a copy of PostgreSQL's installation, so that neither this checkout nor the machine gets a library
# that counts. Ends with the lines that each directory runs; build/coverage/html shows the others. Fails if a test does.
# A process that is killed leaves no counts, so what only such a one runs is not seen.
set -euo pipefail
cd "${BASH_SOURCE%/*}/.."
scripts/setup.sh coverage
# shellcheck source=instrumented.sh
. scripts/instrumented.sh

# Under /tmp, where the server's user can go: its processes write the counts, beside the objects.
work=$(mktemp -d /tmp/contact_upsert_coverage.XXXXXX)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

# A server, and its pg_config, find their files where they lie relative to the program: programs are copied, the rest are links.
copy_installation() {
	local from=$1 name path
	for name in bindir sharedir pkglibdir includedir includedir-server; do
		path=$("$from" --"$name")
		mkdir -p "$work/installation${path%/*}"
		if [[ $name == bindir ]]; then cp -RL "$path" "$work/installation$path"
		elif [[ ! -e $work/installation$path ]]; then cp -Rs "$path" "$work/installation$path"; fi
	done
	PG_CONFIG=$work/installation$("$from" --bindir)/pg_config
	export PG_CONFIG
	[[ $("$PG_CONFIG" --pkglibdir) == "$work"/* ]] || {
		echo "$from names the same directories wherever it lies, so it cannot be copied: name another PostgreSQL with PG_CONFIG." >&2
		exit 1
	}
	# The library of another build may be installed.
	rm -f "$("$PG_CONFIG" --pkglibdir)"/contact_upsert*.so "$("$PG_CONFIG" --sharedir)"/extension/contact_upsert*
}

# Root's servers run as another user: processes of both write the counts of an object. Nobody else may write here.
share_counts() {
	local group
	if ((EUID != 0)); then return; fi
	group=$(id -gn postgres 2>/dev/null || echo nogroup)
	chgrp -R "$group" "$checkout"
	chmod -R g+rwX,o-w "$checkout"
	find "$checkout" -type d -exec chmod g+s {} +
	umask 002
}

# Files that are called only where there is Citus: make check-citus runs them, without counting.
citus="call_here delegate handed_over shard shard_scope"

# The lines of each directory below src/, and of all; both also without what needs Citus.
summary() {
	awk -F '[:,]' -v root="$PWD/" -v citus="$citus" '
		BEGIN {
			files = split(citus, names, " ")
			for (i in names) needs_citus["src/pg/" names[i] ".c"]
			but = " but " files " files for Citus"
		}
		function add(counts) {
			counts[dir] += $2
			counts["all"] += $2
			if (needs) return
			if (dir == "src/pg") counts["src/pg" but] += $2
			counts["all" but] += $2
		}
		/^SF:/ { file = substr($2, length(root) + 1); match(file, /^src\/[a-z]+/); dir = substr(file, 1, RLENGTH); needs = file in needs_citus }
		/^LF:/ { add(lines) }
		/^LH:/ { add(run) }
		END { for (dir in lines) printf "%-30s %5d of %5d lines, %.1f %%\n", dir, run[dir], lines[dir], 100 * run[dir] / lines[dir] }' "$1" | sort -r
}

suites=("$@")
if (($# == 0)); then suites=(unit fuzz-corpus regress isolation tap documents); fi
copy_installation "$(scripts/pg_config.sh)"
take_checkout
share_counts
export PROFILE="--coverage -fprofile-update=atomic"
run_suites "${suites[@]}"

# Objects of the tests themselves take longest, and nobody asks for them.
objects=()
for dir in src/pg build/{core,client,import,worker} build/unit/{core,client,import}; do
	if find "$checkout/$dir" -name '*.gcda' 2>/dev/null | grep -q .; then objects+=(--directory "$checkout/$dir"); fi
done
lcov --quiet --capture "${objects[@]}" --base-directory "$checkout" --no-external --output-file "$work/all.info"
lcov --quiet --extract "$work/all.info" "$checkout/src/*" --output-file "$work/src.info"
rm -rf build/coverage
mkdir -p build/coverage
sed "s|^SF:$checkout/|SF:$PWD/|" "$work/src.info" >build/coverage/lines.info
genhtml --quiet --prefix "$PWD" --output-directory build/coverage/html build/coverage/lines.info
summary build/coverage/lines.info
end_run
