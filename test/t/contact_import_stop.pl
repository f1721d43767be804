# contact-import that is stopped, killed or cut off at each stage: the same command goes on, and each row is loaded exactly once.

use strict;
use warnings;

use ContactImport;
use IO::Socket::INET;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);

my $node = start_server('main');
my $rows = 2000;
my $lines = join '', map { "c$_\@example.com,N$_\n" } 1 .. $rows;

# Slow enough to be stopped in the middle: a trigger of the user's.
$node->safe_psql('postgres', q(
	CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.001); RETURN new; END $$;
	CREATE TRIGGER slow BEFORE INSERT ON contacts.contact FOR EACH ROW EXECUTE FUNCTION slow();
));

sub is_loaded_once
{
	my ($name) = @_;
	is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT email_address), max(version) FROM contacts.contact'), "$rows|$rows|1", "$name: each row is loaded exactly once");
	is(staging_tables($node), 0, "$name: no table is left");
	$node->safe_psql('postgres', 'DELETE FROM contacts.contact');
	return;
}

sub some_are_loaded
{
	my ($file) = @_;
	return wait_for($node, q(SELECT count(*) > 200 FROM contacts.contact), 'some rows are loaded');
}

# Stops the program (SIGSTOP) where its system call, in /proc/PID/syscall, matches: -1 is none, the program computes. Where a
# system does not tell, anywhere.
sub stop_program
{
	my ($run, $where) = @_;
	my $pid = $run->{run}{KIDS}[0]{PID};
	for my $try (1 .. 1000)
	{
		kill 'STOP', $pid;
		sleep 0.001 until slurp_file("/proc/$pid/stat") =~ /\) T /;
		my $call = eval { slurp_file("/proc/$pid/syscall") };
		return if !defined $call || $call =~ $where;
		kill 'CONT', $pid;
		sleep 0.0005 * ($try % 7);
	}
	die "the program was never where it was to be stopped: $where";
}

# In the middle of the import.
for (
	[ 'INT', 6, qr/Stopped: [\d,]+ of 2,000 rows are done\. The same command goes on with the rest\./ ],
	[ 'TERM', 6, qr/The same command goes on with the rest\./ ],
	[ 'KILL', 'signal 9', qr/^$/ ])
{
	my ($signal, $expected, $message) = @$_;
	my @command = ('--yes', '--chunk', 100, write_file("$signal.csv", "email,First Name\n$lines"));
	my $run = start_import({}, @command);
	some_are_loaded();
	$run->{run}->signal($signal);
	is(wait_import($run), $expected, "$signal: exit status");
	like($run->{err}, $message, "$signal: what it says");
	wait_for($node, q(SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'CALL %' AND state = 'active' AND pid <> pg_backend_pid())), 'the server is done with it');
	my $done = $node->safe_psql('postgres', 'SELECT count(*) FROM contacts.contact');
	cmp_ok($done, '<', $rows, "$signal: not all is loaded");
	is($done % 100, 0, "$signal: whole chunks are");
	is(staging_tables($node), 1, "$signal: the staging table is kept");
	my $made = $node->safe_psql('postgres', q(SELECT oid FROM pg_class WHERE relname LIKE 'contact\_import\_%' AND relkind = 'r'));
	my $again = start_import({}, @command);
	wait_for($node, "SELECT count(*) > $done FROM contacts.contact", "$signal: the same command goes on");
	is($node->safe_psql('postgres', q(SELECT oid FROM pg_class WHERE relname LIKE 'contact\_import\_%' AND relkind = 'r')), $made, "$signal: without copying the file again");
	is(wait_import($again), 0, "$signal: to the end");
	is_loaded_once($signal);
}

# The file, or how it is read, is another when it goes on.
my $file = write_file('changed.csv', "email,First Name\n$lines");
my $run = start_import({}, '--yes', '--chunk', 100, $file);
some_are_loaded();
$run->{run}->signal('INT');
wait_import($run);
my ($status, undef, $err) = run_import('--yes', '--chunk', 100, '--column', 'First Name=last_name', $file);
is($status, 4, 'other columns than it began with: exit status 4');
like($err, qr/was interrupted with [\d,]+ of 2,000 rows done, and since then the file, or how it is read, has changed\..*--restart/s, 'says what can be done');
my $bytes = slurp_file($file);
append_to_file($file, "x\@example.com,X\n");
is((run_import('--yes', '--chunk', 100, $file))[0], 4, 'a file that has grown: exit status 4');
truncate $file, length $bytes or die "truncate: $!";
($status, undef, $err) = run_import('--yes', '--chunk', 100, '--mode', 'fill', $file);
is($status, 4, 'another mode: exit status 4');
like($err, qr/mode/, 'and which');
is((run_import('--yes', '--chunk', 100, $file))[0], 0, 'the same file and options: to the end');
is_loaded_once('changed');

# While the server counts and nothing is loaded yet: in the dry run, in COPY.
my $long = write_file('long.csv', "email,First Name\n" . $lines x 200);
$run = start_import({}, '--dry-run', $long);
wait_for($node, q(SELECT EXISTS (SELECT FROM contacts.import_progress WHERE state = 'running' AND done > 0)), 'a dry run is under way');
$run->{run}->signal('INT');
is(wait_import($run), 6, 'INT in a dry run: exit status 6');
like($run->{err}, qr/Stopped\. Nothing was loaded\./, 'says so');
is(staging_tables($node), 0, 'and leaves no table');
$run = start_import({}, '--yes', write_file('longer.csv', "email,First Name\n" . $lines x 1000));
wait_for($node, q(SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'COPY %' AND state = 'active')), 'COPY is under way');
$run->{run}->signal('INT');
is(wait_import($run), 6, 'INT in COPY: exit status 6');
is(staging_tables($node), 0, 'and leaves no table');
$run = start_import({}, '--yes', write_file('silent.csv', "email,First Name\n" . $lines x 1000));
wait_for($node, q(SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'COPY %' AND state = 'active')), 'COPY is under way');
my $silent = $node->safe_psql('postgres', q(SELECT pid FROM pg_stat_activity WHERE query LIKE 'COPY %' AND state = 'active'));
kill 'STOP', $silent;
sleep 0.5; # more than the socket's buffers take is on its way
$run->{run}->signal('INT');
is(wait_import($run), 6, 'INT while the server takes no more of a COPY: exit status 6');
like($run->{err}, qr/Stopped\. Nothing was loaded\./, 'says so');
kill 'CONT', $silent;
wait_for($node, "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $silent)", 'the server notices');
is(staging_tables($node), 0, 'and leaves no table');
# The server ends the connection while the program waits for it, and while it computes: then it notices when it sends the next piece.
for my $where (qr/^(?!-1 |running)/, qr/^-1 /)
{
	$run = start_import({}, '--yes', write_file('ended.csv', "email,First Name\n" . $lines x 1000));
	wait_for($node, q(SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'COPY %' AND state = 'active')), 'COPY is under way');
	stop_program($run, $where);
	is($node->safe_psql('postgres', q(SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE query LIKE 'COPY %' AND state = 'active')),
		't', 'the server ends the connection');
	$run->{run}->signal('CONT');
	is(wait_import($run), 5, 'in a COPY: exit status 5');
	like($run->{err}, qr/terminating connection due to administrator command/, 'says why');
	is(staging_tables($node), 0, 'and leaves no table');
}
my $growing = write_file('growing.csv', "email,First Name\n" . $lines x 1000);
$run = start_import({}, '--yes', $growing);
wait_for($node, q(SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'COPY %' AND state = 'active')), 'COPY is under way');
append_to_file($growing, "x\@example.com,X\n");
is(wait_import($run), 1, 'a file that grows while it is read: exit status 1');
like($run->{err}, qr/growing\.csv has changed while it was read\. Run the command again when the file is complete\./, 'says so');
is(staging_tables($node), 0, 'and leaves no table');
is(contacts($node), '', 'nothing is loaded');

my $shrinking = write_file('shrinking.csv', "email,First Name\n" . $lines x 1000);
$run = start_import({}, '--yes', $shrinking);
wait_for($node, q(SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'COPY %' AND state = 'active')), 'COPY is under way');
truncate $shrinking, 100 or die "truncate: $!";
is(wait_import($run), 1, 'a file that becomes shorter while it is read: exit status 1');
like($run->{err}, qr/shrinking\.csv has changed while it was read\./, 'says so');
is(staging_tables($node), 0, 'and leaves no table');

# A pipe that nobody writes to.
my $pipe = PostgreSQL::Test::Utils::tempdir() . '/pipe';
POSIX::mkfifo($pipe, 0600) or die "mkfifo: $!";
$run = start_import({}, '--yes', $pipe);
# It is the program by now, it catches INT, and has had the time to come to the pipe.
my $process = '/proc/' . $run->{run}{KIDS}[0]{PID};
for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
{
	last if slurp_file("$process/comm") =~ /^contact-import$/ && slurp_file("$process/status") =~ /^SigCgt:.*[2367abef]$/m;
	sleep 0.1;
}
sleep 0.5;
$run->{run}->signal('INT');
is(wait_import($run), 6, 'INT while it waits for a pipe: exit status 6');

# The connection is lost, then the server.
my @command = ('--yes', '--chunk', 100, write_file('lost.csv', "email,First Name\n$lines"));
$run = start_import({}, @command);
some_are_loaded();
$node->safe_psql('postgres', q(SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CALL contacts.import%' AND pid <> pg_backend_pid()));
is(wait_import($run), 5, 'the connection is lost: exit status 5');
like($run->{err}, qr/terminating connection.*The same command goes on when the server is there again\./s, 'says what and what to do');
$run = start_import({}, @command);
wait_for($node, q(SELECT count(*) > 1000 FROM contacts.contact), 'it goes on');
$node->stop('immediate');
is(wait_import($run), 5, 'the server crashes: exit status 5');
is((run_import(@command))[0], 5, 'the server is not there: exit status 5');
$node->start;
is((run_import(@command))[0], 0, 'it goes on, though the crash has emptied the staging table');
is_loaded_once('lost');

# The connection that shows how far it is: a role that may have one alone loads the file all the same.
$node->safe_psql('postgres', q(CREATE ROLE alone LOGIN CONNECTION LIMIT 1; SELECT contacts.grant_access('alone', workspace_id => 1);
	CREATE SCHEMA alone AUTHORIZATION alone));
($status, undef, $err) = run_import({ dbname => $node->connstr('postgres') . ' user=alone' }, '--yes', '--schema', 'alone', '--chunk', 100,
	write_file('alone.csv', "email,First Name\n$lines"));
is($status, 0, 'without a second connection: to the end');
is($err, '', 'and there is nothing to complain of');
is_loaded_once('alone');

# A server that takes the connection and says nothing.
my $mute = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', Timeout => $PostgreSQL::Test::Utils::timeout_default) or die "listen: $!";
my $muted = 'host=127.0.0.1 dbname=postgres port=' . $mute->sockport;
my @unconnected = ('--yes', write_file('unconnected.csv', "email,First Name\nann\@example.com,Ann\n"));
($status, undef, $err) = run_import({ dbname => "$muted connect_timeout=1" }, @unconnected);
is($status, 5, 'a server that says nothing: exit status 5');
like($err, qr/failed: no answer in time\ncontact-import: The same command goes on when the server is there again\./, 'says what, and what to do');
$run = start_import({ dbname => "$muted connect_timeout=600" }, @unconnected);
my @connections = map { $mute->accept } 1 .. 2;
ok($connections[1], 'the program connects');
$run->{run}->signal('INT');
is(wait_import($run), 6, 'INT while it connects: exit status 6');
like($run->{err}, qr/^contact-import: stopped while connecting$/m, 'says so');

# An error that no row is to blame for, as a full disk is.
$node->safe_psql('postgres', q(
	CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'could not extend file' USING ERRCODE = 'disk_full', HINT = 'Check free disk space.'; END $$;
	CREATE TRIGGER fail BEFORE INSERT ON contacts.contact FOR EACH ROW WHEN (new.email_address = 'c150@example.com') EXECUTE FUNCTION fail();
));
@command = ('--yes', '--chunk', 100, write_file('full.csv', "email,First Name\n$lines"));
($status, undef, $err) = run_import(@command);
is($status, 4, 'a disk is full: exit status 4');
like($err, qr/could not extend file\nHINT:  Check free disk space\.\n100 of 2,000 rows are done\. The same command goes on with the rest when that is mended\./, 'says what, and how far it came');
$node->safe_psql('postgres', 'DROP TRIGGER fail ON contacts.contact');
is((run_import(@command))[0], 0, 'the same command goes on');
is_loaded_once('full');

# A statement that does not end when it is cancelled: this is said, and not what a connection in that state says of another one. So it is
# with an undo.
my (undef, $told) = run_import('--yes', write_file('kept.csv', "email,First Name\nkept\@example.com,Kept\n"));
my ($id) = $told =~ /contact-import --undo (\d+)/ or die $told;
$node->safe_psql('postgres', q(
	CREATE FUNCTION stay() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM set_config('application_name', 'stays', false);
		LOOP
			BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN query_canceled THEN NULL; END;
		END LOOP;
	END $$;
	CREATE TRIGGER stay BEFORE INSERT OR DELETE ON contacts.contact FOR EACH ROW EXECUTE FUNCTION stay();
));
my @stay = (start_import({}, '--yes', write_file('stay.csv', "email,First Name\nann\@example.com,Ann\n")), start_import({}, '--yes', '--undo', $id));
wait_for($node, q(SELECT count(*) = 2 FROM pg_stat_activity WHERE application_name = 'stays' AND wait_event = 'PgSleep'), 'two statements are under way');
$_->{run}->signal('INT') for @stay;
for my $stays (@stay)
{
	is(wait_import($stays), 6, 'a statement that does not end: exit status 6');
	like($stays->{err}, qr/^contact-import: The server does not end the statement\.$/m, 'says so');
}
$node->safe_psql('postgres', q(SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'stays'));
wait_for($node, q(SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'CALL %' AND state = 'active' AND pid <> pg_backend_pid())), 'the server is done with it');
$node->safe_psql('postgres', q(DROP TRIGGER stay ON contacts.contact; DELETE FROM contacts.contact;
	SELECT format('DROP TABLE %s', c.oid::regclass) FROM pg_class c WHERE relname LIKE 'contact\_import\_stay%' AND relkind = 'r' \gexec));

# Two at once.
@command = ('--yes', '--chunk', 100, write_file('both.csv', "email,First Name\n$lines"));
$run = start_import({}, @command);
some_are_loaded();
($status, undef, $err) = run_import(@command);
is($status, 4, 'a second one for the same file: exit status 4');
like($err, qr/Another session is importing/, 'says that there is a first');
is(wait_import($run), 0, 'the first goes on');
is_loaded_once('both');

# Undoing: stopped, and cut off, in its second chunk of 1,000 contacts, where a trigger of the user's waits.
$node->safe_psql('postgres', q(DROP TRIGGER slow ON contacts.contact));
(undef, $told) = run_import('--yes', write_file('undo.csv', "email,First Name\n$lines"));
($id) = $told =~ /contact-import --undo (\d+)/ or die $told;
my $undoing = q(SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'CALL contacts.undo_import%' AND wait_event = 'PgSleep'));
$node->safe_psql('postgres', q(
	CREATE FUNCTION wait_at_second() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF (SELECT max(deleted) > 0 FROM contacts.import_progress) THEN PERFORM pg_sleep(600); END IF;
		RETURN old;
	END $$;
	CREATE TRIGGER wait_at_second BEFORE DELETE ON contacts.contact FOR EACH ROW EXECUTE FUNCTION wait_at_second();
));
for (
	[ sub { $run->{run}->signal('INT') }, 6, qr/^contact-import: Stopped\. The same command goes on\.$/m ],
	[ sub { $node->safe_psql('postgres', q(SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE query LIKE 'CALL contacts.undo_import%')) },
		5, qr/terminating connection.*The same command goes on when the server is there again\./s ])
{
	my ($end, $expected, $message) = @$_;
	$run = start_import({}, '--yes', '--undo', $id);
	wait_for($node, $undoing, 'an undo is under way');
	$end->();
	is(wait_import($run), $expected, "exit status $expected");
	like($run->{err}, $message, 'says what, and what to do');
	is($node->safe_psql('postgres', 'SELECT count(*) FROM contacts.contact'), $rows - 1000, 'what was undone is kept, a whole chunk');
}
$node->safe_psql('postgres', q(DROP TRIGGER wait_at_second ON contacts.contact));
($status, my $undone) = run_import('--yes', '--undo', $id);
is($status, 0, 'the same command goes on');
like($undone, qr/is undone: 0 restored, 2000 deleted, 0 kept\./, 'to the end');
is(contacts($node), '', 'nothing of the import is left');

# Full disks: of the reject file, and a limit in place of one.
my $bad = write_file('bad.csv', "email,First Name\nann\@example.com,Ann\nbad,Bad\n");
($status, undef, $err) = run_import('--yes', '--reject', '/dev/full', $bad);
is($status, 1, 'no room for the bad rows: exit status 1');
like($err, qr/cannot write \/dev\/full: No space left on device/, 'says so');
my $reject = PostgreSQL::Test::Utils::tempdir() . '/bad_rows.csv';
($status) = run_import('--yes', '--reject', $reject, $bad);
is($status, 3, 'the same command with another file');
is((() = slurp_file($reject) =~ /^bad,Bad,/mg), 1, 'writes them, and loads nothing again');
is($node->safe_psql('postgres', 'SELECT count(*), max(version) FROM contacts.contact'), '1|1', 'the good row is loaded once');

done_testing();
