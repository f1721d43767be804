# contact-worker when nobody answers: connections that are open and silent, a server that is stopped, a full standard error.
# It notices, connects anew, loses nothing, and obeys TERM all the while.

use strict;
use warnings;

use ContactWorker;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('main');
my $server = $node->connstr('postgres');
my $proxy = start_proxy($node);

sub lag { return $node->safe_psql('postgres', q(SELECT pending, leased, dead FROM contacts.event_lag)) }

sub has_all
{
	my ($worker, @events) = @_;
	my %got = map { $_ => 1 } event_ids(lines_of($worker->{out}));
	return !grep { !$got{$_} } @events;
}

# The backend of the work connection; the second, when it has heard nothing for a while, though the worker looks every 50 ms.
my $working = q(SELECT pid FROM pg_stat_activity WHERE query LIKE '%FROM contacts.claim%' AND pid <> pg_backend_pid());
my $silent = $working . q( AND state = 'idle' AND state_change < now() - interval '500 ms');

# Whether a process has come as far as to handle TERM; a socket may be its parent's.
sub catches_term
{
	my ($caught) = slurp_file("/proc/$_[0]/status") =~ /^SigCgt:\s*[0-9a-f]*([0-9a-f]{8})$/m;
	return hex($caught) & 1 << 14;
}

# In the middle of a statement
my $worker = start_worker("$proxy->{connstr} connect_timeout=1", '--lease', 3, '--poll', 50);
wait_until('it listens', sub { listeners($node) == 1 });
my @events = raise_events($node, count => 5);
wait_until('and delivers', sub { has_all($worker, @events) });
silence($proxy);
push @events, raise_events($node, count => 5);
wait_until('silence: it notices', sub { slurp_file($worker->{err}) =~ /the server does not answer\n/ });
wait_until('and tries to connect', sub { slurp_file($worker->{err}) =~ /failed: no answer in time/ });
push @events, raise_events($node, count => 5);
restore($proxy);
wait_until('afterwards it delivers everything', sub { has_all($worker, @events) });
wait_until('and it is acknowledged', sub { lag() eq '0|0|0' });
like(slurp_file($worker->{err}), qr/listening on "contact_automation".*not listening.*listening again on "contact_automation"/s, 'the log says when it listens');
is(stop_worker($worker, 'TERM'), 0, 'TERM: exit status 0');

# TERM in the middle of a statement
$worker = start_worker($proxy->{connstr}, '--lease', 600, '--poll', 50);
wait_until('it works', sub { $node->safe_psql('postgres', $working) });
silence($proxy);
wait_until('a statement is on its way for ever', sub { $node->safe_psql('postgres', $silent) });
is(stop_worker_fast($worker, 'TERM', 'TERM during a statement is obeyed'), 0, 'exit status 0');

# TERM while connecting
$worker = start_worker($proxy->{connstr});
my $pid = pid_of($worker);
wait_until('it connects for ever', sub { catches_term($pid) && grep { (readlink $_ // '') =~ /socket/ } glob "/proc/$pid/fd/*" });
is(stop_worker_fast($worker, 'TERM', 'TERM while it connects is obeyed'), 0, 'exit status 0');

# --once
my ($status, undef, $err) = run_worker("$proxy->{connstr} connect_timeout=1", '--once');
is($status, 3, '--once with a silent server: exit status 3');
like($err, qr/connection to server at "127.0.0.1", port \d+ failed: no answer in time/, 'standard error says why');

# Of several servers the first is silent.
@events = raise_events($node);
my ($port) = $proxy->{connstr} =~ /port=(\d+)/;
(my $several = $server) =~ s/port=\S+ host=\S+/'host=127.0.0.1,' . $node->host . " port=$port," . $node->port . ' connect_timeout=1'/e;
($status, my $out) = run_worker($several, '--once');
is($status, 0, 'a silent server among several: the next one is taken');
is_deeply([ event_ids(split /\n/, $out) ], \@events, 'and worked with');
restore($proxy);

# A handler works meanwhile; what it has done is acknowledged when the server is there again.
my $gate = $node->basedir . '/gate';
my ($handler, $seen) = write_handler($node, 'gated', "until (-e '$gate') { sleep 0.01 } answer('ok')");
@events = raise_events($node, count => 3);
$worker = start_worker("$proxy->{connstr} connect_timeout=1", '--lease', 9, @$handler);
wait_until('a handler has an event', sub { lines_of($seen) == 1 });
silence($proxy);
append_to_file($gate, '');
wait_until('the worker notices that its report is not answered', sub { slurp_file($worker->{err}) =~ /failed: no answer in time/ });
restore($proxy);
wait_until('everything is acknowledged afterwards', sub { lag() eq '0|0|0' });
is(stop_worker($worker, 'TERM'), 0, 'exit status 0');
is_deeply([ event_ids(lines_of($seen)) ], \@events, 'each event came once');

# TERM while a handler works and the server is silent: the event in hand is finished.
unlink $gate;
@events = raise_events($node);
($handler, $seen) = write_handler($node, 'gated again', "until (-e '$gate') { sleep 0.01 } answer('ok')");
$worker = start_worker($proxy->{connstr}, '--lease', 600, @$handler);
wait_until('a handler has an event', sub { lines_of($seen) == 1 });
silence($proxy);
append_to_file($gate, '');
is(stop_worker_fast($worker, 'TERM', 'TERM with a report that nobody hears is obeyed'), 0, 'exit status 0');
restore($proxy);
$node->safe_psql('postgres', 'TRUNCATE contacts.delivery');

# The backend is stopped, not the network.
$worker = start_worker($server, '--lease', 3, '--poll', 50);
my $backend;
wait_until('it works', sub { $backend = $node->safe_psql('postgres', $working) });
kill 'STOP', $backend;
@events = raise_events($node, count => 5);
wait_until('a stopped backend: the worker works with another', sub { has_all($worker, @events) });
kill 'CONT', $backend;
push @events, raise_events($node, count => 5);
wait_until('and when it goes on, nothing is lost', sub { has_all($worker, @events) && lag() eq '0|0|0' });
is(stop_worker($worker, 'TERM'), 0, 'exit status 0');

# The server is there, but a statement waits for a lock: it is cancelled, so that no second one waits behind it.
my ($in, $locked) = ('', '');
my $locker = IPC::Run::start([ 'psql', '-XAtq', '-d', $server ], '<', \$in, '>', \$locked, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
$in .= "BEGIN; LOCK TABLE contacts.delivery;\n\\echo locked\n";
$locker->pump until $locked =~ /locked/;
$worker = start_worker($server, '--lease', 3, '--poll', 50);
wait_until('a statement that takes too long is cancelled', sub { (() = slurp_file($worker->{err}) =~ /a statement was cancelled after 1000 ms/g) > 2 });
cmp_ok($node->safe_psql('postgres', "SELECT count(*) FROM ($working AND state = 'active') w"), '<', 2, 'and none is left behind');
is(stop_worker_fast($worker, 'TERM', 'TERM while a statement waits is obeyed'), 0, 'exit status 0');
ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM ($working) w"), 'and its statement is cancelled');
$in .= "COMMIT;\n\\q\n";
$locker->finish;

# The bell alone is silent: work goes on, and the bell is made anew.
$worker = start_worker($server, '--listen-dbname', "$proxy->{connstr} connect_timeout=1", '--lease', 3, '--poll', 100);
wait_until('it listens', sub { listeners($node) == 1 });
silence($proxy);
wait_until('a silent bell is noticed', sub { slurp_file($worker->{err}) =~ /not listening, trying again in \d+ ms: the server does not answer/ });
for (1 .. 5)
{
	my ($event) = raise_events($node);
	wait_until('nothing waits for it', sub { has_all($worker, $event) }, seconds => 5);
}
is(stop_worker_fast($worker, 'TERM', 'TERM is obeyed'), 0, 'exit status 0');
restore($proxy);

# A network that is gone without a word is noticed by keepalives, within seconds.
$worker = start_worker($proxy->{connstr}, '--poll', 600000);
wait_until('it listens', sub { listeners($node) == 1 });
$pid = pid_of($worker);
my %socket = map { (readlink $_ // '') =~ /^socket:\[(\d+)\]/ ? ($1 => 1) : () } glob "/proc/$pid/fd/*";
# columns: the timer that runs (2: keepalive; another one while something is on its way), and when it ends, in hundredths of a second
my @timers;
wait_until('keepalive is on, after at most 10 s', sub {
	@timers = map { /^\s*\d+: \S+ \S+ \S+ \S+ (\d\d):([0-9A-F]+) \S+\s+\d+\s+\d+ (\d+) / && $socket{$3} ? [ $1, hex $2 ] : () } lines_of('/proc/net/tcp');
	return 2 == grep { $_->[0] == 2 && $_->[1] <= 1000 } @timers;
});
is(scalar(@timers), 2, 'on both connections');
is(stop_worker($worker, 'TERM'), 0, 'exit status 0');

# Standard error is full, and nobody reads it.
pipe my $reader, my $writer or die;
$writer->blocking(0);
1 while syswrite $writer, 'x' x 4096;
my $files = PostgreSQL::Test::Utils::tempdir();
$pid = fork // die;
if ($pid == 0)
{
	open STDOUT, '>', "$files/out";
	open STDERR, '>&', $writer;
	$writer->blocking(1);
	exec 'contact-worker', '--dbname', $server, '--consumer', 'mailer', '--poll', 50;
}
wait_until('a full standard error: it listens', sub { listeners($node) == 1 });
$node->safe_psql('postgres', 'SELECT pg_terminate_backend(' . (listeners($node))[0] . ')');
@events = raise_events($node, count => 3);
wait_until('has lost its bell, cannot say so, and goes on', sub { has_all({ out => "$files/out" }, @events) }, seconds => 30);
kill 'TERM', $pid;
waitpid $pid, 0;
is($?, 0, 'exit status 0');

# A second signal, whichever it is, does not wait for the event in hand.
for my $signals ([ 'TERM', 'TERM', 15 ], [ 'TERM', 'INT', 2 ], [ 'INT', 'TERM', 15 ])
{
	my ($first, $second, $number) = @$signals;
	unlink $gate;
	raise_events($node);
	($handler, $seen) = write_handler($node, "held $first $second", "until (-e '$gate') { sleep 0.01 } answer('ok')");
	$worker = start_worker($server, '--lease', 600, '--timeout', 500, @$handler);
	wait_until('a handler has an event', sub { lines_of($seen) == 1 });
	$pid = pid_of($worker);
	kill $first, $pid;
	# Signals that it catches, in bits: TERM is 15, INT 2
	wait_until("it has heard $first", sub { slurp_file("/proc/$pid/status") =~ /^SigCgt:\s+([0-9a-f]+)/m && !(hex($1) & (1 << 14 | 1 << 1)) });
	is(stop_worker_fast($worker, $second, "a second signal, $second, ends it at once"), "signal $number", 'by that signal');
	append_to_file($gate, '');
	$node->safe_psql('postgres', 'TRUNCATE contacts.delivery');
}

done_testing();
