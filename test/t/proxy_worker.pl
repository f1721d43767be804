# contact-worker against a proxy: a consumer of all workspaces has the events of each partition, once each and in their order.

use strict;
use warnings;

use ContactProxy;
use ContactWorker;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

require_plproxy();

my @partitions = map { start_partition("partition_$_", number => $_, of => 2, conf => 'log_min_messages = warning') } 0, 1;
my $proxy = start_proxy_of('proxy', @partitions);
my $connection = connection_of($proxy);
sub sql { my ($sql) = @_; return $proxy->safe_psql('postgres', $sql); }
my @workspaces = map { sql("SELECT contacts.define_workspace('$_')") } 'a', 'c';
is(join(' ', map { $_ % 2 } @workspaces), '1 0', 'each partition has a workspace');
sql("SELECT contacts.define_field('value', 'Value', tracked => true, workspace_id => $_)") for @workspaces;

# Each contact's value goes from 0 to the last, an event each.
my $contacts = 10;
my $last = 0;
sub raise_values
{
	my ($times, @in) = @_;
	for my $value ($last .. $last + $times - 1)
	{
		sql(qq(SELECT count(contacts.upsert(jsonb_build_object('email_address', 'c' || i || '\@example.com', 'partial_update', true,
			'fields', jsonb_build_object('value', '$value')), $_)) FROM generate_series(1, $contacts) i)) for @in;
	}
	$last += $times;
	return;
}

sub waiting { return sql(q(SELECT coalesce(sum(pending + leased + dead), 0) FROM contacts.event_lag)); }

# Each contact's values in the order in which they came, by workspace.
sub values_of
{
	my (@lines) = @_;
	my %values;
	for (@lines)
	{
		/"workspace_id":"(\d+)".*"new": ?"(\d+)"/ or return "not a line: $_";
		my ($workspace, $value) = ($1, $2);
		/"contact_id":"(\w+)"/ and $values{$workspace}{$1} .= "$value ";
	}
	return join '; ', map { my $of = $values{$_}; "$_: " . join(',', map { $of->{$_} } sort keys %$of) } sort keys %values;
}

raise_values(1, @workspaces);
my $worker = start_worker($connection, '--workspace', 0, '--subscribe', '--poll', 100, '--batch', 7);
wait_until('it registers in both partitions', sub { sql(q(SELECT count(*) FROM contacts.consumer WHERE workspace_id = 0 AND name = 'mailer')) == 2 });
raise_values(5, @workspaces);
wait_until('it delivers all', sub { lines_of($worker->{out}) == 5 * $contacts * 2 });
wait_until('and acknowledges it', sub { waiting() == 0 });
my $expected = join '; ', map { "$_: " . join ',', ('1 2 3 4 5 ') x $contacts } sort @workspaces;
is(values_of(lines_of($worker->{out})), $expected, 'each once, and those of a contact in order');
my %ids;
$ids{$_}++ for event_ids(lines_of($worker->{out}));
is(scalar(keys %ids), 5 * $contacts * 2, 'no id comes from both partitions');

# One partition goes and comes back: the events of the other do not wait for it, and its own are not lost.
my ($one, $zero) = @workspaces;
raise_values(1, $one);
wait_until('it goes on', sub { lines_of($worker->{out}) == 11 * $contacts });
$partitions[1]->stop('immediate');
raise_values(2, $zero);
wait_until('with one partition down, it delivers the events of the other', sub { lines_of($worker->{out}) == 13 * $contacts });
$partitions[1]->start;
raise_values(1, $one);
wait_until('and when that is back, those of it', sub { lines_of($worker->{out}) == 14 * $contacts });
wait_until('none is left', sub { waiting() == 0 });
is(stop_worker($worker, 'TERM'), 0, 'exit status 0');
%ids = ();
$ids{$_}++ for event_ids(lines_of($worker->{out}));
is(scalar(keys %ids), 14 * $contacts, 'each event was delivered');

# Several workers at once, one consumer
raise_values(4, @workspaces);
my @workers = map { start_worker($connection, '--workspace', 0, '--once', '--batch', 5) } 1 .. 3;
is(join(' ', map { stop_worker($_) } @workers), '0 0 0', 'three workers that drain');
%ids = ();
$ids{$_}++ for map { event_ids(lines_of($_->{out})) } @workers;
is(scalar(keys %ids) . ' ' . (grep { $_ > 1 } values %ids), 8 * $contacts . ' 0', 'deliver each event once together');

# Failures, and a handler
my ($handler, $seen) = write_handler($proxy, 'handler', q(answer($line =~ /"new": ?"20"/ ? 'fail no' : 'ok')));
$last = 20;
raise_values(1, $zero);
raise_values(1, $one);
my ($status) = run_worker($connection, '--workspace', 0, '--once', @$handler);
is(sql(q(SELECT pending + leased, dead FROM contacts.event_lag)), "$contacts|0", 'a failure is noted in the partition of its event, and tried again');
is(sql(q(SELECT contacts.retry_dead('mailer', workspace_id => 0))), 0, 'none is dead');

# A consumer of one workspace
sql("SELECT contacts.subscribe('mailer', workspace_id => $zero)");
$last = 30;
raise_values(1, $zero);
my ($exit, $out) = run_worker($connection, '--workspace', $zero, '--once');
is($exit . ' ' . (() = $out =~ /"new": ?"30"/g), "0 $contacts", 'a consumer of one workspace');

# What a proxy does not do for it
my (undef, undef, $err) = run_worker($connection, '--workspace', 0, '--once', '--notify', 'contact_automation');
like($err, qr/contacts\.relay\(\) cannot be called through a proxy/, 'a relay runs in each partition');

$_->stop for $proxy, @partitions;
done_testing();
