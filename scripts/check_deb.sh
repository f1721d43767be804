#!/bin/bash
# Usage: check_deb.sh [RELEASE]
# Builds the Debian packages of the last commit on a clean machine (a chroot of that release, this machine's by default), as
# a user, with every test that debian/rules runs; and once more in another directory, which must give the same bytes. Then lintian;
# what an administrator does with them on another machine with a server of default settings: install, upgrade, remove, install again,
# purge, with contacts in a database all the time; and debian/tests by autopkgtest on a third. The packages are left in build/deb.
# Needs root and the network; takes a quarter of an hour. Reports in TAP.
set -euo pipefail
cd "${BASH_SOURCE%/*}/.."
# shellcheck source=tap_report.sh
. scripts/tap_report.sh
# shellcheck source=machines.sh
. scripts/machines.sh

# shellcheck source=/dev/null
release=${1:-$(. /etc/os-release && echo "$VERSION_CODENAME")}
version=$(sed -n "s/^default_version *= *'\(.*\)'/\1/p" contact_upsert.control)
source=contact-upsert-$version
logs_in build/deb
machines_begin "$release" build-essential

# The build
debian_source() {
	source_on build "$1/$source"
	on build "tar --create --gzip --file $1/contact-upsert_$version.orig.tar.gz --directory $1 $source && chown builder: $1"
	git archive --format=tar HEAD -- debian packaging | on_stdin build "tar --extract --directory $1/$source && chown -R builder: $1"
}
build_packages() {
	as build builder "cd $1/$source && DEB_BUILD_OPTIONS='parallel=2 $2' dpkg-buildpackage -us -uc"
}
machine build
debian_source /srv/first
debian_source /srv/second/other/place
step "the packages' build dependencies can be had" log dependencies on build "apt-get update && apt-get install -y lintian && apt-get build-dep -y ./first/$source"
fits() {
	on build "cd first/$source && pg_buildext checkcontrol"
}
if ! fits >"$out/control.log" 2>&1; then
	echo "# debian/control is made anew for $release"
	on build "for place in first second/other/place; do (cd \$place/$source && pg_buildext updatecontrol && chown builder: debian/control); done"
fi
step "the packages build on a clean machine, and pass installcheck there" log build build_packages /srv/first ""
report "no compiler warned" nothing "$(grep -E '(warning|error):' "$out/build.log" | head -n 20 || true)"
step "they build without tests in another directory" log again build_packages /srv/second/other/place nocheck
mapfile -t packages < <(on build 'cd first && ls *.deb')
servers=$(printf '%s\n' "${packages[@]}" | grep -cE '^postgresql-[0-9]+-contact-upsert_')
report "installcheck ran all SQL and isolation tests on each server" ran_all build "$servers"
for package in "${packages[@]}"; do
	report "the same bytes from two directories: ${package%%_*}" on build "cmp first/$package second/other/place/$package"
done
compilations() {
	grep -E ' -c -o ' "$out/build.log"
}
report "every file is compiled with what dpkg-buildflags says" nothing \
	"$(compilations | grep -vE -- '-Wformat -Werror=format-security .*-Wdate-time -D_FORTIFY_SOURCE=2' || true)"
report "those of the core and the programs among them" test "$(compilations | grep -cE 'build/(core|worker|import)/')" -gt 30
# What of the flags a finished file shows
linked_with() {
	on build "dpkg-deb --extract first/$1 /tmp/$1 && cd /tmp/$1 && for file in $2; do readelf --dynamic \$file | grep -E 'BIND_NOW|FLAGS.* NOW' || { echo \$file; exit 1; }; done"
}
extension=$(printf '%s\n' "${packages[@]}" | grep -E '^postgresql-[0-9]+-contact-upsert_' | tail -n 1)
tools=$(printf '%s\n' "${packages[@]}" | grep '^contact-upsert-tools_')
major=$(cut -d- -f2 <<<"$extension")
report "the library is linked as dpkg-buildflags says" linked_with "$extension" "usr/lib/postgresql/$major/lib/contact_upsert.so"
report "both programs, too" linked_with "$tools" "usr/bin/contact-worker usr/bin/contact-import"
report "calls of contact-import are those of FORTIFY" on build "readelf --dyn-syms --wide /tmp/$tools/usr/bin/contact-import | grep '_chk@'"
# The package closes no bug of Debian's as it is not uploaded there.
report "lintian finds no error and no warning" log lintian as build builder "lintian --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs --info /srv/first/contact-upsert_${version}-*.changes"
cp "$machines"/build/srv/first/*.{deb,dsc,tar.*,changes} "$out"

# An administrator's life with the packages
machine server
mkdir "$machines/server/srv/packages"
cp "$out"/*.deb "$machines/server/srv/packages"
contact_of() {
	echo "psql --no-psqlrc --set ON_ERROR_STOP=1 --tuples-only --no-align --dbname app --command \"SELECT contact_upsert('{\\\"email_address\\\": \\\"$1@example.com\\\"}') #>> '{data,status}'\""
}
upserts() {
	as server postgres "$(contact_of "$1")" | grep -x SUBSCRIBED
}
counts() {
	test "$(as server postgres "psql --no-psqlrc -At --dbname app --command 'SELECT count(*) FROM contacts.contact'")" = "$1"
}
step "the packages install on a clean machine" log install on server "apt-get update && apt-get install -y ./packages/$extension ./packages/$tools"
files() {
	on server "dpkg --listfiles postgresql-$major-contact-upsert contact-upsert-tools | sort -u | while read file; do [[ -d \$file ]] || echo \"\$file\"; done" |
		grep -vE '^$|/usr/share/doc/'
}
expected_files() {
	local extensions=/usr/share/postgresql/$major/extension
	printf '%s\n' /usr/bin/contact-{import,worker} /usr/share/man/man1/contact-{import,worker}.1.gz "/usr/lib/postgresql/$major/lib/contact_upsert.so" \
		"$extensions"/contact_upsert{,_proxy}{.control,"--$version.sql"}
	on server 'ls -d {,/usr}/lib/systemd/system/contact-worker@.service 2>/dev/null' | head -n 1
}
report "what they install is what is listed here" diff <(expected_files | sort) <(files | sed 's,^/usr/lib/systemd,/lib/systemd,' | sort)
report "README, the pages and the licence are in the packages" on server \
	"for package in postgresql-$major-contact-upsert contact-upsert-tools; do cd /usr/share/doc/\$package && test -s copyright && ls README.md* docs/api.md* docs/events.md*; done"
report "the manual pages say what the programs do" on server \
	"zcat /usr/share/man/man1/contact-worker.1.gz | grep -q 'hands the automation events' && zcat /usr/share/man/man1/contact-import.1.gz | grep -q 'loads a file'"
report "both programs run" on server 'contact-worker --version && contact-import --version'
# It has no address: machines have no network of their own, and another server may be at it.
step "a server with default settings starts" log server on server "pg_conftool $major main set listen_addresses '' && pg_ctlcluster $major main start"
report "CREATE EXTENSION and install()" as server postgres \
	"createdb app && psql --no-psqlrc --set ON_ERROR_STOP=1 --dbname app --command 'CREATE EXTENSION contact_upsert' --command 'SELECT contacts.install()'"
report "an upsert" upserts first
examples=/usr/share/doc/postgresql-$major-contact-upsert/examples
report "what HTTP needs is there, and can be run" as server postgres "test -s $examples/http/nginx.conf -a -s $examples/http/postgrest.conf &&
	psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --dbname app --file $examples/http/api.sql --command '\\df api.*' | grep upsert"
report "what monitoring needs, too" on server "cd $examples/monitoring && test -s alerts.yml -a -s dashboard.json -a -s exporter.yml"

# A session that is open while the package is upgraded keeps its library.
as server postgres "{ sleep 1; echo '\\i first.sql'; while [[ ! -e upgraded ]]; do sleep 0.2; done; echo '\\i first.sql'; } |
	psql --no-psqlrc --set ON_ERROR_STOP=1 --tuples-only --no-align --dbname app >session.log 2>&1; echo \$? >session.status" &
session=$!
as server postgres "echo \"SELECT contact_upsert('{\\\"email_address\\\": \\\"first@example.com\\\"}') #>> '{data,status}';\" >first.sql"
on server "cd packages && for package in $extension $tools; do
	dpkg-deb --raw-extract \$package /tmp/next && sed -i 's/^Version: .*/&.1/' /tmp/next/DEBIAN/control && dpkg-deb --build /tmp/next next_\$package && rm -r /tmp/next; done" >"$out/next.log"
sleep 2
report "a newer package is installed over it" log upgrade on server "apt-get install -y ./packages/next_$extension ./packages/next_$tools"
report "which says nothing of a removal" nothing "$(grep 'every call fails' "$out/upgrade.log" || true)"
as server postgres 'touch upgraded'
wait "$session"
# shellcheck disable=SC2016 # the machine expands it
report "a session that was open goes on" as server postgres 'cat session.log; test "$(cat session.status)" = 0 && test "$(grep -cx SUBSCRIBED session.log)" = 2'
report "a new session goes on" upserts second

report "the package is removed while the tables exist" log remove on server "apt-get remove -y postgresql-$major-contact-upsert"
report "which says what fails from now on, and the cure" says remove "every call fails .*could not access file .*apt-get install postgresql-$major-contact-upsert"
report "a call then fails with an error that names the file" eval \
	"! as server postgres $(printf %q "$(contact_of third)") >$out/call.log 2>&1 && says call 'could not access file .*libdir/contact_upsert'"
report "the contacts can be read all the same" counts 2
report "the package is installed again" log reinstall on server "apt-get install -y ./packages/$extension --allow-downgrades"
report "all contacts are there" counts 2
report "and calls go on" upserts third
report "the packages are purged" log purge on server "apt-get purge -y postgresql-$major-contact-upsert contact-upsert-tools"
report "no file of them is left" on server "! ls -d /usr/share/doc/*contact-upsert* /usr/bin/contact-* /usr/share/postgresql/$major/extension/contact_upsert* 2>/dev/null"
report "the package is installed once more" log again_installed on server "apt-get install -y ./packages/$extension"
report "after a purge, too, all contacts are there" counts 3
report "and calls go on" upserts fourth

# What Debian's own machinery runs
machine tests
mkdir "$machines/tests/srv/packages"
cp "$out"/*.deb "$machines/tests/srv/packages"
cp -R "$machines/build/srv/second/other/place/$source" "$machines/tests/srv/source"
step "autopkgtest installs" log autopkgtest_install on tests "apt-get update && apt-get install -y autopkgtest systemd"
report "autopkgtest: installcheck, demo" log autopkgtest on tests "autopkgtest --apt-upgrade ./packages/*contact-upsert*.deb ./source -- null"
for name in installcheck demo; do report "autopkgtest's $name passed" says autopkgtest "^$name  *PASS"; done
report "its installcheck ran all SQL and isolation tests on each server" ran_all autopkgtest "$servers"
report "with prepared transactions, which the build's servers had not" test \
	"$(cat "$out"/{build,autopkgtest}.log | grep -cE '^make installcheck: .* max_prepared_transactions = (0|10)$')" = $((2 * servers)) \
	-a "$(grep -c ' max_prepared_transactions = 10$' "$out/autopkgtest.log")" = "$servers"
report "its demo ran to the end on each server" test "$(grep -c '^The demo is over: ' "$out/autopkgtest.log")" = "$servers"
report "systemd finds nothing wrong with the worker's service" on tests "test -z \"\$(systemd-analyze verify --man=no contact-worker@mailer.service 2>&1 | tee /dev/stderr)\""
report "nothing is left running" nothing "$(on server "pg_ctlcluster $major main stop"; running)"
report_end
