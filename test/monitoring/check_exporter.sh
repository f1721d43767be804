#!/bin/bash
# Tests monitoring/: prometheus-postgres-exporter, as a role that has contacts.grant_monitoring() alone, shows what exporter.yml says of
# consumers and imports that are in a known state; alerts and dashboard ask for metrics and labels that it shows, in expressions that
# Prometheus can read; and the alerts fire when they should. Wants PGHOST and the like for a server on which the extension is installed. Prints TAP.
set -euo pipefail
cd "${BASH_SOURCE%/*}/../.."
# shellcheck source=../../scripts/tap_report.sh
. scripts/tap_report.sh

if ! command -v prometheus-postgres-exporter >/dev/null || ! command -v promtool >/dev/null; then
	report_skip "monitoring" "prometheus and prometheus-postgres-exporter are not installed"
	report_end
fi

export PGDATABASE=contact_upsert_monitoring
dir=$(mktemp -d)
exporters=()
finish() {
	kill "${exporters[@]}" 2>/dev/null || true
	dropdb --force --if-exists "$PGDATABASE"
	psql -qX -d postgres -c 'SET client_min_messages = warning' -c 'DROP ROLE IF EXISTS contact_upsert_watcher, contact_upsert_nobody'
	rm -rf "$dir"
}
trap finish EXIT

createdb "$PGDATABASE"
psql -qXo /dev/null -v ON_ERROR_STOP=1 -f test/monitoring/state.sql

free_port() {
	perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport'
}

# PORT: what the exporter there shows
metrics() {
	exec 3<>"/dev/tcp/127.0.0.1/$1" || return
	printf 'GET /metrics HTTP/1.0\r\n\r\n' >&3
	cat <&3
	exec 3>&-
}

# ROLE: starts an exporter for it, and keeps what it shows
scrape() {
	local port try
	port=$(free_port)
	DATA_SOURCE_NAME="host=$PGHOST port=${PGPORT:-5432} user=$1 dbname=$PGDATABASE sslmode=disable" prometheus-postgres-exporter \
		--web.listen-address="127.0.0.1:$port" --extend.query-path=monitoring/exporter.yml --disable-settings-metrics \
		--disable-default-metrics >"$dir/$1.log" 2>&1 &
	exporters+=($!)
	for ((try = 0; try < 100; try++)); do
		if metrics "$port" >"$dir/$1" 2>/dev/null; then return; fi
		sleep 0.1
	done
	cat "$dir/$1.log" >&2
	return 1
}
scrape contact_upsert_watcher
scrape contact_upsert_nobody

# ROLE: its metrics of contact_upsert, but for those that are a time
shown() {
	grep '^contact_upsert' "$dir/$1" | sed 's/server="[^"]*",//' | grep -v _seconds
}
report "what the exporter shows" diff -u test/monitoring/metrics.txt <(shown contact_upsert_watcher)

# METRIC LABELS: its value is more than 3,600 and less than 3,700 seconds: as state.sql has it
an_hour() {
	local value
	value=$(grep -F "$1{" "$dir/contact_upsert_watcher" | grep -F "$2" | sed 's/.*} //')
	awk -v value="$value" 'BEGIN { exit !(value >= 3600 && value < 3700) }' || { echo "$1 $2: $value"; return 1; }
}
report "the age of an event" an_hour contact_upsert_consumer_oldest_age_seconds 'consumer="mailer"'
report "the time that an import has stood still" an_hour contact_upsert_import_idle_seconds 'import_id="2"'

report "a role without grant_monitoring is shown nothing" nothing "$(shown contact_upsert_nobody)"
report "and the exporter says so" grep -x 'pg_exporter_last_scrape_error 1' "$dir/contact_upsert_nobody"
report "and does not otherwise" grep -x 'pg_exporter_last_scrape_error 0' "$dir/contact_upsert_watcher"

# FILE: the metrics that it names and the exporter does not show
unknown() {
	grep -oE '\b(contact_upsert|pg_exporter)_[a-z_]+' "$1" | sort -u >"$dir/named"
	[[ -s $dir/named ]] || echo "no metric in $1"
	comm -23 "$dir/named" <(grep -oE '^[a-z_]+' "$dir/contact_upsert_watcher" | sort -u)
}
report "alerts.yml names metrics that there are" nothing "$(unknown monitoring/alerts.yml)"
report "dashboard.json names metrics that there are" nothing "$(unknown monitoring/dashboard.json)"
report "docs/monitoring.md names metrics that there are" nothing "$(unknown docs/monitoring.md)"
report "docs/monitoring.md names each metric" nothing "$(grep -oE '^contact_upsert_[a-z_]+' "$dir/contact_upsert_watcher" | sort -u |
	while read -r metric; do grep -qw -- "$metric" docs/monitoring.md || echo "$metric"; done)"

# shellcheck disable=SC2016 # Perl
report "dashboard.json is JSON, and each panel has an expression" perl -MJSON::PP -0777 -e '
	my $panels = decode_json(<>)->{panels};
	die "no panels" unless @$panels;
	for my $panel (@$panels) { die "$panel->{title}" unless @{ $panel->{targets} } && !grep { !$_->{expr} } @{ $panel->{targets} } }' \
	monitoring/dashboard.json
report "alerts.yml is a file of rules" promtool check rules monitoring/alerts.yml
report "the alerts fire when they should" promtool test rules test/monitoring/alerts_test.yml
tested() {
	sed -n 's/.*alertname: \([A-Za-z]*\).*/\1/p' test/monitoring/alerts_test.yml | sort -u
}
report "each is tested, and on the page" diff <(sed -n 's/.*- alert: //p' monitoring/alerts.yml | sort) <(tested)
# shellcheck disable=SC2016 # Markdown
report "and each on the page is there" diff <(sed -n 's/^| `\(Contact[A-Za-z]*\)`.*/\1/p' docs/monitoring.md | sort) <(tested)

/usr/bin/python3 test/monitoring/expressions.py rules >"$dir/dashboard.rules"
report "Prometheus can read each expression of the dashboard" promtool check rules "$dir/dashboard.rules"
report "each of them is looked at" test "$(grep -c '"expr"' "$dir/dashboard.rules")" -gt 11
report "dashboard.json and alerts.yml name labels that there are" nothing \
	"$(/usr/bin/python3 test/monitoring/expressions.py labels "$dir/contact_upsert_watcher")"
report "the dashboard shows the alerts" grep -q 'ALERTS{alertname=~\\"Contact' monitoring/dashboard.json

# The page's configuration of Prometheus, with alerts.yml beside it
awk '/^```yaml/ { found = 1; next } found && /^```/ { exit } found' docs/monitoring.md >"$dir/prometheus.yml"
cp monitoring/alerts.yml "$dir"
report "docs/monitoring.md configures Prometheus" promtool check config "$dir/prometheus.yml"
report "its job is the one that the alerts ask for" grep -q "job_name: $(grep -oE 'job="[a-z_]+"' monitoring/alerts.yml | sort -u | cut -d'"' -f2)$" "$dir/prometheus.yml"
report_end
