#!/bin/bash
# Tests that releases stay what their users have. Of each version that CHANGELOG.md calls released, test/upgrade/ has the SQL scripts, from which
# test/t/upgrade.pl upgrades ("make freeze"). As long as the control file names such a version, the scripts that are built are these: a
# change of tables or of SQL objects behind a release takes a new version, and so a step. Prints what is wrong, and fails then.
set -euo pipefail
cd "${BASH_SOURCE%/*}/.."

heading='^## ([0-9]+[.][0-9]+[.][0-9]+) \((unreleased|[0-9]{4}-[0-9]{2}-[0-9]{2})\)$'
current=$(sed -n "s/^default_version *= *'\(.*\)'/\1/p" contact_upsert.control)
status=0
wrong() {
	echo "$*"
	status=1
}

while IFS= read -r line; do
	if ! [[ $line =~ $heading ]]; then
		wrong "CHANGELOG.md: \"$line\" says neither a date nor \"unreleased\" behind a version"
		continue
	fi
	version=${BASH_REMATCH[1]}
	if [[ ${BASH_REMATCH[2]} == unreleased ]]; then continue; fi
	for extension in contact_upsert contact_upsert_proxy; do
		script=$extension--$version.sql
		if [[ ! -s test/upgrade/$script ]]; then
			wrong "test/upgrade/$script is missing, the script of a version that was released: \"make freeze\" keeps it, at that commit"
		elif [[ $version == "$current" ]] && ! diff -u "test/upgrade/$script" "sql/$script"; then
			wrong "sql/$script is not what was released under that version: a change needs a new version, and sql/$extension--$version--NEW.sql"
		fi
	done
done < <(grep '^## ' CHANGELOG.md)
exit "$status"
