#!/bin/bash
# Usage: every_client.sh [CLIENT...]
# Runs the table of requests, requests.json, through every client that Debian and npm have, and again through pgbouncer, which gives
# each transaction any connection of its pool; compares what they saw. Who is not there is skipped, and said. Wants PGHOST and the like
# for a server on which the extension is installed, and which listens on 127.0.0.1, too. Prints TAP.
set -euo pipefail
cd "${BASH_SOURCE%/*}/../.."
# shellcheck source=../../scripts/tap_report.sh
. scripts/tap_report.sh
# shellcheck source=clients.sh
. test/clients/clients.sh

clients=(psycopg psycopg2 asyncpg sqlalchemy django dbd_pg activerecord pdo doctrine laravel libpqxx jdbc pgx tokio_postgres
	node_postgres postgres_js drizzle knex kysely typeorm prisma postgraphile)
if (($# > 0)); then clients=("$@"); fi
drivers=test/clients/drivers
more=test/clients/more
java=/usr/share/java
go=/usr/share/gocode

version_of() {
	# shellcheck disable=SC2016 # dpkg-query expands it
	dpkg-query -W -f '${source:Upstream-Version} ' "$@" 2>/dev/null | sed 's/[+]ds[0-9]*\|[+]dfsg[0-9]*//g; s/ $//'
}

# What a client needs before it can be run; fails where that is not to be had. What it prints is why.
build() {
	case $1 in
		libpqxx) build_libpqxx ;;
		jdbc) javac -d "$out" -cp "$java/postgresql.jar:$java/HikariCP.jar" "$more/WithJdbc.java" ;;
		pgx) GO111MODULE=off GOFLAGS='' GOPATH=$go GOCACHE=$out/go go build -o "$out/with_pgx" "$more/pgx/with_pgx.go" ;;
		tokio_postgres) build_rust ;;
		sqlalchemy | django) /usr/bin/python3 -c "import $1" ;;
		activerecord) /usr/bin/ruby -e "require 'active_record'; require 'pg'" ;;
		pdo) php -r 'exit(extension_loaded("pdo_pgsql") ? 0 : 1);' ;;
		doctrine) php -r 'require "Doctrine/DBAL/autoload.php";' ;;
		laravel) php -r 'require "Illuminate/Database/autoload.php";' ;;
		prisma) build_prisma ;;
	esac
}

# Debian's crates, with which nothing is asked of a registry.
build_rust() {
	local crate=$out/tokio_postgres
	mkdir -p "$crate/.cargo"
	cp -r "$more/tokio_postgres/." "$crate"
	printf '[source.crates-io]\nreplace-with = "debian"\n[source.debian]\ndirectory = "/usr/share/cargo/registry"\n' >"$crate/.cargo/config.toml"
	(cd "$crate" && cargo build --offline --quiet)
}

# Prisma's client is made from a schema. What it would fetch from a place of its own is for its migrations, and is not wanted here.
build_prisma() {
	cp "$more/schema.prisma" "$out/more"
	(cd "$out/more" && PRISMA_SCHEMA_ENGINE_BINARY=/bin/true PRISMA_HIDE_UPDATE_MESSAGE=1 node_modules/.bin/prisma generate)
}

# Runs a client; the suffix of its name is empty, or _pooled.
run_client() {
	local name=$1$2
	case $1 in
		psycopg | psycopg2 | asyncpg) client "$name" /usr/bin/python3 "$drivers/with_$1.py" ;;
		sqlalchemy | django) PYTHONPATH=$drivers client "$name" /usr/bin/python3 "$more/with_$1.py" ;;
		dbd_pg) client "$name" perl "$drivers/with_dbd_pg.pl" ;;
		activerecord) client "$name" /usr/bin/ruby "$more/with_activerecord.rb" ;;
		pdo) client "$name" php "$more/with_pdo.php" ;;
		doctrine) CLIENT_VERSION=$(version_of php-doctrine-dbal) client "$name" php "$more/with_doctrine.php" ;;
		laravel) CLIENT_VERSION=$(version_of php-illuminate-database) client "$name" php "$more/with_laravel.php" ;;
		libpqxx) client "$name" "$out/with_libpqxx" ;;
		jdbc)
			CLIENT_VERSION="$(version_of libpostgresql-jdbc-java), $(version_of libhikaricp-java)" \
				client "$name" java -cp "$out:$java/postgresql.jar:$java/HikariCP.jar:$java/slf4j-api.jar:$java/slf4j-nop.jar" WithJdbc
			;;
		pgx) CLIENT_VERSION=$(version_of golang-github-jackc-pgx-v4-dev) client "$name" "$out/with_pgx" ;;
		tokio_postgres)
			CLIENT_VERSION=$(version_of librust-tokio-postgres-dev) client "$name" "$out/tokio_postgres/target/debug/with_tokio_postgres"
			;;
		node_postgres | postgres_js) client "$name" node "$out/drivers/with_$1.mjs" ;;
		# The one for what PostGraphile prepares on its own.
		*) POSTGRAPHILE_PREPARED_STATEMENT_CACHE_SIZE=${2:+0} client "$name" node "$out/more/with_$1.mjs" ;;
	esac
}

# What docs/clients.md says beside the table: the traps of three clients, and of a pooler.
traps() {
	export PGDATABASE=${template}_traps
	createdb --template="$template" "$PGDATABASE"
	if build activerecord >/dev/null 2>&1; then
		report "ActiveRecord's query cache answers select_value, not exec_query" /usr/bin/ruby "$more/query_cache.rb"
	fi
	if build laravel >/dev/null 2>&1 && build doctrine >/dev/null 2>&1; then
		report "Laravel and Doctrine send a SELECT to the connection for reading, unless they are told" php "$more/read_connection.php"
	fi
	if [[ -n $pooler ]]; then
		local through=(env PGHOST=127.0.0.1 PGPORT="$pooler_port" psql -qXAt) seen=
		"${through[@]}" -c 'BEGIN; SET LOCAL contact_upsert.workspace_id = 3; COMMIT'
		for i in 1 2 3 4; do seen+=$("${through[@]}" -c "SELECT current_setting('contact_upsert.workspace_id', true)"); done
		report "SET LOCAL does not leak through a pooler" test "$seen" = "${seen//3/}"
		"${through[@]}" -c 'SET contact_upsert.workspace_id = 3'
		for i in 1 2 3 4; do seen+=$("${through[@]}" -c "SELECT current_setting('contact_upsert.workspace_id', true)"); done
		report "SET does" test "$seen" != "${seen//3/}"
	fi
	export PGDATABASE=postgres
}

# pgbouncer, in the mode in which a session's settings and prepared statements are not a client's own.
start_pooler() {
	local bouncer as=(env) prepared=
	bouncer=$(PATH=$PATH:/usr/sbin command -v pgbouncer) || return
	pooler_port=$(/usr/bin/python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
	if "$bouncer" --version | grep -qE '1[.](2[1-9]|[3-9][0-9])'; then prepared='max_prepared_statements = 100'; fi
	pooler_knows_prepared=$prepared
	cat >"$PGHOST/pgbouncer.ini" <<-EOF
		[databases]
		* = host=$PGHOST port=$PGPORT user=$PGUSER
		[pgbouncer]
		listen_addr = 127.0.0.1
		listen_port = $pooler_port
		unix_socket_dir =
		auth_type = any
		pool_mode = transaction
		min_pool_size = 3
		default_pool_size = 3
		server_round_robin = 1
		ignore_startup_parameters = extra_float_digits
		$prepared
	EOF
	# It does not run as root.
	if ((EUID == 0)); then as=(setpriv --reuid "$(stat -c %U "$PGHOST")" --clear-groups); fi
	"${as[@]}" setpriv --pdeathsig TERM "$bouncer" "$PGHOST/pgbouncer.ini" >"$out/pgbouncer.txt" 2>&1 </dev/null &
	pooler=$!
	for ((i = 0; i < 100; i++)); do
		if PGHOST=127.0.0.1 PGPORT=$pooler_port psql -qXAt -d postgres -c '' 2>/dev/null; then return; fi
		sleep 0.1
	done
	tail "$out/pgbouncer.txt" >&2
	return 1
}

pooler=
finish() {
	if [[ -n $pooler ]]; then kill "$pooler" 2>/dev/null || true; fi
	remove_databases
}
trap finish EXIT

prepare
export SERVER_HOST=$PGHOST SERVER_PORT=$PGPORT
start_pooler || pooler=
for directory in drivers more; do npm_packages $directory || true; done
seen=()
for name in "${clients[@]}"; do
	build "$name" >"$out/$name.build" 2>&1 || {
		report_skip "$name" "it is not available: $(grep -v '^$' "$out/$name.build" | tail -n 1)"
		continue
	}
	run_client "$name" ""
	seen+=("$name")
	if [[ -z $pooler ]]; then
		report_skip "$name through pgbouncer" "pgbouncer is not available"
	elif [[ $name == tokio_postgres && -z $pooler_knows_prepared ]]; then
		report_skip "$name through pgbouncer" "it prepares every statement, and pgbouncer before 1.21 does not pass that on"
	else
		PGHOST=127.0.0.1 PGPORT=$pooler_port POOLED=1 run_client "$name" _pooled
		seen+=("${name}_pooled")
	fi
done
if (($# == 0)); then traps; fi
compare "${seen[@]}" || report_failed=1
report_end
