#!/bin/bash
# Usage: check_compilers.sh [COMPILER...]
# With each compiler, "gcc-13" or "clang-19" for example: builds library, core, both programs, the unit tests and the replay of the
# fuzzers' corpora with -Werror, from the last commit; runs the latter two, and tests the symbols. Sanitizers are left to make unit: they
# warn of what is in their own code, and here it is each compiler's plain code that runs. Without arguments all GCCs from 11 on and all
# clangs from 14 on, each from the oldest release of Debian that has it: a chroot for each release, with its PostgreSQL and its C++
# library. A compiler that no release has is skipped. The newest GCC builds once more with -O3 and link-time optimization, as
# distributors do. SUITES are the targets to make, if not all of these; without it the results are noted in the README.
# Needs root and the network; takes an hour and more. Reports in TAP.
set -euo pipefail
cd "${BASH_SOURCE%/*}/.."
# shellcheck source=tap_report.sh
. scripts/tap_report.sh
# shellcheck source=machines.sh
. scripts/machines.sh

logs_in build/compilers
LOG_LINES=12
read -r -a suites <<<"${SUITES:-all unit fuzz-corpus symbols}"
available=$(scripts/debian.sh compilers)
if (($# > 0)); then wanted=("$@"); else mapfile -t wanted < <(awk '{ print $1 }' <<<"$available"); fi
newest_gcc=$(sed -n 's/^\(gcc-[0-9]*\) .*/\1/p' <<<"$available" | tail -n 1)
ran=()

release_of() {
	awk -v compiler="$1" '$1 == compiler { print $2 }' <<<"$available"
}

for compiler; do
	[[ -n $(release_of "$compiler") ]] || { echo "No release of Debian has $compiler. Say COMPILERS=gcc-13, for example." >&2; exit 2; }
done

# Those between the oldest and the newest that no release has.
missing() {
	local kind number known
	for kind in gcc clang; do
		mapfile -t known < <(sed -n "s/^$kind-\([0-9]*\) .*/\1/p" <<<"$available")
		for ((number = known[0]; number < known[-1]; number++)); do
			[[ -n $(release_of "$kind-$number") ]] || echo "$kind-$number"
		done
	done
}

packages_of() {
	local compiler
	for compiler; do
		case $compiler in
			gcc-*) echo "g++-${compiler#gcc-}" ;;
			clang-*) echo "$compiler" ;;
		esac
	done
}

# A make in the tree of a compiler: make_with COMPILER TARGET
make_with() {
	local cxx
	case $1 in
		gcc-*) cxx="g++-${1#gcc-} -L/srv/lib" ;;
		clang-*) cxx="clang++-${1#clang-}" ;;
	esac
	as "$release" builder "cd $tree && make -j$(nproc) CC=$1 CXX=$(printf %q "$cxx") UNIT_SANITIZE= PROFILE=$(printf %q "-Werror $options") $2"
}

# One compiler, in a tree of its own: compile RELEASE COMPILER [OPTION...]
compile() {
	local release=$1 compiler=$2 options=${*:3} failed_before=$report_failed name suite tree platform counts
	case $compiler in
		gcc-*) name="GCC $(on "$release" "$compiler -dumpfullversion")" ;;
		clang-*) name="clang $(on "$release" "$compiler -dumpversion")" ;;
	esac
	name+=${options:+ with $options}
	tree=$compiler${options:+-more}
	on "$release" "cp -a /srv/contact_upsert ~builder/$tree"
	report_failed=0
	for suite in "${suites[@]}"; do report "$name: $suite" log "$tree-$suite" make_with "$compiler" "$suite"; done
	report "$name: neither compiler nor linker warned" nothing "$(grep -hE 'warning:' "$out/$tree"-*.log | sort -u | head -n 20 || true)"
	on "$release" "rm -r ~builder/$tree"
	read -r -a counts < <(cat "$out/$tree"-*.log | awk -f scripts/count.awk)
	if ((report_failed > 0 && counts[1] == 0)); then counts[1]=1; fi
	# shellcheck disable=SC2016 # the machine expands it
	platform=$(on "$release" '. /etc/os-release && echo "${NAME%% *} ${VERSION_ID:-$VERSION_CODENAME}"')
	if [[ -z ${SUITES:-} ]]; then
		scripts/tested.sh note-compiler "$name" "$platform" "${suites[*]}" "${counts[0]} passed, ${counts[1]} failed"
	fi
	ran+=("$name")
	report_failed=$((failed_before | report_failed))
}

# A machine with a release and compilers: machine_for RELEASE COMPILER...
# An older GCC than the release's own links its own, older C++ library; but libgtest.a is built with the newer one, which is what programs
# run with.
machine_for() {
	local release=$1
	machines_begin "$release" build-essential && machine "$release" && source_on "$release" /srv/contact_upsert &&
		on "$release" "apt-get update && apt-get install -y postgresql postgresql-server-dev-all libpq-dev libcsv-dev libgtest-dev nlohmann-json3-dev jq iso-codes unicode-data \
			$(packages_of "${@:2}" | xargs) &&
			mkdir lib && ln -s /usr/lib/*/libstdc++.so.6 lib/libstdc++.so"
}

mapfile -t releases < <(awk '!seen[$2]++ { print $2 }' <<<"$available")
for release in "${releases[@]}"; do
	mapfile -t compilers < <(for compiler in "${wanted[@]}"; do [[ $(release_of "$compiler") != "$release" ]] || echo "$compiler"; done)
	if ((${#compilers[@]} == 0)); then continue; fi
	step "$release: ${compilers[*]}" log "machine-$release" machine_for "$release" "${compilers[@]}"
	for compiler in "${compilers[@]}"; do
		compile "$release" "$compiler"
		if [[ $compiler == "$newest_gcc" ]]; then compile "$release" "$compiler" -O3 -flto=auto -ffat-lto-objects; fi
	done
done
if (($# == 0)); then
	for compiler in $(missing); do report_skip "$compiler" "no release of Debian has it"; done
fi
printf '# ran with %s\n' "${ran[@]}"
report_end
