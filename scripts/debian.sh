#!/bin/bash
# Usage: debian.sh mirror                        where packages come from: the mirror that apt uses here
#        debian.sh versions                      "MAJOR RELEASE" for each PostgreSQL that a release of Debian has, oldest first
#        debian.sh headers MAJOR RELEASE DIR     unpacks that PostgreSQL's server headers into DIR; prints the package's version
# Looks into other releases of Debian than this machine's, without root and without a change to the machine: apt's state for
# them lives in build/debian. Fails, with apt's words, when it cannot.
set -euo pipefail
cd "${BASH_SOURCE%/*}/.."
top=$PWD
package=postgresql-server-dev

mirror() {
	# shellcheck disable=SC2016 # apt expands it
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 2>/dev/null |
		grep -v security | head -n 1 | grep . || {
		echo "apt knows no mirror of Debian: run \"apt-get update\" as root first." >&2
		return 1
	}
}

# Runs an apt command that knows one release and nothing else: apt_of RELEASE apt-get ...
apt_of() {
	local state=$top/build/debian/$1 keyring=/usr/share/keyrings/debian-archive-keyring.gpg url
	url=$(mirror)
	mkdir -p "$state"/{lists/partial,cache/archives/partial}
	echo "deb [signed-by=$keyring] $url $1 main" >"$state/sources.list"
	: >>"$state/status"
	"$2" -qq -o Dir::State="$state" -o Dir::State::lists="$state/lists" -o Dir::State::status="$state/status" \
		-o Dir::Cache="$state/cache" -o Dir::Etc::SourceList="$state/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null -o APT::Sandbox::User= \
		-o Acquire::Languages=none "${@:3}"
}

versions() {
	local release
	for release in oldstable stable testing unstable experimental; do
		apt_of "$release" apt-get update >&2
		apt_of "$release" apt-cache pkgnames "$package" | sed -n "s/^$package-\([0-9]*\)$/\1 $release/p"
	done | sort -s -n -u -k 1,1 | grep .
}

headers() {
	mkdir -p "$3"
	(cd "$3" && apt_of "$2" apt-get download "$package-$1" >&2)
	dpkg-deb --extract "$3"/*.deb "$3"
	dpkg-deb --field "$3"/*.deb Version
	rm "$3"/*.deb
}

"$@"
