#!/bin/bash
# Builds the images of packaging/docker from the last commit with buildah, which needs no daemon, and runs them: server, worker and
# importer together, as users of their own; then the image "extension" as CloudNativePG mounts it, read-only, into a server of
# PostgreSQL 18 from Debian testing. Base images come from Debian's packages (mmdebstrap), under the names that the Dockerfile has for
# them. Neither a container engine, compose, nor Kubernetes runs. Needs root and the network. Reports in TAP.
set -euo pipefail
cd "${BASH_SOURCE%/*}/.."
# shellcheck source=tap_report.sh
. scripts/tap_report.sh
# shellcheck source=machines.sh
. scripts/machines.sh

logs_in build/image
context=$machines/context
mkdir "$context"
scripts/setup.sh image
git archive --format=tar HEAD | tar --extract --directory "$context"
export BUILDAH_ISOLATION=chroot BUILDAH_FORMAT=docker STORAGE_DRIVER=overlay
# The kernel lays no overlay over an overlay.
if [[ $(stat --file-system --format=%T "$machines") == overlayfs ]]; then STORAGE_DRIVER=vfs; fi
containers=(buildah --root "$machines/images" --runroot "$machines/run")

# base_image RELEASE NAME: a release of Debian as an image
base_image() {
	local container
	machines_begin "$1"
	container=$("${containers[@]}" from scratch)
	"${containers[@]}" add --quiet "$container" "$machines/base.tar" / >/dev/null
	"${containers[@]}" commit --quiet --rm "$container" "$2" >/dev/null
}
build() {
	"${containers[@]}" bud --pull-never --layers --target "$1" --tag "contact_upsert/$1" --file "$context/packaging/docker/Dockerfile" "${@:2}" "$context"
}
# Runs what the image's entry point is: enter CONTAINER [NAME=VALUE...] -- [ARGUMENT...]
enter() {
	local container=$1 settings=() entry
	shift
	while [[ $1 != -- ]]; do settings+=(--env "$1"); shift; done
	mapfile -t entry < <("${containers[@]}" inspect "$container" | jq -r '.Docker.config.Entrypoint[]')
	"${containers[@]}" run "${settings[@]}" "$container" -- "${entry[@]}" "${@:2}"
}

step "an image of this release of Debian" log base base_image bookworm localhost/debian:bookworm-slim
for target in server worker importer; do step "the image $target" log "$target" build "$target"; done
report "no compiler warned" nothing "$(grep -hE '(warning|error):' "$out"/{server,worker,importer}.log | grep -v debconf | head -n 20 || true)"
for target in server worker importer; do
	declare "$target=$("${containers[@]}" from --pull-never "contact_upsert/$target")"
	report "$target does not run as root" test "$("${containers[@]}" run "${!target}" -- id -u)" != 0
done
# shellcheck disable=SC2154 # declared above
{
	report "the image says how the server's health is asked for" grep -q pg_isready <("${containers[@]}" inspect "$server" | jq .Docker.config.Healthcheck)
	report "a server without a password is refused" eval "! enter $server -- postgres >$out/refused.log 2>&1 && says refused 'set POSTGRES_PASSWORD'"
	report "and leaves nothing behind" test "$("${containers[@]}" run "$server" -- ls -A /var/lib/postgresql/data)" = ""
}
start_server() {
	enter "$server" POSTGRES_PASSWORD="it's \$ecret" -- postgres -c port=55432 >>"$out/run.log" 2>&1 &
	for ((i = 0; i < 600; i++)); do
		if "${containers[@]}" run --env PGPORT=55432 "$server" -- pg_isready --quiet --host=127.0.0.1; then return; fi
		sleep 0.2
	done
	cat "$out/run.log"
	return 1
}
stop_server() {
	"${containers[@]}" run "$server" -- pg_ctl stop --mode=fast --wait --silent
	wait "$!" || true
}
connection=(PGHOST=127.0.0.1 PGPORT=55432 PGUSER=postgres "PGPASSWORD=it's \$ecret" PGDATABASE=contacts)
query() {
	"${containers[@]}" run --env PGHOST=127.0.0.1 --env PGPORT=55432 --env "PGPASSWORD=it's \$ecret" "$server" -- \
		psql --no-psqlrc -At --set ON_ERROR_STOP=1 --username postgres --dbname contacts --command "$1"
}
"${containers[@]}" run "$server" -- mkdir /var/lib/postgresql/data/main.new
"${containers[@]}" run "$server" -- touch /var/lib/postgresql/data/main.new/PG_VERSION
step "the server starts, and is healthy once its database is there" start_server
report "what a first start that was interrupted had left is gone" test "$("${containers[@]}" run "$server" -- ls -A /var/lib/postgresql/data)" = main
report "an upsert" test "$(query "SELECT contact_upsert('{\"email_address\": \"first@example.com\"}') #>> '{data,status}'")" = SUBSCRIBED
printf 'E-Mail,Vorname,Status\nann@example.com,Ann,unconfirmed\nbob@example.com,Bob,unconfirmed\n' >"$machines/people.csv"
# shellcheck disable=SC2154 # declared above
{
	"${containers[@]}" copy --quiet "$importer" "$machines/people.csv" /files/people.csv >/dev/null
	step "the worker registers its consumer" log subscribe enter "$worker" "${connection[@]}" -- --consumer compose --subscribe --once
	report "the importer loads a file" log import enter "$importer" "${connection[@]}" -- --yes --ignore-unknown people.csv
	report "the worker prints the events" log events enter "$worker" "${connection[@]}" -- --consumer compose --once
	report "both of them" test "$(grep -c '"CONTACT_SUBSCRIBED_PENDING"' "$out/events.log")" = 2
}
report "the server stops when it is told" stop_server
report "the server starts again" start_server
report "all contacts are there" test "$(query 'SELECT count(*) FROM contacts.contact')" = 3
report "the server stops again" stop_server

"${containers[@]}" rm --all >/dev/null

# PostgreSQL 18, with the extension where no directory of the system is: extension_control_path and dynamic_library_path
rm -f "$machines/base.tar"
read -r major release < <(scripts/debian.sh versions | awk '$1 >= 18')
step "an image of Debian $release, which has PostgreSQL $major" log newer base_image "$release" "localhost/debian:$release"
step "the image extension" log extension build extension --build-arg "BASE=localhost/debian:$release" --build-arg "POSTGRESQL=$major"
mounted=$("${containers[@]}" mount "$("${containers[@]}" from --pull-never contact_upsert/extension)")
version=$(sed -n "s/^default_version *= *'\(.*\)'/\1/p" contact_upsert.control)
report "it has the extension's files and no more" diff <(cd "$mounted" && find . -type f | sort) \
	<(printf './%s\n' lib/contact_upsert.so share/doc/extension/contact_upsert/{LICENSE,README.md} share/extension/contact_upsert{,_proxy}{.control,"--$version.sql"} | sort)
machine server
step "PostgreSQL $major installs" log postgresql on server "mkdir -p /etc/postgresql-common/createcluster.d && echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/none.conf &&
	apt-get update && apt-get install -y libstdc++6 make postgresql-$major postgresql-server-dev-$major"
bin=/usr/lib/postgresql/$major/bin
mkdir -p "$machines/server/extensions/contact_upsert"
mount --bind "$mounted" "$machines/server/extensions/contact_upsert"
mount -o remount,ro,bind "$machines/server/extensions/contact_upsert"
report "the image is mounted read-only" on server '! touch /extensions/contact_upsert/lib/x 2>/dev/null'
touch "$machines/before"
step "a server starts" log server as server postgres "$bin/initdb --pgdata=data --auth=trust --encoding=UTF8 --locale=C.UTF-8 &&
	$bin/pg_ctl --pgdata=data --log=log --wait start --options=\"-c listen_addresses='' -c extension_control_path='\\\$system:/extensions/contact_upsert/share' -c dynamic_library_path='\\\$libdir:/extensions/contact_upsert/lib'\""
report "CREATE EXTENSION and install()" as server postgres \
	"psql --no-psqlrc --set ON_ERROR_STOP=1 --command 'CREATE EXTENSION contact_upsert' --command 'SELECT contacts.install()'"
report "an upsert" as server postgres \
	"psql --no-psqlrc -At --command \"SELECT contact_upsert('{\\\"email_address\\\": \\\"first@example.com\\\"}') #>> '{data,status}'\" | grep -x SUBSCRIBED"
report "no file of the extension is in a directory of the system" nothing "$(find "$machines/server"/{usr,etc,lib,opt} -name '*contact_upsert*' 2>/dev/null)"
source_on server /srv/source
# test/build/check_compose.sh says what compose.yaml should be; this is docker compose's own reading of it. It needs no daemon for that.
step "docker compose installs" log compose_install on server "apt-get install -y --no-install-recommends docker-compose"
compose() {
	as server builder "mkdir -p lists && cd lists && POSTGRES_PASSWORD=x docker-compose --file /srv/source/packaging/docker/compose.yaml $1"
}
report "docker compose starts the server and the worker" diff <(printf '%s\n' db worker) <(compose "config --services" | sort)
report "and the importer when it is told" diff <(printf '%s\n' db importer worker) <(compose "--profile import config --services" | sort)
step "docker compose reads the file" log compose compose "--profile import config"
report "it mounts the directory that the user stands in" diff <(printf '%s\n' "source: $(as server builder 'realpath lists')" 'target: /files') \
	<(grep -A 2 -x ' *- type: bind' "$out/compose.log" | sed 1d | sed 's/^ *//')
on server "chown -R postgres: source"
report "make installcheck on that server" log installcheck as server postgres "psql --no-psqlrc -c 'DROP EXTENSION contact_upsert CASCADE' && cd /srv/source && make installcheck PG_CONFIG=$bin/pg_config"
report "it ran all SQL and isolation tests" ran_all installcheck
report "nothing was written to a directory of the system" nothing "$(find "$machines/server"/{usr,lib,opt} -newer "$machines/before" -type f 2>/dev/null)"
report "nothing is left running" nothing "$(as server postgres "$bin/pg_ctl --pgdata=data --mode=fast --silent stop"; running)"
umount "$machines/server/extensions/contact_upsert"
"${containers[@]}" umount --all >/dev/null
report_end
