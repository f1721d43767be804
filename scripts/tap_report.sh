# shellcheck shell=bash
# Sourced by the scripts that are a suite of their own: reports in TAP, which scripts/count.awk counts.
#   report NAME COMMAND...   one test: runs the command; shows what it printed if it failed
#   nothing TEXT             a command for report: fails, and prints the text, if there is any
#   report_end               prints the plan, and exits with 1 if a test failed

report_count=0
report_failed=0

report() {
	local output
	report_count=$((report_count + 1))
	if output=$("${@:2}" 2>&1); then
		echo "ok $report_count - $1"
	else
		report_failed=1
		echo "not ok $report_count - $1"
		printf '%s\n' "$output" | sed 's/^/# /'
	fi
}

nothing() {
	[[ -z $1 ]] || { echo "$1"; return 1; }
}

report_end() {
	echo "1..$report_count"
	exit "$report_failed"
}
