#!/bin/bash
# Usage: check_pg.sh VERSION|next [SUITE...]
# Builds and tests with the PostgreSQL of another release of Debian, in a chroot that is made for it and thrown away; Ubuntu's where
# no release of Debian has it. VERSION is a major version; "next" is the next newer one than that of this machine. Suites are
# those of check.sh; without any, all but format and lint run. OLDER is a major version that is there beside it, for the suite pg-upgrade;
# CHROOT_ARCH an architecture that the processor runs beside its own, such as i386. The result of all suites, or with OLDER, is noted in
# the README's table. Needs root and the network. Fails if a test does.
set -euo pipefail
cd "${BASH_SOURCE%/*}/.."

[[ ${1:-} =~ ^([0-9]+|next)$ ]] || { echo "Which PostgreSQL? Say make check-pg PG=17, for example." >&2; exit 2; }
((EUID == 0)) || { echo "make check-pg needs root, to make a chroot." >&2; exit 1; }
suites=("${@:2}")
((${#suites[@]} > 0)) || suites=(symbols unit fuzz-corpus regress isolation tap documents)

if [[ -n ${CHROOT_ARCH:-} ]]; then scripts/setup.sh check-arch; else scripts/setup.sh check-pg; fi
if [[ $1 == next ]]; then
	own=$("$(scripts/pg_config.sh)" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
	read -r major release < <(scripts/debian.sh versions | awk -v own="$own" '$1 > own')
else
	read -r major release < <(scripts/debian.sh more-versions | awk -v major="$1" '$1 == major')
fi
[[ -n ${release:-} ]] || { echo "No release of Debian or Ubuntu that can be reached has PostgreSQL $1." >&2; exit 1; }
sources=$(scripts/debian.sh sources "$release")
packages=make,postgresql-$major,postgresql-server-dev-$major
if [[ -n ${OLDER:-} ]]; then
	older_release=$(scripts/debian.sh versions | awk -v major="$OLDER" '$1 == major { print $2 }')
	[[ -n $older_release ]] || { echo "No release of Debian that can be reached has PostgreSQL $OLDER." >&2; exit 1; }
	sources+=$'\n'$(scripts/debian.sh sources "$older_release")
	packages+=,postgresql-$OLDER,postgresql-server-dev-$OLDER
fi
keyring=$(scripts/debian.sh keyring "$release")
# Of what is in experimental, where nothing is installed unless it is asked for, this PostgreSQL alone.
pinned=
if [[ $release == experimental ]]; then pinned="Package: src:postgresql-$major src:postgresql-common\nPin: release a=experimental\nPin-Priority: 990\n"; fi
echo "PostgreSQL $major in a chroot of $release${CHROOT_ARCH:+ for $CHROOT_ARCH} ..."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# npm reaches its registry there as it does here.
: >"$work/npm-ca.pem"
npm_settings=
if command -v npm >/dev/null; then
	npm_settings="npm_config_registry=$(npm config get registry)"
	if cat "$(npm config get cafile)" >"$work/npm-ca.pem" 2>/dev/null; then npm_settings+=" npm_config_cafile=/srv/npm-ca.pem"; fi
fi
tar --create --file "$work/sources.tar" --exclude=./.git --exclude=./build --exclude=./results --exclude='./regression.*' --exclude='*.o' --exclude='*.so' \
	--exclude=./contact-worker --exclude=./contact-import --transform 's,^\.,contact_upsert,' . || (($? == 1)) # 1: other suites make files beside
# mmdebstrap's pseudo-terminals belong to its user 5, and nobody else can open one.
# shellcheck disable=SC2016 # mmdebstrap expands $1
mmdebstrap --quiet --variant=apt ${CHROOT_ARCH:+--architectures="$CHROOT_ARCH"} --include="$packages" "${release/experimental/unstable}" /dev/null - <<<"$sources" --keyring="$keyring" \
		--aptopt=<(apt-config dump | grep -E '^Acquire::(Check|http)') \
		--setup-hook='mkdir -p "$1/etc/apt/preferences.d" && printf "'"$pinned"'" >"$1/etc/apt/preferences.d/postgresql"' \
		--customize-hook="tar-in $work/sources.tar /srv" --customize-hook="copy-in $work/npm-ca.pem /srv" \
		--customize-hook='mount --options remount,nosuid,noexec,gid=5,mode=620,ptmxmode=666 none "$1/dev/pts" || true' \
		--customize-hook='chroot "$1" '"${CHROOT_ARCH:+setarch $CHROOT_ARCH}"' env -C /srv/contact_upsert LC_ALL=C.UTF-8 HOME=/srv '"$npm_settings"' SUITE_SECONDS=1200 OLDER='"${OLDER:-}"' SERVER_OPTIONS="'"${SERVER_OPTIONS:-}"'" scripts/check.sh '"${suites[*]}"'
			echo $? >"$1/srv/status"
			chroot "$1" /usr/lib/postgresql/'"$major"'/bin/postgres --version >"$1/srv/version"' \
		--customize-hook="copy-out /srv/status /srv/version /etc/os-release /srv/contact_upsert/build/check/summary $work"
if (($# == 1)) || [[ -n ${OLDER:-} ]]; then
	# shellcheck source=/dev/null
	platform=$(. "$work/os-release" && echo "${NAME%% *} ${VERSION_ID:-$VERSION_CODENAME}")
	# What is in unstable calls itself the next release.
	if [[ $release == experimental ]]; then platform="Debian unstable, with experimental's server"; fi
	version=$(sed 's/[^0-9]*\([^ ]*\).*/\1/' "$work/version")
	scripts/tested.sh note "$version${CHROOT_ARCH:+ on $CHROOT_ARCH}${OLDER:+ by pg_upgrade from $OLDER}" "$platform" "${suites[*]}" "$(tail -n 1 "$work/summary")"
fi
exit "$(<"$work/status")"
