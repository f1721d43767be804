#!/bin/bash
# Usage: debian.sh mirror                        where packages come from: the mirror that apt uses here
#        debian.sh versions                      "MAJOR RELEASE" for each PostgreSQL that a release of Debian has, oldest first
#        debian.sh more-versions                 the same with those that only Ubuntu has: 16, which no release of Debian has
#        debian.sh compilers                     "COMPILER RELEASE" for each GCC from 11 on and each clang from 14 on, with the oldest
#                                                release that has it: "gcc-13 stable"
#        debian.sh sources RELEASE               the release's lines for apt's sources.list
#        debian.sh keyring RELEASE               the file with the keys that sign them
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

ubuntu_release=noble
ubuntu_mirror=${UBUNTU_MIRROR:-http://archive.ubuntu.com/ubuntu}
ubuntu_keyring=$top/build/debian/ubuntu-archive-keyring.gpg

sources() {
	local url
	if [[ $1 == "$ubuntu_release" ]]; then
		printf "deb $ubuntu_mirror %s main universe\n" "$1" "$1-updates"
		return
	fi
	url=$(mirror)
	# Experimental is no release of its own.
	if [[ $1 == experimental ]]; then echo "deb $url unstable main"; fi
	echo "deb $url $1 main"
}

# Debian's stable does not have Ubuntu's keys. So their package is fetched and compared to what is known here; it is unpacked,
# and nothing of it runs.
keyring() {
	local sum=80a36b0a6de2f69f49d2df75ef473ccde121e9e190b9ea01d20a4f63778d5c31 work
	if [[ $1 != "$ubuntu_release" ]]; then
		echo /usr/share/keyrings/debian-archive-keyring.gpg
		return
	fi
	if [[ ! -s $ubuntu_keyring ]]; then
		work=$(mktemp -d)
		apt_with ubuntu-keyring "deb [trusted=yes] $ubuntu_mirror $ubuntu_release main" /dev/null apt-get update >&2
		(cd "$work" && apt_with ubuntu-keyring "" /dev/null apt-get download ubuntu-keyring >&2)
		mkdir -p "${ubuntu_keyring%/*}"
		dpkg-deb --fsys-tarfile "$work"/*.deb | tar --extract --to-stdout ./usr/share/keyrings/ubuntu-archive-keyring.gpg >"$ubuntu_keyring"
		rm -r "$work"
	fi
	sha256sum --check --status <<<"$sum  $ubuntu_keyring" || {
		rm "$ubuntu_keyring"
		echo "The keyring that $ubuntu_mirror has is not Ubuntu's." >&2
		return 1
	}
	echo "$ubuntu_keyring"
}

# Runs an apt command that knows one release and nothing else: apt_of RELEASE apt-get ...
apt_of() {
	local lines keys
	lines=$(sources "$1")
	keys=$(keyring "$1")
	apt_with "$1" "$lines" "$keys" "${@:2}"
}

# The same for lines of sources.list; without any, for those of the last time: apt_with NAME LINES KEYRING apt-get ...
# For this machine's architecture alone: Ubuntu's mirror lacks others, which make check-arch may have added.
apt_with() {
	local state=$top/build/debian/$1
	mkdir -p "$state"/{lists/partial,cache/archives/partial}
	if [[ -n $2 ]]; then echo "${2//deb http/deb [signed-by=$3] http}" >"$state/sources.list"; fi
	: >>"$state/status"
	"$4" -qq -o Dir::State="$state" -o Dir::State::lists="$state/lists" -o Dir::State::status="$state/status" \
		-o Dir::Cache="$state/cache" -o Dir::Etc::SourceList="$state/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null -o APT::Sandbox::User= \
		-o APT::Architectures="$(dpkg --print-architecture)" -o Acquire::Languages=none -o Acquire::http::Timeout=20 "${@:5}"
}

releases=(oldstable stable testing unstable experimental)

versions() {
	local release
	for release in "${releases[@]}"; do versions_of "$release"; done | sort -s -n -u -k 1,1 | grep .
}

versions_of() {
	names_of "$1" "$package" | sed -n "s/^$package-\([0-9]*\)$/\1 $1/p"
}

# The packages of a release whose names begin like this.
names_of() {
	local updated=build/debian/$1/updated
	# Once for all suites of a run that ask.
	if ! find "$updated" -mmin -60 2>/dev/null | grep -q .; then
		apt_of "$1" apt-get update >&2
		touch "$updated"
	fi
	apt_of "$1" apt-cache pkgnames "$2"
}

compilers() {
	local release
	for release in "${releases[@]}"; do
		names_of "$release" g++- | sed -n "s/^g++-\([0-9]*\)$/gcc \1 $release/p"
		names_of "$release" clang- | sed -n "s/^clang-\([0-9]*\)$/clang \1 $release/p"
	done | awk '$2 >= ($1 == "gcc" ? 11 : 14) && !seen[$1, $2]++' | sort -k 1,1r -k 2,2n | sed 's/ /-/' | grep .
}

more_versions() {
	local debian ubuntu
	debian=$(versions)
	ubuntu=$(versions_of "$ubuntu_release") || echo "Ubuntu's archive cannot be reached, so its versions are missing." >&2
	printf '%s\n' "$debian" "$ubuntu" | grep . | sort -s -n -u -k 1,1
}

headers() {
	mkdir -p "$3"
	(cd "$3" && apt_of "$2" apt-get download "$package-$1" >&2)
	dpkg-deb --extract "$3"/*.deb "$3"
	dpkg-deb --field "$3"/*.deb Version
	rm "$3"/*.deb
}

# Suites that run at the same time share apt's state.
mkdir -p build/debian
exec {lock}>build/debian/lock
flock "$lock"
"${1//-/_}" "${@:2}"
