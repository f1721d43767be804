# shellcheck shell=bash
# Sourced by check_asan.sh and check_valgrind.sh, which run suites on a PostgreSQL of their own that is watched for memory errors.
# It is built from Debian's source with assertions, and such that it tells valgrind (or AddressSanitizer: test/sanitize/valgrind)
# about every piece that a memory context hands out: the server of the packages takes large blocks from malloc, and what happens
# inside a block is seen by nobody. All that is built stays below build/, so that the next run has it.
#   watch NAME                    sets $work=build/NAME and $reports, the directory where reports of errors go, which is empty
#   build_postgresql FLAGS CPPFLAGS   builds it in $work unless it is there; sets PG_CONFIG; then "$major" is its major version
#   planted ERROR...              tests that errors of test/sanitize/planted.c are reported; ends the script if one is not
#   take_checkout                 copies the sources to $checkout
#   run_suites SUITE...           runs scripts/check.sh there, with PROFILE
#   tell NAME COMMAND...          one test more: shows what the command printed if it failed
#   no_reports                    a command for tell: fails, and prints the reports, if there are any
#   note WATCHER SUITE...         writes the run's row in the README, unless REGRESS, ISOLATION or PROVE_TESTS chose among tests
#   end_run                       prints "N passed, N failed" and ends the script, with 1 if anything failed

# The options of the make that called are not for those below.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL
passed=0
failed=0

tell() {
	local output
	if output=$("${@:2}" 2>&1); then
		passed=$((passed + 1))
		echo "ok - $1"
	else
		failed=$((failed + 1))
		echo "not ok - $1"
		printf '%s\n' "$output" | sed 's/^/# /'
		return 1
	fi
}

watch() {
	work=$PWD/build/$1
	reports=$work/reports
	rm -rf "$reports"
	mkdir -p "$reports"
	# The server's user writes them.
	chmod 1777 "$reports"
}

# Downloads a source package, with lists of packages of its own: no root is needed, and nothing of the machine's changes.
download_source() {
	local file version
	local apt=(-qq -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$PWD/sources" -o Dir::State::Lists="$PWD/lists"
		-o Dir::Cache="$PWD/cache" -o APT::Sandbox::User= -o Acquire::Languages=none)

	mkdir -p sources lists/partial cache/archives/partial
	for file in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
		if [[ -e $file ]]; then sed -E 's/^Types:.*/Types: deb-src/; s/^deb /deb-src /' "$file" >"sources/${file##*/}"; fi
	done
	# Some other source of packages may have none of source; what counts is the download.
	apt-get "${apt[@]}" update || true
	# The newest that the mirror really has.
	for version in $(apt-cache "${apt[@]}" showsrc "$1" | sed -n 's/^Version: //p' | sort -rVu); do
		if apt-get "${apt[@]}" source --download-only "$1=$version"; then return; fi
	done
	return 1
}

get_source() {
	source=$PWD/build/postgresql-$major
	if [[ -e $source/source/configure ]]; then return; fi
	rm -rf "$source"
	mkdir -p "$source"
	(cd "$source" && download_source "postgresql-$major" && dpkg-source --no-check -x ./*.dsc source) >"$source.log" 2>&1 || {
		cat "$source.log" >&2
		rm -rf "$source"
		echo "Could not get the source of PostgreSQL $major from Debian, for the reason above: is there a network?" >&2
		return 1
	}
}

build_postgresql() {
	local key

	major=$("$(scripts/pg_config.sh)" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
	get_source
	export PG_CONFIG=$work/postgresql/bin/pg_config
	key="$major $* $(cksum <test/sanitize/valgrind/memcheck.h) auto_explain amcheck"
	if [[ $key == "$(cat "$work/postgresql/key" 2>/dev/null)" ]]; then return; fi

	echo "Building PostgreSQL $major in ${work#"$PWD/"}, once: this takes some minutes ..."
	rm -rf "$work/postgresql" "$work/objects"
	mkdir -p "$work/objects"
	(
		cd "$work/objects"
		"$source/source/configure" --prefix="$work/postgresql" --enable-cassert --enable-debug --enable-tap-tests --with-icu \
			--without-readline --without-zlib --with-system-tzdata=/usr/share/zoneinfo \
			CFLAGS="-O1 -fno-omit-frame-pointer $1" CPPFLAGS="-DUSE_VALGRIND $2"
		make -s -j"$(nproc)" install
		# for claim_cost.pl and fast_events.pl
		make -s -C contrib/auto_explain install
		make -s -C contrib/amcheck install
	) >"$work/log" 2>&1 || {
		tail -n 50 "$work/log" >&2
		echo "PostgreSQL $major could not be built, for the reason above; all that was said is in $work/log." >&2
		return 1
	}
	rm -rf "$work/objects"
	echo "$key" >"$work/postgresql/key"
}

build_planted() {
	local flags
	read -r -a flags <<<"$("$PG_CONFIG" --cflags) $("$PG_CONFIG" --cppflags) ${PROFILE:-} -fPIC -Isrc"
	gcc "${flags[@]}" -std=gnu11 -I"$("$PG_CONFIG" --includedir-server)" -c -o "$work/planted.o" test/sanitize/planted.c
	flags=(-std=c++20 -O1 -g -fPIC -Isrc)
	# shellcheck disable=SC2086 # a list of options
	g++ "${flags[@]}" ${PROFILE:-} -c -o "$work/planted_core.o" test/sanitize/planted_core.cpp
	# shellcheck disable=SC2086
	g++ -shared ${PROFILE:-} -o "$work/planted.so" "$work/planted.o" "$work/planted_core.o"
}

# Whether an error is reported, with the function that made it.
is_reported() {
	scripts/server.sh psql -qX -c "CREATE FUNCTION planted(text) RETURNS boolean LANGUAGE C AS '$work/planted'" \
		-c "SELECT planted('$1')" || true
	grep -rhE "(in|:) $1\b" "$reports" && rm -f "$reports"/*
}

planted() {
	local error
	tell "the planted errors compile" build_planted || end_run
	for error; do tell "a planted error is reported: $error" is_reported "$error" || true; done
	if ((failed > 0)); then
		echo "Errors made on purpose are not reported, so a run of the suites would show nothing."
		end_run
	fi
}

take_checkout() {
	checkout=$work/checkout
	rm -rf "$checkout"
	mkdir -p "$checkout"
	tar --create --exclude=./.git --exclude=./build --exclude='*.o' --exclude='*.so' --exclude=./contact-worker --exclude=./contact-import . |
		tar --extract --directory "$checkout"
}

run_suites() {
	local counts

	# What counts or watches costs several times the processor's time.
	export COST_PATIENCE=${COST_PATIENCE:-25}
	# Command-line variables of this make, which are in the environment, are such for that make, too.
	MAKEFLAGS=$(printf ' -- %s %s' "${REGRESS:+REGRESS=${REGRESS// /\\ }}" "${ISOLATION:+ISOLATION=${ISOLATION// /\\ }}") \
		"$checkout/scripts/check.sh" "$@" || true
	read -r -a counts < <(tail -n 1 "$checkout/build/check/summary" | tr -dc '0-9 \n') || counts=(0 1)
	passed=$((passed + counts[0]))
	failed=$((failed + counts[1]))
}

no_reports() {
	local file found=0
	while IFS= read -r -d '' file; do
		echo "${file##*/}:"
		head -n 100 "$file"
		found=1
	done < <(find "$reports" -type f -size +0 -print0)
	return "$found"
}

note() {
	local version platform
	if [[ -n ${REGRESS:-}${ISOLATION:-}${PROVE_TESTS:-} ]]; then return; fi
	version=$("$PG_CONFIG" --version | sed 's/[^0-9]*\([^ ]*\).*/\1/')
	# shellcheck source=/dev/null
	platform=$(. /etc/os-release && echo "Debian ${VERSION_ID:-$VERSION_CODENAME}")
	scripts/tested.sh note "$version under $1" "$platform" "${*:2}" "$passed passed, $failed failed"
}

end_run() {
	echo "$passed passed, $failed failed"
	exit $((failed > 0))
}
