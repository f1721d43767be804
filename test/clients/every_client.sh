#!/bin/bash
# Usage: every_client.sh [CLIENT...]
# Runs the table of requests, requests.json, through every client that Debian and npm have, and again through pgbouncer, which gives
# each transaction any connection of its pool; compares what they saw, and writes it into the table of docs/clients.md. Who is not there
# is skipped, and said. Wants a server of its own, made by scripts/server.sh with SERVER_PORT, on which the extension is installed: alters
# the role's log_statement, reads the server's log, and puts pgbouncer's configuration beside it. Prints TAP.
set -euo pipefail
cd "${BASH_SOURCE%/*}/../.."
# shellcheck source=clients.sh
. test/clients/clients.sh

clients=(psycopg psycopg2 asyncpg sqlalchemy django dbd_pg activerecord pdo doctrine laravel libpqxx jdbc pgx tokio_postgres
	node_postgres postgres_js drizzle knex kysely typeorm prisma postgraphile)
# Those that prepare statements by a name in these calls, unless they are told; docs/clients.md, "Poolers"
preparing=" psycopg asyncpg pdo laravel jdbc pgx tokio_postgres postgres_js postgraphile "
if (($# > 0)); then clients=("$@"); fi
more=test/clients/more
page=docs/clients.md
java=/usr/share/java
go=/usr/share/gocode

version_of() {
	# shellcheck disable=SC2016 # dpkg-query expands it
	dpkg-query -W -f '${source:Upstream-Version} ' "$@" 2>/dev/null | sed 's/[+]ds[0-9]*\|[+]dfsg[0-9]*//g; s/ $//'
}

# What a client needs before it can be built and run; fails where that is not to be had. What it prints is why.
available() {
	case $1 in
		jdbc) there javac "$java/postgresql.jar" "$java/HikariCP.jar" ;;
		pgx) there go "$go/src/github.com/jackc/pgx/v4" ;;
		tokio_postgres) there cargo /usr/share/cargo/registry/tokio-postgres-[0-9]* ;;
		sqlalchemy | django) /usr/bin/python3 -c "import $1" ;;
		activerecord) /usr/bin/ruby -e "require 'active_record'; require 'pg'" ;;
		pdo) php -r 'exit(extension_loaded("pdo_pgsql") ? 0 : 1);' ;;
		doctrine) php -r 'require "Doctrine/DBAL/autoload.php";' ;;
		laravel) php -r 'require "Illuminate/Database/autoload.php";' ;;
		drizzle | knex | kysely | typeorm | prisma | postgraphile) npm_packages more ;;
		*) driver_available "$1" ;;
	esac
}

# there COMMAND FILE...
there() {
	local file
	command -v "$1" >/dev/null || { echo "there is no $1"; return 1; }
	for file in "${@:2}"; do
		[[ -e $file ]] || { echo "there is no $file"; return 1; }
	done
}

build() {
	case $1 in
		jdbc) javac -d "$out" -cp "$java/postgresql.jar:$java/HikariCP.jar" "$more/WithJdbc.java" ;;
		pgx) GO111MODULE=off GOFLAGS='' GOPATH=$go GOCACHE=$out/go go build -o "$out/with_pgx" "$more/pgx/with_pgx.go" ;;
		tokio_postgres) build_rust ;;
		prisma) build_prisma ;;
		*) build_driver "$1" ;;
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
		sqlalchemy | django) PYTHONPATH=$drivers client "$name" /usr/bin/python3 "$more/with_$1.py" ;;
		activerecord) client "$name" /usr/bin/ruby "$more/with_activerecord.rb" ;;
		pdo) client "$name" php "$more/with_pdo.php" ;;
		doctrine) CLIENT_VERSION=$(version_of php-doctrine-dbal) client "$name" php "$more/with_doctrine.php" ;;
		laravel) CLIENT_VERSION=$(version_of php-illuminate-database) client "$name" php "$more/with_laravel.php" ;;
		jdbc)
			CLIENT_VERSION="$(version_of libpostgresql-jdbc-java), $(version_of libhikaricp-java)" \
				client "$name" java -cp "$out:$java/postgresql.jar:$java/HikariCP.jar:$java/slf4j-api.jar:$java/slf4j-nop.jar" WithJdbc
			;;
		pgx) CLIENT_VERSION=$(version_of golang-github-jackc-pgx-v4-dev) client "$name" "$out/with_pgx" ;;
		tokio_postgres)
			CLIENT_VERSION=$(version_of librust-tokio-postgres-dev) client "$name" "$out/tokio_postgres/target/debug/with_tokio_postgres"
			;;
		# The variable is for what PostGraphile prepares on its own.
		drizzle | knex | kysely | typeorm | prisma | postgraphile)
			POSTGRAPHILE_PREPARED_STATEMENT_CACHE_SIZE=${2:+0} client "$name" node "$out/more/with_$1.mjs"
			;;
		*) run_driver "$1" "$2" ;;
	esac
}

# What docs/clients.md says beside the table: the traps of three clients, and of a pooler.
traps() {
	export PGDATABASE=${template}_traps
	createdb --template="$template" "$PGDATABASE"
	if built activerecord; then
		report "ActiveRecord's query cache answers select_value, not exec_query" /usr/bin/ruby "$more/query_cache.rb"
	fi
	if built laravel && built doctrine; then
		report "Laravel and Doctrine send a SELECT to the connection for reading, unless they are told" php "$more/read_connection.php"
	fi
	if ! command -v node >/dev/null; then
		report_skip "JSON.stringify refuses a BigInt" "Node.js is not available"
	else
		report "JSON.stringify refuses a BigInt" node -e 'require("assert").throws(() => JSON.stringify(1n), TypeError)'
	fi
	if [[ -n $pooler ]]; then
		local through=(env PGHOST=127.0.0.1 PGPORT="$pooler_port" psql -qXAt) seen=
		"${through[@]}" -c 'BEGIN; SET LOCAL contact_upsert.workspace_id = 3; COMMIT'
		for i in 1 2 3 4; do seen+=$("${through[@]}" -c "SELECT current_setting('contact_upsert.workspace_id', true)"); done
		report "SET LOCAL does not leak through a pooler" test "$seen" = "${seen//3/}"
		"${through[@]}" -c 'SET contact_upsert.workspace_id = 3'
		for i in 1 2 3 4; do seen+=$("${through[@]}" -c "SELECT current_setting('contact_upsert.workspace_id', true)"); done
		report "SET does" test "$seen" != "${seen//3/}"
	else
		report_skip "SET LOCAL does not leak through a pooler, and SET does" "pgbouncer is not available"
	fi
	export PGDATABASE=postgres
}

# pgbouncer, in the mode in which a session's settings and prepared statements are not a client's own.
start_pooler() {
	local as=(env) prepared=
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
		server_check_query =
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

at_server() {
	psql -qXAt -h "$SERVER_HOST" -p "$SERVER_PORT" -d postgres -c "$1"
}

# Gives a database its pool of three connections, of which pgbouncer then takes one after the other, a transaction each.
warm_pool() {
	local i at_work
	for ((i = 0; i < 100; i++)); do
		at_work=()
		for _ in 1 2 3; do
			psql -qXAt -d "$1" -c 'SELECT pg_sleep(0.1)' >/dev/null &
			at_work+=($!)
		done
		wait "${at_work[@]}"
		if [[ $(at_server "SELECT count(*) FROM pg_stat_activity WHERE datname = '$1'") == 3 ]]; then break; fi
	done
	warmed_at=$(at_server 'SELECT clock_timestamp()')
}

# Runs a client; the first statement that it executed by a name, if any, is in $prepared.
run_logged() {
	local begin
	begin=$(stat -c %s "$SERVER_HOST/log")
	run_client "$@"
	prepared=$(grep -m 1 -aoE 'LOG:  execute [^<].{0,60}' <(tail -c +"$((begin + 1))" "$SERVER_HOST/log")) || prepared=
}

# Whether the client that has ended used more than one of its pool's connections.
used_several() {
	local used
	used=$(at_server "SELECT count(*) FROM pg_stat_activity WHERE datname = '${template}_$1' AND query_start > '$warmed_at'")
	((used > 1)) || { echo "connections used: $used"; return 1; }
}

pooler='' bouncer='' pooler_knows_prepared=''
finish() {
	if [[ -n $pooler ]]; then kill "$pooler" 2>/dev/null || true; fi
	remove_databases
}
trap finish EXIT

prepare
export SERVER_HOST=$PGHOST SERVER_PORT=$PGPORT
# The server's log says which statements have names.
at_server "ALTER ROLE $PGUSER SET log_statement = 'all'; ALTER ROLE $PGUSER SET log_parameter_max_length = 0"
start_pooler || pooler=
seen=()
for name in "${clients[@]}"; do
	built "$name" || continue
	run_logged "$name" ""
	if [[ $preparing == *" $name "* ]]; then
		report "$name prepares statements, which is its default" test -n "$prepared"
	else
		report "$name prepares no statement by a name" nothing "$prepared"
	fi
	seen+=("$name")
	not_pooled=
	if [[ -z $pooler ]]; then not_pooled="pgbouncer is not available"; fi
	if [[ $name == tokio_postgres && -z $pooler_knows_prepared ]]; then
		not_pooled="it prepares every statement, and pgbouncer before 1.21 does not pass that on"
	fi
	if [[ -n $not_pooled ]]; then
		report_skip "$name through pgbouncer" "$not_pooled"
		echo "$not_pooled" >"$out/$name.not_pooled"
		continue
	fi
	PGHOST=127.0.0.1 PGPORT=$pooler_port POOLED=1 run_logged "$name" _pooled
	report "$name through pgbouncer uses several connections" used_several "${name}_pooled"
	if [[ $name != tokio_postgres ]]; then report "$name through pgbouncer prepares none" nothing "$prepared"; fi
	seen+=("${name}_pooled")
done
if (($# == 0)); then traps; fi
compare "${seen[@]}"
pooled_by=
if [[ -n $pooler ]]; then pooled_by=", $("$bouncer" --version | sed -n 's/^PgBouncer /pgbouncer /p')"; fi
# shellcheck disable=SC1091
with="PostgreSQL $(at_server 'SHOW server_version' | cut -d' ' -f1)$pooled_by, $(. /etc/os-release && echo "${NAME% GNU/Linux} ${VERSION_ID:-}")"
/usr/bin/python3 test/clients/check.py note "$page" "$with" "${seen[@]/#/$out/}"
report_end
