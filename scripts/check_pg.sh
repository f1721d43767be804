#!/bin/bash
# Usage: check_pg.sh VERSION
# Builds and tests with the PostgreSQL of another Debian release (13, 15, 17, 18), in a chroot made for it and thrown away;
# packages come from the mirror that apt uses here, as apt is set to use it. Needs root and mmdebstrap. Format and lint are
# left out: other releases have other versions of those tools. Fails if a test does.
set -euo pipefail
cd "${BASH_SOURCE%/*}/.."

without='format-check lint'
case ${1:-} in
	13) suite=bullseye without+=' isolation' ;; # Debian's 13 comes without pg_isolation_regress
	15) suite=bookworm ;;
	17) suite=trixie ;;
	18) suite=sid ;;
	*) echo "Which PostgreSQL? Say make check-pg PG=13, 15, 17 or 18." >&2; exit 2 ;;
esac
((EUID == 0)) || { echo "make check-pg needs root, to make a chroot." >&2; exit 1; }
scripts/setup.sh check-pg

# shellcheck disable=SC2016 # apt expands it
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' | grep -v security | head -n 1)
sources=$(mktemp --suffix=.tar)
trap 'rm -f "$sources"' EXIT
tar --create --file "$sources" --exclude=./.git --exclude=./build --exclude='*.o' --transform 's,^\.,contact_upsert,' .

# shellcheck disable=SC2016 # mmdebstrap expands $1
mmdebstrap --quiet --variant=apt --include=make "$suite" /dev/null "$mirror" \
	--aptopt=<(apt-config dump | grep -E '^Acquire::(Check|http)') \
	--customize-hook="tar-in $sources /srv" \
	--customize-hook='chroot "$1" env -C /srv/contact_upsert LC_ALL=C.UTF-8 HOME=/srv WITHOUT="'"$without"'" scripts/check.sh'
