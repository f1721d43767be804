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
		AND p.failed = (SELECT count(*) FROM contacts.import_error)
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
like($err, qr/goes on behind row \d+ of $total\./, 'says where it goes on');
like($err, qr/$total rows, $addresses created, $addresses updated, 0 unchanged, $bad failed\./, 'and what became of the rows');
is(query('SELECT state, done, created, updated, unchanged, failed, rate > 0, finished_at > started_at FROM contacts.import_progress'),
	"finished|$total|$addresses|$addresses|0|$bad|t|t", 'so does the progress');
is(query('SELECT count(*), min(version), max(version), count(DISTINCT data) FROM contacts.contact'), "$addresses|2|2|1",
	'every row was loaded exactly once, in order');
is(query('SELECT count(*), count(DISTINCT row_number), min(row_number), max(row_number) FROM contacts.import_error'),
	"$bad|$bad|" . (2 * $addresses + 1) . "|$total", 'every bad row is kept once, by its number');
is(query('SELECT count(*) FROM contacts.import_chunk'), '0', 'nothing is left to do');
($status, $out, $err) = $node->psql('postgres', q(CALL contacts.import('staging');));
like($err, qr/Nothing to do: import 1/, 'and another call does nothing');
is(query($consistent), 't', 'really nothing');

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

done_testing();
