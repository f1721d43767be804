# shellcheck shell=bash disable=SC2034
# Sourced by the scripts that start servers. PostgreSQL refuses to run as root; root's servers run as "postgres", or as
# "nobody" where that user does not exist, and an ordinary user's as that user.
#   "${as_server_user[@]}" COMMAND    runs a command as that user
#   give_to_server_user DIR           makes it the owner
#   find_pg_config                    prints the pg_config to use, or fails

as_server_user=(env)
if ((EUID == 0)); then
	server_user=$(id -un postgres 2>/dev/null || echo nobody)
	as_server_user=(setpriv --reuid "$server_user" --regid "$(id -gn "$server_user")" --init-groups)
fi

give_to_server_user() {
	if ((EUID == 0)); then chown -R "$server_user" "$1"; fi
}

find_pg_config() {
	"${BASH_SOURCE%/*}/pg_config.sh" || {
		echo "No pg_config: run \"make setup\", or name one with PG_CONFIG=..." >&2
		return 1
	}
}
