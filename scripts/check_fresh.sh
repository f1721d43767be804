#!/bin/bash
# Usage: check_fresh.sh RELEASE [root|user]
# On a fresh machine with that release of Debian, a chroot with make, git, sudo and ca-certificates and nothing else, as root or
# as a user with sudo: the README's first steps as they are written, up to an upsert in a server that was made by its words, and
# make installcheck on that server; then make demo and make check, twice (TIMES="first" for once). Nothing may be left running.
# Needs root and the network; takes half an hour. Reports in TAP.
set -euo pipefail
cd "${BASH_SOURCE%/*}/.."
# shellcheck source=tap_report.sh
. scripts/tap_report.sh

release=${1:?name a release of Debian, such as bookworm}
who=${2:-user}
((EUID == 0)) || { echo "make check-fresh needs root, to make a chroot." >&2; exit 1; }
scripts/setup.sh check-pg
mirror=$(scripts/debian.sh mirror)
work=$(mktemp -d)
root=$work/root

finish() {
	trap '' INT TERM
	mapfile -t left < <(running)
	((${#left[@]} == 0)) || kill -KILL "${left[@]}" 2>/dev/null || true
	# Ours, and those of a chroot in the chroot that was killed.
	awk -v root="$root/" 'index($2, root) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r umount -l
	rm -rf --one-file-system "$work"
}
# The processes of the chroot.
running() {
	local process
	for process in /proc/[0-9]*; do
		if [[ $(readlink "$process/root") == "$root" ]]; then echo "${process#/proc/}"; fi
	done
}
trap finish EXIT

mmdebstrap --quiet --variant=minbase --include=make,git,sudo,ca-certificates "$release" "$root" "$mirror" \
	--aptopt=<(apt-config dump | grep -E '^Acquire::(Check|http)')
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
mount --bind /dev/pts "$root/dev/pts"
if [[ $who == user ]]; then
	chroot "$root" useradd --create-home --shell /bin/bash user
	echo 'user ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/user"
fi
home=$(chroot "$root" getent passwd "$who" | cut -d: -f6)
git clone --quiet . "$root$home/contact_upsert"
grep -q "$HOSTNAME" "$root/etc/hosts" || echo "127.0.0.1 localhost $HOSTNAME" >>"$root/etc/hosts"
chroot "$root" chown -R "$who:" "$home/contact_upsert"

# npm reaches its registry there as it does here.
npm_settings=()
if command -v npm >/dev/null; then
	npm_settings+=("npm_config_registry=$(npm config get registry)")
	if cat "$(npm config get cafile)" >"$root/etc/npm-ca.pem" 2>/dev/null; then npm_settings+=(npm_config_cafile=/etc/npm-ca.pem); fi
fi
# Runs a command line in the checkout, on the machine.
on_machine() {
	chroot "$root" sudo -u "$who" env -i "${npm_settings[@]}" HOME="$home" USER="$who" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		LC_ALL=C.UTF-8 bash -c "cd ~/contact_upsert && { $1; }" </dev/null
}

# The README's blocks of shell and of SQL between two of its lines.
readme() {
	sed -n "/$2/,/$3/p" README.md | awk -v kind="$1" '
		/^```/ { inside = ($0 == "```" kind); next }
		inside { print }'
}
major() {
	chroot "$root" sh -c 'ls /usr/lib/postgresql' | sort -n | tail -n 1
}

for run in first second; do report "make demo, $run time" on_machine 'make demo 2>&1'; done
report "make demo left nothing running" nothing "$(running)"
install=$(readme sh '^Install it into your own server' '^Then, in a database of yours' | sed "s/\b15\b/$(major)/")
upsert=$(readme sql "^Then, in a database of yours" "makes functions and types only")
report "the README's installation" on_machine "$(grep -v '^sudo -u postgres psql' <<<"$install")"
echo "$upsert" >"$root/tmp/first.sql"
report "the README's first upsert" on_machine "sudo -u postgres psql -f /tmp/first.sql | tee /dev/stderr | grep -q tywin@example.com"
report "make installcheck on that server" on_machine "sudo -u postgres createuser --superuser $who; make installcheck"
on_machine "sudo pg_dropcluster --stop $(major) main"
for run in ${TIMES:-first second}; do report "make check, $run time" on_machine 'make check 2>&1'; done
report "make check left nothing running" nothing "$(running)"
report "no service starts at the next boot" nothing \
	"$(chroot "$root" sh -c 'ls /etc/rc2.d /etc/systemd/system/*.wants' | grep -E 'S..(pgbouncer|pgqd)|(pgbouncer|pgqd).service' || true)"
report_end
