# shellcheck shell=bash
# Sourced by tests that want packages of npm.
#   npm_install FROM TO   installs what package-lock.json of the directory FROM says into the directory TO

# Asks the registry only where the packages of an earlier run are not those of the lock. A registry that cannot be reached is an
# error after four minutes at most. Tests that run side by side come here one after the other.
npm_install() {
	mkdir -p "$2"
	exec {npm_lock}>"$2/lock"
	flock "$npm_lock"
	local status=0
	install_locked "$@" || status=$?
	exec {npm_lock}>&-
	return "$status"
}

install_locked() {
	cp "$1"/package*.json "$2"
	cmp -s "$2"/package-lock.json "$2"/node_modules/.installed && return
	(cd "$2" && exec timeout --kill-after=5 240 npm ci --no-audit --no-fund --ignore-scripts --fetch-retries=3 \
		--fetch-retry-mintimeout=2000 --fetch-retry-maxtimeout=10000 --fetch-timeout=30000) \
		>"$2/npm.txt" 2>&1 || {
		tail -n 20 "$2/npm.txt" >&2
		echo "npm could not install the packages of $1/package-lock.json ($(grep -m 1 '^npm error' "$2/npm.txt" || tail -n 1 "$2/npm.txt"))." \
			"It needs its registry." >&2
		return 1
	}
	cp "$2"/package-lock.json "$2"/node_modules/.installed
}
