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

secret=of-the-test-and-of-at-least-32-characters
echo "$secret" >"$dir/jwt-secret"
model_port=$(free_port)
sed -e "s|^db-uri = .*|db-uri = \"host=$PGHOST port=${PGPORT:-5432} user=contacts_authenticator dbname=$PGDATABASE\"|" \
	-e "s|^jwt-secret = .*|jwt-secret = \"@$dir/jwt-secret\"|" \
	-e "s|^server-port = .*|server-port = $model_port|" http/postgrest.conf >"$dir/postgrest.conf"
background /usr/bin/python3 test/http/postgrest_model.py "$dir/postgrest.conf" >"$dir/model.log" 2>&1
model=${started[-1]}

# nginx as an ordinary user: as root it would want one that owns its files.
nginx_port=$(free_port)
sed -e "s|listen 8080;|listen 127.0.0.1:$nginx_port;|" -e "s|127\.0\.0\.1:3000|127.0.0.1:$model_port|" http/nginx.conf >"$dir/contacts.conf"
{
	echo "daemon off; pid $dir/nginx.pid; error_log $dir/nginx.log; events {}"
	echo "http { access_log off;"
	for temporary in client_body proxy fastcgi uwsgi scgi; do echo "${temporary}_temp_path $dir/$temporary;"; done
	echo "include $dir/contacts.conf; }"
} >"$dir/nginx.conf"
if ((EUID == 0)); then
	as=(setpriv --reuid nobody --clear-groups)
	chown -R nobody "$dir"
fi
background "$(PATH=$PATH:/usr/sbin command -v nginx)" -e "$dir/nginx.log" -c "$dir/nginx.conf" >"$dir/nginx.out" 2>&1
wait_for "$model_port" "$model" "$dir/model.log"
wait_for "$nginx_port" "${started[-1]}" "$dir/nginx.log"

# The page's two blocks, with the test's secret and port.
block "check_http.sh: token" | sed "s|/etc/postgrest/jwt-secret|$dir/jwt-secret|" >"$dir/request.sh"
block "check_http.sh: request" | sed "s|localhost:8080|127.0.0.1:$nginx_port|" >>"$dir/request.sh"

MODEL_LOG=$dir/model.log /usr/bin/python3 test/http/requests_test.py "http://127.0.0.1:$nginx_port" "http://127.0.0.1:$model_port" "$secret" "$dir/request.sh" "$model" || {
	tail -n 20 "$dir/model.log" "$dir/nginx.log" | sed 's/^/# /'
	exit 1
}
