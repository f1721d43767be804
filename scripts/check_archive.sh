#!/bin/bash
# What others make of the archive of a release, from the last commit, on clean machines (chroots of this release of Debian):
# PGXN's client installs it and checks it on a server with default settings; rpmbuild makes the RPM of
# packaging/contact_upsert.spec. There is no RPM distribution here: Debian's rpmbuild builds with Debian's PostgreSQL, behind a pg_config
# that answers as that of PostgreSQL's yum repository does. The names of packages in BuildRequires and Requires are not checked.
# Needs root and the network. Reports in TAP.
set -euo pipefail
cd "${BASH_SOURCE%/*}/.."
# shellcheck source=tap_report.sh
. scripts/tap_report.sh
# shellcheck source=machines.sh
. scripts/machines.sh

# shellcheck source=/dev/null
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
version=$(sed -n "s/^default_version *= *'\(.*\)'/\1/p" contact_upsert.control)
archive=contact_upsert-$version.zip
logs_in build/archive
machines_begin "$release" build-essential

step "make dist" scripts/dist.sh

machine pgxn
cp "build/$archive" "$machines/pgxn/srv"
step "PGXN's client installs" log pgxn_client on pgxn "apt-get update && apt-get install -y libcsv-dev libpq-dev pgxnclient postgresql postgresql-server-dev-all unzip"
major=$(on pgxn 'ls /usr/lib/postgresql')
bin=/usr/lib/postgresql/$major/bin
on pgxn "unzip -q $archive -d contents"
report "META.json of the archive names its files" on pgxn "cd contents/*/ && for file in \$(grep -E '\"(doc)?file\"' META.json | cut -d'\"' -f4); do test -s \$file || { echo \$file; exit 1; }; done"
step "pgxn install" log pgxn_install on pgxn "pgxn install --nosudo --pg_config $bin/pg_config --yes ./$archive"
# It has no address: machines have no network of their own, and another server may be at it.
step "a server with default settings starts" log server on pgxn "pg_conftool $major main set listen_addresses '' && pg_ctlcluster $major main start &&
	setpriv --reuid postgres --regid postgres --init-groups createuser --superuser root"
# 5432, unless another server was there when the package was installed.
port=$(on pgxn "pg_lsclusters --no-header | awk '{ print \$3 }'")
report "pgxn check, on a server with default settings" log pgxn_check on pgxn "PGPORT=$port pgxn check --pg_config $bin/pg_config ./$archive"
report "it ran all SQL and isolation tests" ran_all pgxn_check

machine rpm
cp "build/$archive" packaging/contact_upsert.spec "$machines/rpm/srv"
step "rpmbuild installs" log rpm_tools on rpm "apt-get update && apt-get install -y cpio libcsv-dev libpq-dev postgresql-server-dev-$major rpm rpmlint unzip"
# PGDG's layout, in the mouth of this machine's pg_config
prefix=/usr/pgsql-$major
mkdir -p "$machines/rpm$prefix/bin"
cat >"$machines/rpm$prefix/bin/pg_config" <<-SCRIPT
	#!/bin/sh
	case \$1 in
		--bindir) echo $prefix/bin ;;
		--pkglibdir) echo $prefix/lib ;;
		--sharedir) echo $prefix/share ;;
		--docdir) echo $prefix/doc ;;
		*) exec $bin/pg_config "\$@" ;;
	esac
SCRIPT
chmod +x "$machines/rpm$prefix/bin/pg_config"
macros="--define 'pgmajorversion $major' --define '_unitdir /usr/lib/systemd/system' --define '_sourcedir /srv' --define '_topdir %{getenv:HOME}/rpm'"
macros+=" --define 'optflags -O2 -g -Wp,-D_FORTIFY_SOURCE=2'"
report "the spec can be read" as rpm builder "rpmspec --parse $macros /srv/contact_upsert.spec"
report "rpmlint finds no error in the spec" log rpmlint as rpm builder "rpmlint /srv/contact_upsert.spec"
step "rpmbuild builds" log rpmbuild as rpm builder "rpmbuild -bb --noclean --nodeps $macros /srv/contact_upsert.spec"
report "no compiler warned" nothing "$(grep -E '(warning|error):' "$out/rpmbuild.log" | head -n 20 || true)"
files_of() {
	as rpm builder "rpm --query --list --package rpm/RPMS/*/$1-$version-*.rpm" | grep -vE '^/usr/share/(doc|licenses)/|/\.build-id'
}
report "the extension's package has what it should" diff <(printf "$prefix/%s\n" lib/contact_upsert.so share/extension/contact_upsert{,_proxy}{.control,"--$version.sql"} | sort) \
	<(files_of "contact_upsert_$major" | sort)
report "the programs' package has what it should" diff <(printf '%s\n' "$prefix"/bin/contact-{import,worker} "/usr/lib/systemd/system/contact-worker-$major@.service" | sort) \
	<(files_of "contact_upsert_tools_$major" | sort)
# shellcheck disable=SC2016 # the machine expands it
as rpm builder 'mkdir unpacked && cd unpacked && for package in ../rpm/RPMS/*/*.rpm; do rpm2cpio $package | cpio --quiet -idm; done'
report "every file is compiled with optflags" nothing "$(grep -E ' -c -o ' "$out/rpmbuild.log" | grep -v -- '-Wp,-D_FORTIFY_SOURCE=2' || true)"
report "those of the core and the programs among them" test "$(grep -E ' -c -o ' "$out/rpmbuild.log" | grep -cE 'build/(core|worker|import)/')" -gt 30
report "calls of contact-import are those of FORTIFY" as rpm builder "readelf --dyn-syms --wide unpacked$prefix/bin/contact-import | grep '_chk@'"
report "the service calls the program where it is" as rpm builder "grep -q '^ExecStart=$prefix/bin/contact-worker ' unpacked/usr/lib/systemd/system/*@.service"
report "the packages bring README, the pages and the licence" as rpm builder 'rpm --query --list --package rpm/RPMS/*/*.rpm | grep -cE "/(README.md|LICENSE|docs/api.md)$" | grep -x 4'
report "and what HTTP and monitoring need" as rpm builder 'rpm --query --list --package rpm/RPMS/*/*.rpm | grep -cE "/(http/(api.sql|nginx.conf|postgrest.conf)|monitoring/(alerts.yml|dashboard.json|exporter.yml))$" | grep -x 6'

# An administrator's life with them, on this machine, whose rpm wants to be told that it may.
rpms=$(as rpm builder 'realpath rpm/RPMS')
step "rpm installs both" log rpm_install on rpm "rpm --install --force-debian --nodeps $rpms/*/*.rpm"
report "and finds all of their files as they should be" on rpm "rpm --verify --nodeps contact_upsert_$major contact_upsert_tools_$major"
report "both programs run" on rpm "$prefix/bin/contact-worker --version && $prefix/bin/contact-import --version"
step "rpmbuild makes a newer release" log rpmbuild_next as rpm builder "rpmbuild -bb --noprep --nodeps --define 'dist .next' $macros /srv/contact_upsert.spec"
report "it is installed over the first" log rpm_upgrade on rpm "rpm --upgrade --force-debian --nodeps $rpms/*/*.next.*.rpm && rpm --query --all | grep -c '\.next\.' | grep -x 2"
report "which says nothing of a removal" nothing "$(grep 'every call fails' "$out/rpm_upgrade.log" || true)"
report "the extension's package is removed" log rpm_remove on rpm "rpm --erase --force-debian contact_upsert_$major"
report "which says what fails from now on, and the cure" says rpm_remove \
	"every call fails from now on: could not access file \"[$]libdir/contact_upsert\"\. To bring it back, install contact_upsert_$major again\."
report "the programs are removed, and have nothing to say" nothing "$(on rpm "rpm --erase --force-debian contact_upsert_tools_$major" 2>&1)"
report "no file of them is left" nothing "$(find "$machines/rpm"/{usr,etc,opt,var/lib} \( -name '*contact_upsert*' -o -name 'contact-*' \) ! -path '*/rpm/*' 2>/dev/null)"
report "nothing is left running" nothing "$(on pgxn "pg_ctlcluster $major main stop"; running)"
report_end
