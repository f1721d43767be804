#!/bin/bash
# Installs what "make" has built where PG_CONFIG says, for the tests and the demo: first into build/stage as the user who
# called, then by a plain copy, with sudo when that user may not write there. So make never runs as root, and a checkout
# never holds root's files. Copies nothing when the same files are already installed. Fails when neither way is open.
set -euo pipefail
cd "${BASH_SOURCE%/*}/.."
pg_config=$(scripts/pg_config.sh)

# Suites of check.sh that run side by side all come here.
exec 9>build/install.lock
flock 9

umask 022
rm -rf build/stage
make --no-print-directory --silent install DESTDIR="$PWD/build/stage" >/dev/null

same=yes
while IFS= read -r -d '' file; do
	cmp -s "build/stage$file" "$file" || same=no
done < <(cd build/stage && find . -type f -printf '/%P\0')
if [[ $same == yes ]]; then exit; fi

as_root=()
for dir in "$("$pg_config" --pkglibdir)" "$("$pg_config" --sharedir)/extension" "$("$pg_config" --bindir)"; do
	if [[ ! -w $dir ]]; then
		as_root=(sudo)
		command -v sudo >/dev/null || { echo "Cannot write to $dir: run \"make install\" as root." >&2; exit 1; }
	fi
done
# --remove-destination: a server that has the old library open keeps it whole.
"${as_root[@]}" cp -R --remove-destination --no-preserve=ownership build/stage/. /
