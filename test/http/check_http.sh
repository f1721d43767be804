#!/bin/bash
# Tests http/: the request of docs/http.md, and many that mean harm, go to a real nginx with http/nginx.conf, and from there to a model of
# PostgREST (postgrest_model.py: PostgREST itself is in no package of Debian) with http/postgrest.conf, which calls the functions of
# http/api.sql as the roles of the requests' tokens. Wants PGHOST and the like for a server on which the extension is installed.
# Prints TAP.
set -euo pipefail
cd "${BASH_SOURCE%/*}/../.."
# shellcheck source=http.sh
. test/http/http.sh
trap finish EXIT
prepare contact_upsert_http

model contacts "$PGHOST" "${PGPORT:-5432}"
nginx contacts

# The page's two blocks, with the test's secret and port.
block "check_http.sh: token" | sed "s|/etc/postgrest/jwt-secret|$dir/jwt-secret|" >"$dir/request.sh"
block "check_http.sh: request" | sed "s|localhost:8080|127.0.0.1:${nginx_port[contacts]}|" >>"$dir/request.sh"

MODEL_LOG=$dir/contacts.log /usr/bin/python3 test/http/requests_test.py "http://127.0.0.1:${nginx_port[contacts]}" "http://127.0.0.1:${model_port[contacts]}" "$secret" "$dir/request.sh" \
	"${model_pid[contacts]}" || {
	tail -n 20 "$dir/contacts.log" "$dir/nginx.log" | sed 's/^/# /'
	exit 1
}
