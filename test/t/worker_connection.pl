# contact-worker and its connections: the server restarts under it, the listening connection is cut, a pooler is in front.

use strict;
use warnings;

use ContactWorker;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('main', 'restart_after_crash = on');
my $server = $node->connstr('postgres');
my $gate = $node->basedir . '/gate';

sub lag { return $node->safe_psql('postgres', q(SELECT pending, leased, dead FROM contacts.event_lag)) }

# The process id of the one backend that listens and is idle: no transaction is open in it.
my $listeners = q(SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND state = 'idle');

sub listener
{
	my ($not) = @_;
	my $pid = '';
	wait_until('it listens, with no transaction open', sub {
		$pid = $node->safe_psql('postgres', $listeners . ' AND pid <> ' . ($not // 0));
		return $pid =~ /^\d+$/;
	});
	return $pid;
}

# The bell alone can bring these events in time: the worker looks for events every ten minutes.
my @deaf = ('--poll', 600000);

sub delivered_by_bell
{
	my ($worker, $name) = @_;
	my ($event) = raise_events($node);
	wait_until($name, sub { slurp_file($worker->{out}) =~ /"event_id":"$event"/ });
	return;
}

# The listening connection is cut: it listens again, and looks for what it has missed.
my $worker = start_worker($server, @deaf);
my $pid = listener();
delivered_by_bell($worker, 'a bell is heard');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
my ($missed) = raise_events($node);
$pid = listener($pid);
wait_until('an event from the time when nobody listened is delivered', sub { slurp_file($worker->{out}) =~ /"event_id":"$missed"/ });
delivered_by_bell($worker, 'and a bell is heard again');
like(slurp_file($worker->{err}), qr/not listening, trying again in \d+ ms/, 'standard error says what happened');

# The server restarts, twice: gently, and at once.
for my $mode ('fast', 'immediate')
{
	$node->stop($mode);
	$node->start;
	listener();
	delivered_by_bell($worker, "after a restart of the server ($mode) a bell is heard");
}
like(slurp_file($worker->{err}), qr/trying again in \d+ ms/, 'standard error says what happened');
is(stop_worker($worker, 'TERM'), 0, 'TERM: exit status 0');
is(lag(), '0|0|0', 'nothing is left');

# The server restarts while a handler works: what was done is acknowledged all the same.
my ($handler, $seen) = write_handler($node, 'gated', "until (-e '$gate') { sleep 0.01 } answer('ok')");
my @events = raise_events($node, count => 3);
$worker = start_worker($server, '--lease', 600, '--timeout', 500, @$handler);
wait_until('the handler has an event', sub { lines_of($seen) == 1 });
$node->stop('immediate');
append_to_file($gate, '');
wait_until('it works on while the server is down', sub { lines_of($seen) == 3 });
$node->start;
wait_until('on the next connection everything is acknowledged', sub { lag() eq '0|0|0' });
is(stop_worker($worker, 'TERM'), 0, 'exit status 0');
is_deeply([ event_ids(lines_of($seen)) ], \@events, 'each event came once');

# TERM while the server is down
$worker = start_worker($server, @deaf);
listener();
$node->stop('fast');
wait_until('the worker notices', sub { slurp_file($worker->{err}) =~ /trying again/ });
is(stop_worker($worker, 'TERM'), 0, 'TERM while the server is down: exit status 0');
$node->start;

# A standby, a crowd: errors that pass are no reason to leave.
$node->safe_psql('postgres', 'ALTER SYSTEM SET default_transaction_read_only = on; SELECT pg_reload_conf()');
ok($node->poll_query_until('postgres', 'SHOW default_transaction_read_only', 'on'), 'the server refuses to write');
$worker = start_worker($server, '--poll', 50);
$node->safe_psql('postgres', q(SET default_transaction_read_only = off; ALTER SYSTEM RESET default_transaction_read_only));
my ($event) = raise_events($node, set => 'SET default_transaction_read_only = off;');
wait_until('the worker says so', sub { slurp_file($worker->{err}) =~ /read-only transaction/ });
$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
wait_until('and goes on when it may write', sub { slurp_file($worker->{out}) =~ /"event_id":"$event"/ });
is(stop_worker($worker, 'TERM'), 0, 'exit status 0');

SKIP:
{
	my ($pgbouncer) = grep { -x } map { "$_/pgbouncer" } split(/:/, $ENV{PATH}), '/usr/sbin', '/usr/local/sbin';
	skip 'pgbouncer is not installed', 1 unless $pgbouncer;

	for my $mode ('transaction', 'session')
	{
		my $dir = PostgreSQL::Test::Utils::tempdir_short();
		my $port = PostgreSQL::Test::Cluster::get_free_port();
		my $user = $node->safe_psql('postgres', 'SELECT current_user');
		append_to_file("$dir/users", qq("$user" ""\n));
		append_to_file("$dir/ini", sprintf(<<'END', $node->host, $node->port, $user, $dir, $port, $dir, $mode));
[databases]
postgres = host=%s port=%s user=%s
[pgbouncer]
listen_addr =
unix_socket_dir = %s
listen_port = %s
auth_type = any
auth_file = %s/users
pool_mode = %s
default_pool_size = 4
END
		my $log = "$dir/log";
		my $pooler = IPC::Run::start([ $pgbouncer, "$dir/ini" ], '<', '/dev/null', '>', $log, '2>&1', IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
		my $pooled = "host=$dir port=$port dbname=postgres";
		wait_until("pgbouncer pools in mode $mode", sub { system("psql -Xq -d '$pooled' -c '' >/dev/null 2>&1") == 0 });

		if ($mode eq 'session')
		{
			$worker = start_worker($pooled, @deaf);
			listener();
			delivered_by_bell($worker, 'sessions: a bell is heard');
			is(stop_worker($worker, 'TERM'), 0, 'exit status 0');
			is(slurp_file($worker->{err}), qq(contact-worker: listening on "contact_automation"\n), 'there is nothing to complain of');

			# The listening connection is slow, and gets as far as it can while a handler works: then it needs the work connection.
			my $slow = start_proxy($node);
			point_proxy($slow, $dir, $port);
			silence($slow);
			unlink $gate;
			raise_events($node);
			$worker = start_worker($pooled, '--listen-dbname', $slow->{connstr}, @deaf, @$handler);
			wait_until('a handler works', sub { lines_of($seen) == 4 });
			restore($slow);
			wait_until('meanwhile the listening connection waits for the work connection', sub {
				$node->safe_psql('postgres', q(SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%contact\_worker\_%' AND state = 'idle'
					AND pid <> pg_backend_pid())) eq '1';
			});
			sleep 1;
			append_to_file($gate, '');
			wait_until('and listens soon after', sub { slurp_file($worker->{err}) =~ /listening on "contact_automation"/ }, seconds => 60);
			is(stop_worker($worker, 'TERM'), 0, 'exit status 0');
		}
		else
		{
			$worker = start_worker($pooled, '--poll', 100);
			wait_until('transactions: it says that it hears nothing', sub { slurp_file($worker->{err}) =~ /goes through a transaction pooler and hears nothing; looking for events every 100 ms/ });
			delivered_by_bell($worker, 'but finds an event all the same') for 1 .. 3;
			is(stop_worker($worker, 'TERM'), 0, 'exit status 0');
			is(qx(psql -XAtq -d '$pooled' -c 'SELECT count(*) FROM pg_listening_channels()'), "0\n", 'the pooled connection is not left listening');

			$worker = start_worker($pooled, '--listen-dbname', $server, @deaf);
			listener();
			delivered_by_bell($worker, 'with a direct connection for LISTEN a bell is heard');
			is(stop_worker($worker, 'TERM'), 0, 'exit status 0');
			is(slurp_file($worker->{err}), qq(contact-worker: listening on "contact_automation"\n), 'there is nothing to complain of');
		}
		$pooler->signal('INT');
		$pooler->finish;
	}
}
is(lag(), '0|0|0', 'nothing is left');

done_testing();
