# shellcheck shell=bash
# Sourced by the scripts that test packages: fresh machines with a release of Debian, which are chroots. Needs root and the network.
# Their services stay down, and clusters of PostgreSQL with them, until a test starts them. All is gone when the script ends.
#   machines_begin RELEASE [PACKAGE...]   fetches what machines are made of, once for each release, with these packages
#   machine NAME                          makes one; a user "builder" is on it, and $machines/NAME is its root
#   on NAME COMMAND_LINE                  runs a line of bash there as root, in /srv
#   as NAME USER COMMAND_LINE             the same as a user, in its home
#   source_on NAME DIR                    unpacks the last commit there, without debian/
#   running                               the processes that are left on machines
# and what reports of them need, with tap_report.sh:
#   logs_in DIR                           makes $out, this directory, anew
#   step NAME COMMAND...                  a report that ends the test when it fails: the others would have nothing to do
#   log NAME COMMAND...                   keeps what the command prints in $out/NAME.log, and shows its end if it fails
#   says NAME PATTERN                     whether that log has a line like this
#   ran_all NAME [TIMES]                  whether it says that all SQL tests passed, and all isolation tests, that often

machines=$(mktemp -d /tmp/contact_upsert.XXXXXX)

machines_begin() {
	local sources keyring
	((EUID == 0)) || { echo "This needs root, to make chroots." >&2; exit 1; }
	scripts/setup.sh check-pg
	sources=$(scripts/debian.sh sources "$1")
	keyring=$(scripts/debian.sh keyring "$1")
	rm -f "$machines/base.tar"
	mmdebstrap --quiet --variant=apt --include="$(IFS=, && set -- "$1" ca-certificates passwd "${@:2}" && echo "${*:2}")" \
		"${1/experimental/unstable}" "$machines/base.tar" - <<<"$sources" --keyring="$keyring" \
		--aptopt='Acquire::Languages "none"' --aptopt='APT::Install-Recommends "false"' \
		--aptopt=<(apt-config dump | grep -E '^Acquire::(Check|http)')
}

machine() {
	local root=$machines/$1
	mkdir "$root"
	tar --extract --file "$machines/base.tar" --directory "$root" --exclude='./dev/*'
	mount -t proc proc "$root/proc"
	mount --rbind /dev "$root/dev"
	mount --make-rslave "$root/dev"
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod +x "$root/usr/sbin/policy-rc.d"
	cp /etc/resolv.conf "$root/etc/resolv.conf"
	echo "127.0.0.1 localhost $HOSTNAME" >"$root/etc/hosts"
	chroot "$root" useradd --create-home --shell /bin/bash builder
}

on() {
	chroot "$machines/$1" env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
		DEBIAN_FRONTEND=noninteractive bash -o pipefail -c "cd /srv && { $2
		}" </dev/null
}

as() {
	on "$1" "exec setpriv --reuid $2 --regid $2 --init-groups env HOME=\$(getent passwd $2 | cut -d: -f6) USER=$2 bash -o pipefail -c $(printf %q "cd && { $3
		}")"
}

source_on() {
	on "$1" "install -d -o builder -g builder $2"
	git archive --format=tar HEAD -- . ':(exclude)debian' | on_stdin "$1" "tar --extract --directory $2 && chown -R builder: $2"
}

# The same with this script's input.
on_stdin() {
	chroot "$machines/$1" bash -c "$2"
}

running() {
	local process
	for process in /proc/[0-9]*; do
		if [[ $(readlink "$process/root") == "$machines"/* ]]; then echo "${process#/proc/}"; fi
	done
}

logs_in() {
	out=$1
	rm -rf "$out"
	mkdir -p "$out"
}

step() {
	local failed=$report_failed
	report_failed=0
	report "$@"
	if ((report_failed > 0)); then report_end; fi
	report_failed=$failed
}

log() {
	"${@:2}" >"$out/$1.log" 2>&1 || { tail -n "${LOG_LINES:-60}" "$out/$1.log" | cut -c 1-400; return 1; }
}

says() {
	grep -qE -- "$2" "$out/$1.log" || { tail -n "${LOG_LINES:-60}" "$out/$1.log" | cut -c 1-400; return 1; }
}

ran_all() {
	local i sql specs wanted
	mapfile -t sql < <(compgen -G "test/sql/*.sql")
	mapfile -t specs < <(compgen -G "test/specs/*.spec")
	wanted=$(for ((i = 0; i < ${2:-1}; i++)); do printf '%s\n' "${#sql[@]}" "${#specs[@]}"; done | sort)
	diff <(echo "$wanted") <(sed -nE 's/^[# ]*All ([0-9]+) tests passed.*/\1/p' "$out/$1.log" | sort) ||
		{ grep -E 'tests (passed|failed)' "$out/$1.log" || echo "no word of any test"; return 1; }
}

machines_end() {
	local left
	trap '' INT TERM
	mapfile -t left < <(running)
	((${#left[@]} == 0)) || kill -KILL "${left[@]}" 2>/dev/null || true
	awk -v root="$machines/" 'index($2, root) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r umount -l
	rm -rf --one-file-system "$machines"
}
trap machines_end EXIT
