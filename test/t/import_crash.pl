# contacts.import() loads every row exactly once, however often and however hard it is interrupted, and shows how far it is.

use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $addresses = 4000;
my $bad = 40;
my $total = 2 * $addresses + $bad;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "restart_after_crash = on\nautovacuum = off");
$node->start;

# Each address comes twice, with another value: a row that is loaded twice makes a version too many, or is counted unchanged.
$node->safe_psql('postgres', qq(
	CREATE EXTENSION contact_upsert;
	SELECT contacts.install();
	SELECT contacts.define_field('step', 'Step', tracked => true);
	CREATE TABLE staging AS
		SELECT 'c' || i % $addresses || '\@example.com' AS email_address, 'step ' || i / $addresses AS step,
			'UNCONFIRMED' AS status
		FROM generate_series(0, 2 * $addresses - 1) i
		UNION ALL SELECT 'bad ' || i, 'x', NULL FROM generate_series(1, $bad) i;
	-- slow enough to be caught in the middle
	CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN PERFORM pg_sleep(0.01); RETURN NULL; END \$\$;
	CREATE TRIGGER dawdle AFTER UPDATE ON contacts.import_progress EXECUTE FUNCTION dawdle();
));

sub psql_with
{
	my ($script) = @_;
	my %psql = (in => $script, out => '', err => '');
	$psql{run} = IPC::Run::start([ 'psql', '-X', '-A', '-t', '-q', '-d', $node->connstr('postgres') ],
		'<', \$psql{in}, '>', \$psql{out}, '2>', \$psql{err}, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	$psql{run}->pump_nb if $script ne '';
	return \%psql;
}

sub query { return $node->safe_psql('postgres', $_[0]) }

sub wait_for
{
	my ($condition, $name) = @_;
	$node->poll_query_until('postgres', $condition) or die "timed out: $name";
}

# Everything that a chunk did, or nothing of it.
my $consistent = q(
	SELECT p.done = p.created + p.updated + p.unchanged + p.failed
		AND p.created = (SELECT count(*) FROM contacts.contact)
		AND p.updated = (SELECT coalesce(sum(version - 1), 0) FROM contacts.contact)
		AND p.created + p.updated = (SELECT count(*) FROM contacts.event)
		AND p.failed = (SELECT count(DISTINCT row_number) FROM contacts.import_error)
		AND p.total - p.done = (SELECT coalesce(sum(cardinality(rows)), 0) FROM contacts.import_chunk)
	FROM contacts.import_progress p);

my %accidents = (
	'a cancelled statement' => sub { query("SELECT pg_cancel_backend($_[0])") },
	'a terminated backend' => sub { query("SELECT pg_terminate_backend($_[0])") },
	'a backend killed with SIGKILL' => sub { kill 'KILL', $_[0] },
	'an immediate stop' => sub { $node->stop('immediate'); $node->start },
);
my $done = 0;
for my $round (1 .. 2)
{
	for my $accident (sort keys %accidents)
	{
		my $import = psql_with("CALL contacts.import('staging', chunk => 10);\n");
		my $goal = $done + 100 + int(rand(300));
		wait_for("SELECT count(*) = 1 FROM contacts.import_progress WHERE done >= $goal", 'progress');
		my $seen = query('SELECT done FROM contacts.import_progress');
		cmp_ok($seen, '<', $total, "round $round: another session sees that $seen rows are done");
		$accidents{$accident}->(query('SELECT backend_pid FROM contacts.import_progress'));
		eval { $import->{run}->finish };
		like($import->{err}, qr/canceling|terminating|closed|connection|shut/, "$accident ends it");
		wait_for('SELECT true', 'a server that answers');
		is(query($consistent), 't', "after $accident there are whole chunks, counted");
		$done = query('SELECT done FROM contacts.import_progress');
	}
}

query('DROP TRIGGER dawdle ON contacts.import_progress');
my ($status, $out, $err) = $node->psql('postgres', q(CALL contacts.import('staging');));
is($status, 0, 'the last call comes to the end');
like($err, qr/goes on: \d+ of $total rows are done\./, 'says where it goes on');
like($err, qr/$total rows, $addresses created, $addresses updated, 0 unchanged, $bad failed; 0 values cleared, 0 tags removed, 0 statuses changed\./, 'and what became of the rows');
is(query('SELECT state, done, created, updated, unchanged, failed, rate > 0, finished_at > started_at FROM contacts.import_progress'),
	"finished|$total|$addresses|$addresses|0|$bad|t|t", 'so does the progress');
is(query('SELECT count(*), min(version), max(version), count(DISTINCT data) FROM contacts.contact'), "$addresses|2|2|1",
	'every row was loaded exactly once, in order');
is(query('SELECT count(*), count(DISTINCT row_number), min(row_number), max(row_number) FROM contacts.import_error'),
	"$bad|$bad|" . (2 * $addresses + 1) . "|$total", 'every bad row is kept once, by its number');
is(query('SELECT count(*) FROM contacts.import_chunk'), '0', 'nothing is left to do');
($status, $out, $err) = $node->psql('postgres', q(CALL contacts.import('staging');));
like($err, qr/Nothing to do: import 1 .* but for $bad that failed\./, 'and another call does nothing, and says what failed');
is(query($consistent), 't', 'really nothing');

# The bad rows again, after what was wrong with half of them is mended: each is tried once, whenever that is interrupted.
query(q(
	CREATE TABLE mended AS SELECT 'm' || i || '@example.com' AS email, CASE WHEN i % 2 = 0 THEN 'yes' ELSE 'no' END AS choice FROM generate_series(1, 2000) i;
	SELECT contacts.define_field('choice', 'Choice', 'DROPDOWN_SINGLE', ARRAY['a', 'b']);
));
($status, $out, $err) = $node->psql('postgres', q(CALL contacts.import('mended');));
like($err, qr/2000 rows, 0 created, 0 updated, 0 unchanged, 2000 failed/, 'an import of which all rows fail');
query(q(SELECT contacts.define_field('choice', options => ARRAY['a', 'yes'])));
query('CREATE TRIGGER dawdle AFTER UPDATE ON contacts.import_progress EXECUTE FUNCTION dawdle()');
my $mended = 0;
my $call = q(CALL contacts.import('mended', chunk => 10, retry => true););
for my $accident (sort keys %accidents)
{
	my $import = psql_with("$call\n");
	my $goal = $mended + 30 + int(rand(100));
	wait_for("SELECT created >= $goal FROM contacts.import_progress WHERE staging_table = 'public.mended'", 'progress');
	$accidents{$accident}->(query(q(SELECT backend_pid FROM contacts.import_progress WHERE staging_table = 'public.mended')));
	eval { $import->{run}->finish };
	wait_for('SELECT true', 'a server that answers');
	is(query(q(SELECT p.total - p.done = (SELECT coalesce(sum(cardinality(rows)), 0) FROM contacts.import_chunk c WHERE c.import_id = p.import_id)
		AND p.failed = (SELECT count(*) FROM contacts.import_error e WHERE e.import_id = p.import_id)
		AND p.created = (SELECT count(*) FROM contacts.contact WHERE email_address ~ '^m\d')
		FROM contacts.import_progress p WHERE staging_table = 'public.mended')), 't', "after $accident each row is loaded, waits or has failed");
	$mended = query(q(SELECT created FROM contacts.import_progress WHERE staging_table = 'public.mended'));
	$call = q(CALL contacts.import('mended', chunk => 10););
}
query('DROP TRIGGER dawdle ON contacts.import_progress');
($status, $out, $err) = $node->psql('postgres', q(CALL contacts.import('mended');));
like($err, qr/2000 rows, 1000 created, 0 updated, 0 unchanged, 1000 failed/, 'and at the end all have been tried');
is(query(q(SELECT count(*), min(row_number), max(row_number) FROM contacts.import_error e JOIN contacts.import_progress p USING (import_id) WHERE staging_table = 'public.mended')),
	'1000|1|1999', 'those that are still bad have their numbers');
is(query(q(SELECT count(*), max(version) FROM contacts.contact WHERE email_address ~ '^m\d')), '1000|1', 'and those that are good are loaded once');

# Two at once: while the first reads the table, and while it loads a chunk.
query('CREATE TABLE contested AS SELECT email_address, $$contested$$ AS step FROM staging LIMIT 100');
my $locker = psql_with('');
$locker->{in} .= "BEGIN; LOCK TABLE contested; SELECT 'locked';\n";
$locker->{run}->pump until $locker->{out} =~ /locked/;
my $first = psql_with("CALL contacts.import('contested', chunk => 10);\n");
wait_for(q(SELECT count(*) = 1 FROM pg_locks WHERE NOT granted), 'the first waits for the table');
($status, $out, $err) = $node->psql('postgres', q(CALL contacts.import('contested');));
like($err, qr/ERROR:  Another session is importing public\.contested\./, 'a second call is refused while the first reads the table');
$locker->{in} .= "ROLLBACK; BEGIN; SELECT 'held' FROM contacts.contact WHERE email_address = 'c55\@example.com' FOR UPDATE;\n";
$locker->{run}->pump until $locker->{out} =~ /held/;
wait_for(q(SELECT count(*) = 1 FROM pg_locks WHERE NOT granted), 'the first waits for a contact');
($status, $out, $err) = $node->psql('postgres', q(CALL contacts.import('contested', restart => true);));
like($err, qr/ERROR:  Another session is importing public\.contested\./, 'and while it loads a chunk');
is(query(q(SELECT state, done FROM contacts.import_progress WHERE staging_table = 'public.contested')), 'running|50',
	'whose chunks before are there');
$locker->{in} .= "ROLLBACK;\n\\q\n";
$locker->{run}->finish;
$first->{run}->finish;
like($first->{err}, qr/100 rows, 0 created, 100 updated, 0 unchanged, 0 failed/, 'the first comes to its end');
is(query(q(SELECT count(*) FROM contacts.contact WHERE data ->> 'step' = 'contested')), '100', 'all of it is there');

# An error that is no row's own ends the import; it says at which row, which stays to be loaded with the rest of its chunk.
query(q(
	CREATE TABLE numbered AS SELECT 'n' || i || '@example.com' AS email_address FROM generate_series(1, 30) i;
	CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'disk full' USING ERRCODE = '53100'; END $$;
	CREATE TRIGGER fail BEFORE INSERT ON contacts.contact FOR EACH ROW WHEN (NEW.email_address = 'n17@example.com') EXECUTE FUNCTION fail();
));
($status, $out, $err) = $node->psql('postgres', q(CALL contacts.import('numbered', chunk => 10);));
like($err, qr/ERROR:  disk full\nCONTEXT:  .*^row 17 of the staging table$/ms, 'the row at which it ends is in the context');
is(query(q(SELECT state, done FROM contacts.import_progress WHERE staging_table = 'public.numbered')), 'running|10',
	'and its chunk is still to be loaded');
# What passes by does not come again when the rows are loaded one by one: they are loaded.
query(q(
	CREATE SEQUENCE times;
	CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF nextval('public.times') = 1 THEN RAISE 'deadlock' USING ERRCODE = '40P01'; END IF;
		RETURN NEW;
	END $$;
));
($status, $out, $err) = $node->psql('postgres', q(CALL contacts.import('numbered');));
like($err, qr/30 rows, 30 created, 0 updated, 0 unchanged, 0 failed/, 'an error that passes by ends nothing');
query('DROP TRIGGER fail ON contacts.contact');

# Two first calls at the same moment: neither sees the row of the other, and one of them is refused.
for my $round (1 .. 5)
{
	query("CREATE TABLE raced_$round AS SELECT email_address, 'raced $round' AS step FROM staging LIMIT 200");
	my @racers = map { psql_with("CALL contacts.import('raced_$round', chunk => 10);\n\\q\n") } 1 .. 3;
	$_->{run}->finish for @racers;
	my $won = grep { $_->{err} =~ /200 rows, 0 created, 200 updated|Nothing to do/ } @racers;
	my $refused = grep { $_->{err} =~ /ERROR:  Another session (is importing|has taken over)/ } @racers;
	is("$won of " . ($won + $refused), "$won of 3", "race $round: whoever does not load it is told so");
	is(query("SELECT string_agg(state || ' ' || done || ' ' || updated, ', ') FROM contacts.import_progress WHERE staging_table = 'public.raced_$round'"),
		'finished 200 200', "race $round: there is one import, and it loaded each row once");
}

# No lock that anybody may take holds up an import.
query('CREATE TABLE unlocked AS SELECT $$unlocked@example.com$$ AS email_address');
$locker = psql_with('');
$locker->{in} .= "SELECT pg_advisory_lock(hashtext('contacts.import'), hashtext('1 public.unlocked')), 'locked';\n";
$locker->{run}->pump until $locker->{out} =~ /locked/;
($status, $out, $err) = $node->psql('postgres', q(CALL contacts.import('unlocked');));
like($err, qr/NOTICE:  Import \d+ of public\.unlocked: 1 rows, 1 created/, 'an advisory lock of another session is nothing to it');
$locker->{in} .= "\\q\n";
$locker->{run}->finish;

# The workspace goes while its import runs: the import ends with an error that says so, and leaves nothing.
for my $when ('while it loads a chunk', 'while it reads the table')
{
	query(q(SELECT contacts.define_workspace('doomed')));
	my $doomed = query(q(SELECT workspace_id FROM contacts.workspace WHERE name = 'doomed'));
	query("CREATE TABLE doomed AS SELECT 'd' || i || '\@example.com' AS email_address FROM generate_series(1, 50) i");
	query("SELECT contacts.upsert('{\"email_address\":\"d25\@example.com\",\"status\":\"UNCONFIRMED\"}', workspace_id => $doomed)");
	$locker = psql_with('');
	$locker->{in} .= $when =~ /chunk/
		? "BEGIN; SELECT 'held' FROM contacts.contact WHERE workspace_id = $doomed FOR UPDATE;\n"
		: "BEGIN; LOCK TABLE doomed; SELECT 'held';\n";
	$locker->{run}->pump until $locker->{out} =~ /held/;
	my $import = psql_with("CALL contacts.import('doomed', chunk => 10, partial_update => false, workspace_id => $doomed);\n\\q\n");
	wait_for(q(SELECT count(*) = 1 FROM pg_locks WHERE NOT granted), "the import waits, $when");
	my $deletion = psql_with("DELETE FROM contacts.workspace WHERE workspace_id = $doomed;\n\\q\n");
	wait_for(q(SELECT count(*) = 2 FROM pg_locks WHERE NOT granted), 'the deletion waits for it');
	$locker->{in} .= "ROLLBACK;\n\\q\n";
	$locker->{run}->finish;
	$_->{run}->finish for $import, $deletion;
	# each chunk locks the import anew: the deletion may have to wait for the last one
	like($import->{err}, qr/ERROR:  Import \d+ is gone\.\nHINT:  It, or workspace $doomed, was deleted meanwhile|50 rows, 49 created/,
		"a workspace that is deleted $when ends the import, or waits for its end");
	is($deletion->{err}, '', 'and the deletion succeeds');
	is(query("SELECT count(*) FROM contacts.import_progress WHERE workspace_id = $doomed"), '0', 'of which nothing is left');
	is(query("SELECT count(*) FROM contacts.contact WHERE workspace_id = $doomed"), '0', 'no contact either');
	query('DROP TABLE doomed');
}

done_testing();
