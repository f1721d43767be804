#!/bin/bash
# Tests that what keeps make from building, installing or testing is told in one sentence that says what to do, and that what is
# installed is what was built. Works in a copy of the checkout: where nothing is uncommitted, what "make dist" makes. Needs a server: run it through scripts/server.sh. Reports in TAP.
set -euo pipefail
cd "${BASH_SOURCE%/*}/../.."
# shellcheck source=../../scripts/tap_report.sh
. scripts/tap_report.sh

real=$(scripts/pg_config.sh)
version=$(sed -n "s/^default_version *= *'\(.*\)'/\1/p" contact_upsert.control)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
copy=$work/copy
mkdir -p "$copy" "$work/bin"
# make, as if it was the first, without what the caller's make says; without its PROFILE, too: what is built with --coverage is only linked
# with it
build() {
	env -u MAKEFLAGS -u MAKELEVEL -u PG_CONFIG -u PROFILE "$@"
}

# Whether a command fails with a sentence.
fails_with() {
	local output
	if output=$("${@:2}" 2>&1); then
		echo "it did not fail: $output"
		return 1
	fi
	grep -qE "$1" <<<"$output" || { echo "$output"; return 1; }
	# and not with a page
	(($(wc -l <<<"$output") < 40)) || { echo "$output"; return 1; }
}

# Makes a program for the tests' PATH.
program() {
	cat >"$work/bin/$1"
	chmod +x "$work/bin/$1"
}

if [[ -n $(git rev-parse --show-cdup 2>/dev/null || echo no) || -n $(git status --porcelain) ]]; then
	tar --create --exclude=./.git --exclude=./build --exclude='*.o' --exclude='*.so' --exclude=./contact-worker --exclude=./contact-import . | tar --extract --directory "$copy"
else
	# The archive of a release has all that a build needs.
	report "make dist" build make dist
	unzip -q build/contact_upsert-*.zip -d "$work/dist"
	mv "$work"/dist/contact_upsert-*/* "$work"/dist/contact_upsert-*/.[a-z]* "$copy"
	report "the archive of a release has no files of the repository alone" nothing "$(find "$copy" -name '.git*' -o -name .ci)"
fi

cp -R "$copy" "$work/a copy"
report "a path with a space" fails_with 'a path with a space.*move the directory' build make -C "$work/a copy"
report "a path with a space, make demo" fails_with 'a path with a space.*move the directory' build make -C "$work/a copy" demo
report "a PG_CONFIG that does not exist" fails_with 'PG_CONFIG=/no/pg_config cannot be run: name' \
	build PG_CONFIG=/no/pg_config make -C "$copy"

# shellcheck disable=SC2016 # the program expands it
program old_pg_config <<<'#!/bin/sh
[ "$1" = --version ] && echo "PostgreSQL 14.20" || echo /nowhere'
report "PostgreSQL 14" fails_with 'needs PostgreSQL 15 or later, and .*old_pg_config is PostgreSQL 14.20' \
	build PG_CONFIG="$work/bin/old_pg_config" make -C "$copy"
# shellcheck disable=SC2016
program bare_pg_config <<<'#!/bin/sh
[ "$1" = --version ] && echo "PostgreSQL 17.2" || echo /nowhere'
report "no server headers" fails_with 'server headers of PostgreSQL 17.2 are missing.*' \
	build PG_CONFIG="$work/bin/bare_pg_config" make -C "$copy"

program old_cxx <<<'#!/bin/sh
exec g++ "$@" -std=c++17'
report "a compiler that knows no C++20" fails_with 'old_cxx does not compile C\+\+20: install GCC 11' \
	build make -C "$copy" CXX="$work/bin/old_cxx"
report "no compiler" fails_with 'no_such_compiler does not compile C\+\+20: install GCC 11' \
	build make -C "$copy" CXX=no_such_compiler

# Two PostgreSQLs: one of them is this one with another place for libraries.
program other_pg_config <<<"#!/bin/sh
[ \"\$1\" = --pkglibdir ] && echo $work/other/lib || exec $real \"\$@\""
build PG_CONFIG="$work/bin/other_pg_config" make -C "$copy" -j2 >"$work/log" 2>&1 || cat "$work/log"
report "the build says for which of two PostgreSQLs" grep -q "^Building for PostgreSQL .*other_pg_config" "$work/log"
build make -C "$copy" install DESTDIR="$work/stage" >"$work/log" 2>&1 || cat "$work/log"
report "make install without PG_CONFIG (sudo drops it) installs for the one that was built for" \
	test -e "$work/stage$work/other/lib/contact_upsert.so"
report "and compiles nothing again" nothing "$(grep -E '^(gcc|g\+\+|c\+\+|cc) ' "$work/log" || true)"

# The checkout's own build was made in another directory; perhaps with flags of somebody's own, which debug information names.
compiled_with() {
	readelf --debug-dump=info "$@" 2>/dev/null | sed -n 's/.*DW_AT_producer .*: //p' | sort -u
}
parts=(contact_upsert.so contact-worker contact-import)
if [[ ${PROFILE:-} == *-fsanitize* || ${PROFILE:-} == *--coverage* ]]; then
	# Objects that count name the files with their counts.
	report_skip "two builds in two directories are the same bytes" "the checkout's build is instrumented"
elif [[ $(compiled_with "${parts[@]}") != "$(compiled_with "${parts[@]/#/$copy/}")" ]]; then
	report_skip "two builds in two directories are the same bytes" "the checkout was built with other flags"
else
	for file in contact_upsert.so contact-worker contact-import build/core/libcontact_core.a "sql/contact_upsert--$version.sql"; do
		report "two builds in two directories are the same bytes: $file" cmp "$file" "$copy/$file"
	done
fi

# What is installed, all of it, and that it goes again.
expected_files() {
	printf '%s\n' "$work/other/lib/contact_upsert.so" "$("$real" --bindir)"/contact-{import,worker} \
		"$("$real" --sharedir)"/extension/contact_upsert{,_proxy}{.control,"--$version.sql"} "$("$real" --docdir)"/extension/contact_upsert/{LICENSE,README.md}
	find sql -name 'contact_upsert*--*--*.sql' -printf "$("$real" --sharedir)/extension/%f\n"
}
report "make install installs these files and no other" diff <(expected_files | sort) <(find "$work/stage" -type f -printf '/%P\n' | sort)
build make -C "$copy" uninstall DESTDIR="$work/stage" >"$work/log" 2>&1 || cat "$work/log"
report "make uninstall leaves no file" nothing "$(find "$work/stage" -type f)"

# A distributor's flags, in the environment as dpkg-buildflags and rpm have them, or on the command line: one object of each kind is
# made and linked anew.
objects=(build/core/text.o build/client/text.o build/worker/main.o build/import/main.o src/pg/host.o)
outputs=(contact_upsert.so contact-worker contact-import)
debug_info() {
	readelf --debug-dump=info "$copy/$1"
}
has_flag() {
	grep -q -- "$2" <(debug_info "$1") || { debug_info "$1" | grep -m 1 DW_AT_producer; return 1; }
}
has_build_id() {
	readelf --notes "$copy/$1" | grep -q "Build ID: $2"
}
with_flags() {
	(cd "$copy" && rm -f "${objects[@]}" "${outputs[@]}" build/core/*.a)
	build env PG_CONFIG="$work/bin/other_pg_config" "$@" >"$work/log" 2>&1 || cat "$work/log"
}
# They come behind those of the project and the server, and take the place of none: without -fwrapv and -fno-strict-aliasing a module
# is not what the server's headers expect.
server_flags=$("$real" --cflags | tr ' ' '\n' | grep -xE -- '-fwrapv|-fno-strict-aliasing' | sort -u | paste -sd' ')
flags_reach() {
	report "$1: every object was made anew" test "$(grep -cE ' -c -o ' "$work/log")" = "${#objects[@]}"
	report "$1: CPPFLAGS reach every compilation" nothing \
		"$(grep -E ' -c -o ' "$work/log" | grep -vE -- '-DCONTACT_NOTHING -include stdarg.h' || true)"
	for object in "${objects[@]}"; do report "$1: $object has its flags in it" has_flag "$object" -fno-ivopts; done
	for flag in $server_flags; do report "$1: src/pg/host.o has the server's $flag" has_flag src/pg/host.o "$flag"; done
	report "$1: CFLAGS come last" grep -qE -- '-fwrapv .*-std=gnu11 .*-fno-ivopts .*-o src/pg/host.o ' "$work/log"
	report "$1: CXXFLAGS come last" test "$(grep -cE -- '-std=c\+\+20 .*-fno-ivopts .*-c -o build/' "$work/log")" = $((${#objects[@]} - 1))
	for output in "${outputs[@]}"; do report "$1: $output has LDFLAGS" has_build_id "$output" "$2"; done
}
flags=(CPPFLAGS="-DCONTACT_NOTHING -include stdarg.h" CFLAGS=-fno-ivopts CXXFLAGS=-fno-ivopts)
with_flags "${flags[@]}" LDFLAGS=-Wl,--build-id=0x636f6e7461637473 make -C "$copy" -j2
flags_reach "the environment" 636f6e7461637473
with_flags make -C "$copy" -j2 "${flags[@]}" LDFLAGS=-Wl,--build-id=0x6c696e65
flags_reach "the command line" 6c696e65

# Releases: "make lint" runs scripts/frozen.sh, and a change behind a release does not go unseen.
heading() {
	sed -i "s/^## $version (.*/## $version ($1)/" "$copy/CHANGELOG.md"
	grep -qxF "## $version ($1)" "$copy/CHANGELOG.md"
}
make_scripts() {
	build PG_CONFIG="$work/bin/other_pg_config" make -C "$copy" {sql/contact_upsert,sql/contact_upsert_proxy}"--$version.sql" "$@" >"$work/log" 2>&1 ||
		cat "$work/log"
}
rm -f "$copy/test/upgrade/"*"--$version.sql"
heading 2030-01-31
report "a released version is to be frozen" fails_with "test/upgrade/contact_upsert_proxy--$version.sql is missing" "$copy/scripts/frozen.sh"
make_scripts freeze
report "make freeze does it" "$copy/scripts/frozen.sh"
for part in sql/install.sql sql/proxy/access.sql; do
	cp "$copy/$part" "$work/part.sql"
	echo "COMMENT ON SCHEMA contacts IS 'changed';" >>"$copy/$part"
	make_scripts
	report "$part cannot change under a released version" fails_with "^sql/contact_upsert.*--$version.sql is not what was released .*needs a new version" "$copy/scripts/frozen.sh"
	heading unreleased
	report "and can under another" "$copy/scripts/frozen.sh"
	heading 2030-01-31
	cp "$work/part.sql" "$copy/$part"
	make_scripts
done
report "as it was, it is what was released" "$copy/scripts/frozen.sh"
heading "soon"
report "a version that is neither released nor unreleased" fails_with 'says neither a date nor "unreleased"' "$copy/scripts/frozen.sh"

# Setting up
program dpkg-query <<<'#!/bin/sh
exit 1'
program apt-cache <<<'#!/bin/sh
echo " Depends: postgresql-15"'
program apt-get <<<'#!/bin/sh
echo "$@" >&2; echo "Temporary failure resolving the mirror"; exit 100'
# The real sudo, with the programs above
program sudo <<<"#!/bin/sh
[ \$(id -u) = 0 ] || exec $(command -v sudo) --non-interactive env PATH=$work/bin:/usr/sbin:/usr/bin:/sbin:/bin \"\$@\"
exec \"\$@\""
report "no network" fails_with 'Could not install these packages, for the reason above: .*Is there a network' \
	env PATH="$work/bin:$PATH" scripts/setup.sh demo
if env PATH="$work/bin:$PATH" sudo true 2>/dev/null; then
	report "the lock of another apt is waited for" fails_with 'DPkg::Lock::Timeout=600' env PATH="$work/bin:$PATH" scripts/setup.sh demo
else
	report_skip "the lock of another apt is waited for" "sudo asks for a password"
fi
without_sudo=$work/without_sudo
mkdir "$without_sudo"
ln -s /usr/bin/* /bin/* "$without_sudo" 2>/dev/null || true
rm -f "$without_sudo/sudo"
ln -sf "$work/bin/dpkg-query" "$work/bin/apt-cache" "$without_sudo"
chmod -R a+rX "$work"
as_nobody=(env)
if ((EUID == 0)); then as_nobody=(setpriv --reuid nobody --regid nogroup --clear-groups); fi
report "neither root nor sudo" fails_with 'are missing, and only root can install them: .*build-essential' \
	"${as_nobody[@]}" env PATH="$without_sudo" "$copy/scripts/setup.sh" demo

# Testing on a server
report "a server that fits" scripts/check_server.sh "$version"
report "no server" fails_with 'Start the server, or name another' env PGPORT=1 scripts/check_server.sh "$version"
report "contact_upsert is not installed" fails_with 'contact_upsert 9.9.9 is not installed on that server. Run "sudo make install"' \
	scripts/check_server.sh 9.9.9
psql --no-psqlrc -qc 'CREATE ROLE nobody LOGIN'
report "no superuser" fails_with 'the tests need a superuser' env PGUSER=nobody scripts/check_server.sh "$version"
program newer_pg_config <<<"#!/bin/sh
[ \"\$1\" = --version ] && echo PostgreSQL 99.1 || exec $real \"\$@\""
report "a server of another version" fails_with 'the server is PostgreSQL [0-9]+, and this was built for 99' \
	env PG_CONFIG="$work/bin/newer_pg_config" scripts/check_server.sh "$version"
report "make installcheck asks first" fails_with 'Start the server, or name another' env PGPORT=1 make installcheck

report_end
