#!/bin/bash
# Lints what the compilers do not: clang-tidy on each C++ source, shellcheck on each script, the version, which must be
# the control file's everywhere, and the SQL scripts of releases. Reports in TAP; fails if a test does.
set -euo pipefail
cd "${BASH_SOURCE%/*}/.."
# shellcheck source=tap_report.sh
. scripts/tap_report.sh

logs=build/lint
libpq=$("$(scripts/pg_config.sh)" --includedir)
rm -rf "$logs"
mkdir -p "$logs"

# In parallel, so the results come first and are reported afterwards.
tidy() {
	local log=$1/${3//\//_}
	clang-tidy --quiet "$3" -- -std=c++20 -Isrc -I"$2" -DCONTACT_UPSERT_VERSION='""' >"$log" 2>&1 || echo "failed" >"$log.failed"
}
export -f tidy
tidy_result() {
	local log=$logs/${1//\//_}
	cat "$log"
	[[ ! -e $log.failed ]]
}
# Another version has other checks, which nobody has looked at.
if is_version clang-tidy 14 19; then
	mapfile -t sources < <(find src -name '*.cpp' | sort)
else
	sources=()
	report_skip "clang-tidy" "this is neither clang-tidy 14 nor 19"
fi
printf '%s\0' "${sources[@]}" | xargs -0 -r -P "$(nproc)" -n 1 bash -c 'tidy "$@"' tidy "$logs" "$libpq"
for source in "${sources[@]}"; do report "clang-tidy $source" tidy_result "$source"; done

mapfile -t shell_scripts < <(find scripts src test packaging debian .ci \( -name '*.sh' -o -path .ci/run -o -path debian/tests/demo -o -path debian/tests/installcheck \
	-o -path debian/prerm.in \) -type f | sort)
for script in "${shell_scripts[@]}"; do report "shellcheck $script" shellcheck "$script"; done

# shellcheck disable=SC2016 # the scripts'
report "no command -v has two names: it succeeds where there is one of them" nothing \
	"$(grep -nE '^[^#"]*command -v +[$A-Za-z_][^ ;|&>)]* +[$A-Za-z_]' "${shell_scripts[@]}" || true)"

# What takes long runs in a workflow of its own, or nobody runs it. Left out are check-pg, which check-pg-all runs, and check-citus, whose
# Citus has to be built.
targets() {
	make --no-print-directory help | grep -oE '(make |, )check-[a-z-]+' | sed 's/.* //' | sort -u
}
weekly() {
	sed -n 's/^ *- \(check-[a-z-]*\).*/\1/p' .github/workflows/weekly.yml | sort -u
}
if [[ -e .github/workflows/weekly.yml ]]; then
	report "weekly.yml runs each target that checks" diff <(targets | grep -vxE 'check-citus|check-pg') <(weekly)
else
	report_skip "weekly.yml runs each target that checks" "the archive of a release has no workflows"
fi

version=$(sed -n "s/^default_version *= *'\(.*\)'/\1/p" contact_upsert.control)
meta=$(perl -MJSON::PP -0777 -ne '$m = decode_json($_); print "$m->{version} $m->{provides}{contact_upsert}{version}"' META.json)
report "META.json has version $version" test "$meta" = "$version $version"
report "contact_upsert_proxy.control has version $version" grep -qx "default_version = '$version'" contact_upsert_proxy.control
report "META.json has version $version of contact_upsert_proxy" test "$version" = \
	"$(perl -MJSON::PP -0777 -ne 'print decode_json($_)->{provides}{contact_upsert_proxy}{version}' META.json)"
report "CHANGELOG.md has version $version" grep -q "^## $version" CHANGELOG.md
report "debian/changelog has version $version" grep -qE "^contact-upsert \\($version-[0-9]+\\) " <(head -n 1 debian/changelog)
report "the RPM's spec has version $version" grep -qE "^Version:\s+$version$" packaging/contact_upsert.spec
report "and its changelog, too" grep -qE "^\* .* - $version-[0-9]+PGDG$" packaging/contact_upsert.spec
report "debian/control is what debian/control.in makes" diff <(sed 's/PGVERSION/15/g' debian/control.in) debian/control
report "debian/copyright has the licence" diff <(sed '1,4d; s/^$/./; s/^/ /' LICENSE) <(grep '^ ' debian/copyright)

# META.json's word for a version that the changelog calls unreleased
status=stable
if grep -q "^## $version (unreleased)" CHANGELOG.md; then status=unstable; fi
report "META.json has the release_status that CHANGELOG.md implies, $status" \
	perl -MJSON::PP -0777 -ne "exit decode_json(\$_)->{release_status} ne '$status'" META.json

report "scripts of released versions are frozen, and the current one's is what was released, if it was" scripts/frozen.sh

report_end
