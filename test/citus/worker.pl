# contact-worker at the coordinator: the consumers of workspaces on different servers, once each and in order, on the bell; a worker that is
# killed, one behind it, and a server of Citus that goes and comes back.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use ContactCitus;
use ContactWorker qw(start_worker run_worker stop_worker wait_until lines_of event_ids write_handler listeners);
use PostgreSQL::Test::Utils;
use Test::More;

my ($coordinator, @servers) = start_cluster(2);
$coordinator->safe_psql('postgres', <<'SQL');
CREATE ROLE member LOGIN;
CREATE EXTENSION contact_upsert;
SELECT contacts.install();
SELECT contacts.define_workspace('w' || n) FROM generate_series(2, 8) n;
SELECT contacts.define_field('value', 'Value', tracked => true, workspace_id => n) FROM generate_series(1, 8) n;
SELECT contacts.distribute(8);
SELECT contacts.grant_access('member', n) FROM generate_series(1, 8) n;
SQL
sub sql { my ($sql) = @_; return $coordinator->safe_psql('postgres', $sql) }
my %port = map { split /\|/ } split /\n/, sql(q(SELECT n, s.nodeport FROM generate_series(1, 8) n
	JOIN citus_shards s ON s.table_name = 'contacts.contact'::regclass AND s.shardid = get_shard_id_for_distribution_column('contacts.contact', n)));
my $first = 1;
my ($second) = grep { $port{$_} != $port{$first} } sort keys %port;
ok($second, "workspaces $first and $second are on different servers");
my ($server) = grep { $_->port == $port{$second} } @servers;
my $connection = $coordinator->connstr('postgres');
my $as_member = "$connection user=member";

# Each contact's value goes from 1 to the last, an event each.
my $contacts = 10;
my %last = ($first => 0, $second => 0);
sub raise_values
{
	my ($times, @in) = @_;
	for my $workspace (@in)
	{
		sql(qq(SELECT count(contacts.upsert(jsonb_build_object('email_address', 'c' || i || '\@example.com', 'partial_update', true,
			'fields', jsonb_build_object('value', '$_')), $workspace)) FROM generate_series(1, $contacts) i)) for $last{$workspace} + 1 .. $last{$workspace} + $times;
		$last{$workspace} += $times;
	}
	return;
}

# How many events wait in a workspace
sub waiting { my ($workspace) = @_; return sql("SELECT coalesce(sum(pending + leased + dead), 0) FROM contacts.event_lag WHERE workspace_id = $workspace") }

# Each contact's values in the order in which they came
sub values_of
{
	my %values;
	for (@_)
	{
		my ($value) = /"new": ?"(\d+)"/ or return "not a line: $_";
		/"contact_id":"(\w+)"/ and $values{$1} .= "$value ";
	}
	return join ',', map { $values{$_} } sort keys %values;
}

sub all_values { my ($from, $to) = @_; return join ',', (join(' ', $from .. $to) . ' ') x $contacts }

# The bell alone can bring the events in time: the workers look for events once a day.
raise_values(1, $first, $second);
my %worker = map { $_ => start_worker($connection, '--workspace', $_, '--subscribe', '--poll', 86_400_000, '--batch', 7) } $first, $second;
wait_until('both listen', sub { listeners($coordinator) == 2 });
wait_until('and are registered', sub { sql(q(SELECT count(*) FROM contacts.consumer WHERE name = 'mailer')) == 2 });
raise_values(5, $first, $second);
for my $workspace ($first, $second)
{
	wait_until("workspace $workspace: all events come", sub { lines_of($worker{$workspace}{out}) >= 5 * $contacts });
	wait_until('and are acknowledged', sub { waiting($workspace) == 0 });
	is(values_of(lines_of($worker{$workspace}{out})), all_values(2, 6), 'each once, and those of a contact in their order');
}

# A server of Citus goes and comes back
$server->stop('immediate');
raise_values(1, $first);
wait_until('with one server down, the events of the other come', sub { lines_of($worker{$first}{out}) >= 6 * $contacts });
$server->start;
raise_values(2, $second);
is(stop_worker($worker{$first}, 'TERM'), 0, 'exit status 0');
is(stop_worker($worker{$second}, 'TERM'), 0, 'exit status 0, also of the one whose server was down');
$worker{$second} = start_worker($as_member, '--workspace', $second, '--poll', 100);
wait_until('and when it is back its own', sub { waiting($second) == 0 });
is(stop_worker($worker{$second}, 'TERM'), 0, 'to a worker that is a member');
# What it did with the lost server was its own: a worker that polls goes on by itself.
$worker{$second} = start_worker($as_member, '--workspace', $second, '--poll', 100);
raise_values(1, $second);
wait_until('a worker that polls', sub { waiting($second) == 0 });
my $so_far = lines_of($worker{$second}{out});
$server->stop('immediate');
wait_until('says what is wrong', sub { slurp_file($worker{$second}{err}) =~ /remote node|terminating|connection/ });
$server->start;
raise_values(2, $second);
wait_until('goes on when the server is back', sub { waiting($second) == 0 });
is(stop_worker($worker{$second}, 'TERM'), 0, 'and ends as ever');
is(scalar(lines_of($worker{$second}{out})), $so_far + 2 * $contacts, 'having delivered each event once');

# Killed in the middle: what it had comes again when its lease has run out, and nothing is lost.
# Behind the first events it is so slow that it has not done them all, however late the kill is.
my ($handler, $seen) = write_handler($coordinator, 'slow', 'sleep($. > 20 ? 10 : 0.05); answer("ok");');
raise_values(6, $second);
my $killed = start_worker($as_member, '--workspace', $second, '--lease', 2, '--batch', 20, '--poll', 100, @$handler);
wait_until('a handler has seen some events', sub { lines_of($seen) > 10 });
is(stop_worker($killed, 'KILL'), 'signal 9', 'a worker is killed');
cmp_ok(waiting($second), '>', 0, 'with events left');
my ($next_handler, $next_seen) = write_handler($coordinator, 'next', 'answer("ok");');
my $next = start_worker($as_member, '--workspace', $second, '--poll', 100, @$next_handler);
wait_until('another one takes them', sub { waiting($second) == 0 });
is(stop_worker($next, 'TERM'), 0, 'and ends');
my %ids;
$ids{$_}++ for event_ids(lines_of($seen), lines_of($next_seen));
is(scalar(keys %ids), 6 * $contacts, 'each event was handled');

# Several at once, and a handler that fails
raise_values(4, $second);
my @together = map { start_worker($as_member, '--workspace', $second, '--once', '--batch', 5) } 1 .. 3;
is(join(' ', map { stop_worker($_) } @together), '0 0 0', 'three workers that drain');
%ids = ();
$ids{$_}++ for map { event_ids(lines_of($_->{out})) } @together;
is(scalar(keys %ids) . ' ' . (grep { $_ > 1 } values %ids), 4 * $contacts . ' 0', 'deliver each event once together');
my ($failing) = write_handler($coordinator, 'failing', 'answer("fail no paper");');
raise_values(1, $second);
my ($status) = run_worker($as_member, '--workspace', $second, '--once', @$failing);
is(sql("SELECT DISTINCT attempts, last_error FROM contacts.delivery WHERE workspace_id = $second"), '1|no paper', 'a failure is noted');

# What is refused
my (undef, undef, $err) = run_worker($connection, '--workspace', 0, '--once');
like($err, qr/No call can be for every workspace/, 'a consumer of every workspace');

done_testing();
