#!/bin/bash
# Usage: check_arch.sh i386 [SUITE...]
#        check_arch.sh ARCHITECTURE...
# Tests for another processor than this machine's.
# i386, where a long has 32 bits and an int64 is no Datum: builds and runs these suites, or all, in a chroot of that architecture, by
# check_pg.sh, with the PostgreSQL of Debian's oldstable, the last release that has all of i386 (PG= for another).
# Other architectures of Debian, from the last commit: cross-compiles the core, both programs, the unit tests and the replay of the
# fuzzers' corpora with -Werror, and runs them under qemu, without sanitizers, which do not work there. arm64 has a char without a sign,
# s390x the bytes of a number in the other order.
# Notes the results in the README. Needs root and the network; the second kind reports in TAP.
set -euo pipefail
cd "${BASH_SOURCE%/*}/.."

if [[ ${1:-} == i386 ]]; then CHROOT_ARCH=i386 exec scripts/check_pg.sh "${PG:-15}" "${@:2}"; fi
scripts/setup.sh check-arch
for arch in "${@:-none}"; do
	[[ $arch != i386 ]] || { echo "i386 is tested by itself: say make check-arch ARCH=i386." >&2; exit 2; }
	dpkg-architecture --host-arch "$arch" --query DEB_HOST_ARCH >/dev/null 2>&1 || {
		echo "Which architecture? Say make check-arch ARCH=arm64, for example." >&2
		exit 2
	}
done

# shellcheck source=tap_report.sh
. scripts/tap_report.sh
# shellcheck source=machines.sh
. scripts/machines.sh

logs_in build/arch

# Of the server only its make rules and its pg_config are needed, not what its package depends on.
begin() {
	# shellcheck disable=SC2016 # the machine expands it
	machines_begin oldstable make nlohmann-json3-dev qemu-user-static && machine cross && on cross 'apt-get update && version=$(apt-cache pkgnames postgresql-server-dev- | sed -n "s/.*-\([0-9]*\)$/\1/p") &&
		apt-get download postgresql-server-dev-$version postgresql-client-$version &&
		for package in postgresql-*.deb; do dpkg-deb --extract $package /; done && /usr/lib/postgresql/$version/bin/pg_config --pgxs'
}

install() {
	on cross "dpkg --add-architecture $arch && apt-get update && apt-get install -y g++-$triplet \
		libcsv-dev:$arch libgtest-dev:$arch libpq-dev:$arch libstdc++6:$arch" && source_on cross "/srv/$arch"
}

make_for() {
	as cross builder "cd /srv/$arch && make -j$(nproc) CC=$triplet-gcc CXX=$triplet-g++ AR=$triplet-ar PROFILE=-Werror UNIT_SANITIZE= \
		PG_CONFIG=\$(echo /usr/lib/postgresql/*/bin/pg_config) libdir=/usr/lib/$triplet $*"
}

run_there() {
	as cross builder "cd /srv/$arch && $qemu $*"
}

# What readelf says of a file: "ELF64 2's complement, big endian IBM S/390"
kind_of() {
	as cross builder "cd /srv/$arch && $triplet-readelf --file-header $1 | sed -nE 's/^ *(Class|Data|Machine): *//p' | paste -sd ' '"
}

is_for_it() {
	local file kind
	kind=$(kind_of "/lib/$triplet/libc.so.6")
	for file in contact-worker contact-import build/unit/unit_tests build/unit/replay build/unit/replay_rows; do
		[[ -n $kind && $(kind_of "$file") == "$kind" ]] || { echo "$file: $(kind_of "$file"), and not $kind"; return 1; }
	done
}

check() {
	local arch=$1 triplet qemu version counts failed_before=$report_failed
	triplet=$(dpkg-architecture --host-arch "$arch" --query DEB_HOST_MULTIARCH 2>/dev/null)
	qemu=qemu-$(dpkg-architecture --host-arch "$arch" --query DEB_HOST_GNU_CPU 2>/dev/null | sed 's/^powerpc/ppc/')-static
	report_failed=0
	step "$arch: a compiler and libraries" log "$arch-install" install
	version=$(on cross "$triplet-gcc -dumpfullversion")
	step "$arch: core, programs and unit tests build with GCC $version" log "$arch-build" make_for contact-worker contact-import \
		build/unit/unit_tests build/unit/replay build/unit/replay_rows
	report "$arch: neither compiler nor linker warned" nothing "$(grep -E 'warning:' "$out/$arch-build.log" || true)"
	report "$arch: what was built is for it" is_for_it
	report "$arch: unit tests" log "$arch-unit" run_there build/unit/unit_tests
	report "$arch: the fuzzers' corpus of requests" log "$arch-requests" run_there build/unit/replay test/fuzz/corpus
	report "$arch: the fuzzers' corpus of rows" log "$arch-rows" run_there build/unit/replay_rows test/fuzz/rows
	for program in worker import; do report "$arch: contact-$program runs" run_there "contact-$program --version"; done
	read -r -a counts < <(cat "$out/$arch"-*.log | awk -f scripts/count.awk)
	if ((report_failed > 0 && counts[1] == 0)); then counts[1]=1; fi
	# shellcheck disable=SC2016 # the machine expands it
	scripts/tested.sh note-compiler "GCC $version for $arch, under qemu" "$(on cross '. /etc/os-release && echo "${NAME%% *} $VERSION_ID"')" \
		"programs, unit fuzz-corpus" "${counts[0]} passed, ${counts[1]} failed"
	report_failed=$((failed_before | report_failed))
}

step "a machine with qemu" log begin begin
for arch; do check "$arch"; done
report_end
