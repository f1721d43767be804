#!/bin/bash
# Usage: dist.sh [REPOSITORY]     makes the archive of a release from the last commit, as PGXN wants it
#        dist.sh check            unpacks that archive, builds what is in it and runs its suites; the last line counts them
# REPOSITORY is the project's public address, which META.json in the archive then names. (That META.json, the changelog and the
# control file agree is for lint.sh to see.)
set -euo pipefail
cd "${BASH_SOURCE%/*}/.."

version=$(sed -n "s/^default_version *= *'\(.*\)'/\1/p" contact_upsert.control)
name=contact_upsert-$version
archive=build/$name.zip

make_archive() {
	git rev-parse --verify --quiet HEAD >/dev/null || { echo "make dist needs the git repository: it archives the last commit." >&2; exit 1; }
	[[ -z $(git status --porcelain) ]] || echo "Not in the archive, because not committed: $(git status --porcelain | wc -l) files." >&2
	mkdir -p build
	if [[ -n ${1:-} ]]; then
		jq --arg url "${1%.git}" '. + {resources: {homepage: $url, bugtracker: {web: "\($url)/issues"},
			repository: {url: "\($url).git", web: $url, type: "git"}}}' META.json >build/META.json
	else
		echo "META.json names no address: make dist REPOSITORY=https://... writes one." >&2
		cp META.json build/META.json
	fi
	git archive --format=zip --prefix="$name/" --add-file=build/META.json --output="$archive" HEAD -- . ':(exclude)META.json'
	echo "$archive"
}

check_archive() {
	[[ -s $archive ]] || { echo "There is no $archive: run \"make dist\" first." >&2; exit 1; }
	work=$(mktemp -d /tmp/contact_upsert.XXXXXX)
	trap 'rm -rf "$work"' EXIT
	unzip -q "$archive" -d "$work"
	"$work/$name/scripts/check.sh" symbols unit regress isolation tap documents
}

scripts/setup.sh dist
if [[ ${1:-} == check ]]; then check_archive; else make_archive "${1:-}"; fi
