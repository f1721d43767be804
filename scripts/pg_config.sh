#!/bin/bash
# Prints the pg_config of the PostgreSQL to build for: $PG_CONFIG, else the first on PATH, else the newest that Debian's
# packages have installed. Fails when there is none.
set -euo pipefail

newest=$(printf '%s\n' /usr/lib/postgresql/*/bin/pg_config | sort -V | tail -n 1)
command -v "${PG_CONFIG:-pg_config}" || { [[ -z ${PG_CONFIG:-} ]] && command -v "$newest"; }
