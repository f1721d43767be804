#!/bin/bash
# Tests packaging/docker/compose.yaml, where no Docker is: its services, profiles and mounts are what the page and its own comments say, and
# what they name is in the Dockerfile, in server.sh and in the programs. Reports in TAP.
set -euo pipefail
cd "${BASH_SOURCE%/*}/../.."
# shellcheck source=../../scripts/tap_report.sh
. scripts/tap_report.sh

if ! /usr/bin/python3 -c 'import yaml' 2>/dev/null; then
	report_skip "compose.yaml" "python3-yaml is not installed"
	report_end
fi
# harness.py is there.
exec env PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=test/http /usr/bin/python3 test/build/compose_test.py
