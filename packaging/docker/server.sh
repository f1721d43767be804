#!/bin/bash
# Usage: server.sh postgres [OPTION...]    (the image's entry point; with any other command it runs that)
# Runs PostgreSQL on PGDATA. At the first start it makes the cluster, the database and the contact tables:
#   POSTGRES_PASSWORD       the password of the superuser postgres; or POSTGRES_PASSWORD_FILE, a file that has it
#   POSTGRES_DB             the database (default: contacts)
# A first start that is interrupted leaves no cluster that looks whole: it is made beside its place, and moved there at last.
set -euo pipefail

if [[ ${1:-postgres} != postgres ]]; then exec "$@"; fi

refuse() {
	echo "server.sh: $1" >&2
	exit 1
}

make_cluster() {
	local new=$PGDATA.new database=${POSTGRES_DB:-contacts} password=${POSTGRES_PASSWORD:-}
	if [[ -n ${POSTGRES_PASSWORD_FILE:-} ]]; then
		password=$(<"$POSTGRES_PASSWORD_FILE") || refuse "POSTGRES_PASSWORD_FILE=$POSTGRES_PASSWORD_FILE cannot be read."
	fi
	[[ -n $password ]] || refuse "the superuser needs a password: set POSTGRES_PASSWORD, or POSTGRES_PASSWORD_FILE to a file that has it."
	[[ -w ${PGDATA%/*} ]] || refuse "$(id -un) may not write to ${PGDATA%/*}: give the volume to user $(id -u)."
	rm -rf "$new"
	initdb --pgdata="$new" --username=postgres --pwfile=<(echo "$password") --auth-local=peer --auth-host=scram-sha-256 --encoding=UTF8
	echo 'host all all all scram-sha-256' >>"$new/pg_hba.conf"
	pg_ctl --pgdata="$new" --wait --options="-c listen_addresses=''" start
	psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --set database="$database" --dbname postgres <<-'SQL'
		SELECT format('CREATE DATABASE %I', :'database') WHERE :'database' NOT IN (SELECT datname FROM pg_database) \gexec
		\connect :"database"
		CREATE EXTENSION contact_upsert;
		SELECT contacts.install();
	SQL
	pg_ctl --pgdata="$new" --wait --mode=fast stop
	mv "$new" "$PGDATA"
}

[[ -s $PGDATA/PG_VERSION ]] || make_cluster
exec postgres -D "$PGDATA" -c listen_addresses='*' "${@:2}"
