# shellcheck shell=bash disable=SC2034
# Sourced by the scripts that start servers. Gives them a directory under /tmp that is gone when they end, however they end,
# and an environment in which nothing of the caller's reaches a server or a test: no PG*, LC_* or time zone.
#   $pg_config, $bindir           the PostgreSQL to use; its programs come first on PATH
#   $dir                          the directory; it belongs to the server's user
#   "${as_server_user[@]}" ...    runs a command as the server's user. PostgreSQL refuses root: root's servers run as
#                                 "postgres", or "nobody" where there is no such user, an ordinary user's as that user
#   run COMMAND...                runs a command such that a signal ends it at once, and returns its status
#   before_end STATUS             is called at the end, if the script defines it

pg_config=$("${BASH_SOURCE%/*}/pg_config.sh") || {
	echo "No pg_config: run \"make setup\", or name one with PG_CONFIG=..." >&2
	exit 1
}
bindir=$("$pg_config" --bindir)
unset "${!PG@}" "${!LC_@}" LANGUAGE
export PG_CONFIG="$pg_config" PATH="$bindir:$PATH" LANG=C.UTF-8 TZ=UTC

as_server_user=(env)
dir=$(mktemp -d /tmp/contact_upsert.XXXXXX)
if ((EUID == 0)); then
	server_user=$(id -un postgres 2>/dev/null || echo nobody)
	as_server_user=(setpriv --reuid "$server_user" --regid "$(id -gn "$server_user")" --init-groups)
	chown "$server_user" "$dir"
fi

# In the background, for only then does a signal reach the script before the command has ended.
run() {
	"$@" <&0 &
	running=$!
	wait "$running" || return
	running=
}
running=

end_sandbox() {
	local status=$?
	set +e
	trap '' INT TERM HUP
	if [[ -n $running ]]; then kill "$running" 2>/dev/null && wait "$running"; fi
	if [[ $(type -t before_end) == function ]]; then before_end "$status"; fi
	rm -rf "$dir"
	exit "$status"
}
trap end_sandbox EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
