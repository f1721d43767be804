#!/bin/bash
# Usage: setup.sh demo|bench|test|check|clients|check-pg|check-arch|coverage|dist|image|watch
# Installs the Debian packages that a target still lacks: demo builds and runs, bench adds what draws and counts, test adds what the
# suites want, check adds format and lint, clients adds drivers and ORMs, watch adds what builds a server and watches it, coverage
# what counts the lines that run; check-pg and check-arch make chroots, dist archives, image images.
# With nothing missing it does nothing and needs no rights. Otherwise it needs apt, and root or sudo; it fails with the names of the
# packages when it has not. Installing starts no service, now or at the next boot, and makes no cluster.
set -euo pipefail
cd "${BASH_SOURCE%/*}/.."

usage() {
	sed -n '2,3p' "$0" >&2
	exit 2
}

# The PostgreSQL to install, as Debian numbers it; "none" when PG_CONFIG is a PostgreSQL that Debian did not package.
postgresql_version() {
	local config path
	config=$(scripts/pg_config.sh 2>/dev/null || echo "${PG_CONFIG:-}")
	if [[ -f $("$config" --pgxs 2>/dev/null) ]]; then
		path=$("$config" --bindir)/
	else
		path=${PG_CONFIG:-$(printf '%s\n' /usr/lib/postgresql/*/bin/postgres | sort -V | tail -n 1)}
	fi
	if [[ $path =~ ^/usr/lib/postgresql/([0-9]+)/ ]]; then
		echo "${BASH_REMATCH[1]}"
	elif [[ -x ${path%/}/initdb ]]; then
		echo none
	else
		distribution_version || { update_lists && distribution_version; }
	fi
}

distribution_version() {
	apt-cache depends postgresql 2>/dev/null | sed -n 's/^ *Depends: postgresql-\([0-9]*\)$/\1/p' | grep .
}

update_lists() {
	"${as_root[@]}" apt-get -qq -o DPkg::Lock::Timeout=600 update >&2
}

# Prints those of its arguments that are not installed.
missing() {
	for package; do
		dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || echo "$package"
	done
}

# Services that come with packages of ours. (PostgreSQL's own starts clusters, and there is none.)
services=(nginx pgbouncer pgpool2 pgqd prometheus prometheus-postgres-exporter)

# As root: installs packages. Services stay down (policy-rc.d), at the next boot too unless they were there before, and
# postgresql-common makes no cluster "main".
install() {
	local new service
	new=$(missing "${services[@]}")
	install_packages "$@"
	for service in $new; do
		# The links that systemd and sysvinit go by; a service that did not come has none.
		deb-systemd-helper disable "$service.service" >/dev/null 2>&1 || true
		update-rc.d "$service" disable >/dev/null 2>&1 || true
	done
}

install_packages() {
	local policy=/usr/sbin/policy-rc.d cluster=/etc/postgresql-common/createcluster.d log
	log=$(mktemp)
	made=("$log")
	trap 'rm -f "${made[@]}"' EXIT
	if [[ ! -e $policy ]]; then
		made+=("$policy")
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod +x "$policy"
	fi
	made+=("$cluster/contact_upsert.conf")
	mkdir -p "$cluster"
	echo 'create_main_cluster = false' >"$cluster/contact_upsert.conf"

	export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
	# A fresh machine is often busy with upgrades of its own: wait for them.
	local apt=(apt-get -y -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=600 --no-install-recommends)
	"${apt[@]}" install "$@" >"$log" 2>&1 || { "${apt[@]}" update && "${apt[@]}" install "$@"; } >"$log" 2>&1 || {
		cat "$log" >&2
		return 1
	}
}

if [[ ${1:-} == install ]]; then
	install "${@:2}"
	exit
fi

as_root=()
((EUID == 0)) || as_root=(sudo)

packages=() optional=()
case ${1:-} in
	demo | bench | test | check | clients | coverage | watch) packages+=(build-essential libcsv-dev libpq-dev) ;;&
	bench) packages+=(gnuplot-nox valgrind) ;;
	test | check | clients | coverage | watch)
		packages+=(clang curl iso-codes jq git libdbd-pg-perl libgtest-dev libipc-run-perl libpqxx-dev nginx nlohmann-json3-dev openssl pgbouncer
			python3-asyncpg python3-jsonschema python3-psycopg python3-psycopg2 python3-yaml unicode-data unzip)
		optional+=(libclang-rt-dev pgpool2 prometheus prometheus-postgres-exporter)
		# A Node.js that is not Debian's brings its npm.
		if ! { command -v node && command -v npm; } >/dev/null; then packages+=(nodejs npm); fi
		;;&
	check) packages+=(clang-format clang-tidy shellcheck) ;;
	clients)
		optional+=(alembic cargo default-jdk-headless golang-github-jackc-pgx-v4-dev golang-go libhikaricp-java libpostgresql-jdbc-java
			librust-serde-json-dev librust-tokio-dev librust-tokio-postgres-dev libslf4j-java php-cli php-doctrine-dbal
			php-illuminate-database php-pgsql python3-django python3-sqlalchemy ruby-activerecord ruby-pg rustc)
		;;
	coverage) packages+=(lcov) ;;
	watch) packages+=(libicu-dev pkg-config valgrind) ;;
	check-pg) packages+=(mmdebstrap) ;;
	check-arch) packages+=(arch-test dpkg-dev mmdebstrap) ;;
	dist) packages+=(git jq unzip) ;;
	image) packages+=(buildah git jq mmdebstrap) ;;
	demo | test) ;;
	*) usage ;;
esac

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
	echo "This is not a Debian system. Install what these packages are called here, and a PostgreSQL server with its" \
		"headers: ${packages[*]}. Then \"make && make install && make installcheck\" works." >&2
	exit 1
fi
if [[ $1 != check-pg && $1 != check-arch && $1 != dist && $1 != image ]]; then
	version=$(postgresql_version) || { echo "apt knows no package postgresql: name a pg_config with PG_CONFIG=..." >&2; exit 1; }
	if [[ $version != none ]]; then
		packages+=("postgresql-$version" "postgresql-server-dev-$version")
		if [[ $1 == test || $1 == check || $1 == coverage ]]; then optional+=("postgresql-$version-pgaudit" "postgresql-$version-pgq3" "postgresql-$version-plproxy"); fi
	fi
fi

mapfile -t wanted < <(missing "${packages[@]}")
for package in $(missing "${optional[@]}"); do
	# Not every release of Debian has it; the tests that want it skip themselves.
	if apt-cache show "$package" >/dev/null 2>&1; then wanted+=("$package"); fi
done
if ((${#wanted[@]} == 0)); then exit; fi

if ((EUID != 0)) && ! command -v sudo >/dev/null; then
	echo "These Debian packages are missing, and only root can install them: ${wanted[*]}" >&2
	exit 1
fi
echo "Installing Debian packages: ${wanted[*]}"
"${as_root[@]}" bash "$PWD/scripts/setup.sh" install "${wanted[@]}" || {
	echo "Could not install these packages, for the reason above: ${wanted[*]}. Is there a network, and may you use sudo?" >&2
	exit 1
}
