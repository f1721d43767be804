# shellcheck shell=bash
# Sourced by the scripts that are a suite of their own: reports in TAP, which scripts/count.awk counts.
#   report NAME COMMAND...   one test: runs the command; shows what it printed if it failed
#   report_todo WHY NAME COMMAND...   the same; unless WHY is empty a failure is no failure yet, for that reason
#   report_skip NAME WHY   one test that could not be run
#   is_version COMMAND N...   whether the command is one of these major versions
#   nothing TEXT             a command for report: fails, and prints the text, if there is any
#   report_end               prints the plan, and exits with 1 if a test failed

report_count=0
report_failed=0

report() {
	report_todo "" "$@"
}

report_todo() {
	local output todo=${1:+ # TODO $1}
	report_count=$((report_count + 1))
	if output=$("${@:3}" 2>&1); then
		echo "ok $report_count - $2$todo"
	else
		[[ -n $todo ]] || report_failed=1
		echo "not ok $report_count - $2$todo"
		printf '%s\n' "$output" | sed 's/^/# /' | if [[ -n $todo ]]; then sed -n 1,5p; else cat; fi
	fi
}

report_skip() {
	report_count=$((report_count + 1))
	echo "ok $report_count - $1 # skip $2"
}

is_version() {
	local version
	version=$("$1" --version | sed -nE 's/.*version:? ([0-9]+).*/\1/p' | head -n 1)
	[[ " ${*:2} " == *" $version "* ]]
}

nothing() {
	[[ -z $1 ]] || { echo "$1"; return 1; }
}

report_end() {
	echo "1..$report_count"
	exit "$report_failed"
}
