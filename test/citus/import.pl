# contacts.import() and undo_import() at the coordinator do what they do on one server: the same files, in a plain database and in one that
# is spread over two workers, as the owner and as a member; and an import that is interrupted goes on, each row exactly once.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use ContactCitus;
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;

my ($coordinator, $worker, $other_worker) = start_cluster(2);
my $owner = $coordinator->safe_psql('postgres', 'SELECT current_user');
my $setup = <<'SQL';
CREATE EXTENSION contact_upsert;
SELECT contacts.install();
SELECT contacts.define_workspace('second');
SELECT contacts.define_field('name', 'Name', tracked => true, workspace_id => n), contacts.define_field('day', 'Day', 'DATE', workspace_id => n),
	contacts.define_tag('known', workspace_id => n), contacts.subscribe('mailer', workspace_id => n) FROM generate_series(1, 2) n;
SELECT contacts.upsert(jsonb_build_object('email_address', 'c' || i || '@example.com', 'fields', jsonb_build_object('name', 'old ' || i), 'tags', '["known"]'::jsonb), n)
	FROM generate_series(1, 2) n, generate_series(1, 500) i;
CREATE TABLE public.staged AS
	SELECT 'c' || i || '@example.com' AS "E-Mail", CASE i % 7 WHEN 0 THEN NULL ELSE 'new ' || i % 5 END AS name,
		CASE i % 100 WHEN 50 THEN 'no day' ELSE '2026-02-0' || 1 + i % 9 END AS day, 'known;tag ' || i % 3 AS tags, 'city ' || i % 4 AS city
	FROM generate_series(1, 3000) i
	UNION ALL SELECT 'bad ' || i, 'x', NULL, NULL, NULL FROM generate_series(1, 40) i
	UNION ALL SELECT 'c' || i || '@example.com', 'again', NULL, NULL, NULL FROM generate_series(1, 100) i;
CREATE TABLE public.few AS SELECT 'f' || i || '@example.com' AS email, 'few' AS name FROM generate_series(1, 20) i;
CREATE TABLE public.unknown AS SELECT 'u@example.com' AS email, 'x' AS nowhere;
SQL
$coordinator->safe_psql('postgres', 'CREATE DATABASE plain; CREATE ROLE member LOGIN');
$coordinator->safe_psql($_, $setup) for 'plain', 'postgres';
is(query($coordinator, 'SELECT contacts.distribute(7)'), '', 'distribute()');
$coordinator->safe_psql($_, q(SELECT contacts.grant_access('member', 2); GRANT SELECT ON public.staged, public.few, public.unknown TO member)) for 'plain', 'postgres';
is(query($coordinator, q(SELECT count(DISTINCT nodeport) FROM citus_shards s WHERE table_name = 'contacts.contact'::regclass AND shardid IN
	(SELECT get_shard_id_for_distribution_column('contacts.contact', n) FROM generate_series(1, 2) n))), 2, 'the workspaces are on different workers');

# What an import leaves behind, of the workspace $w; ids are told apart by the order in which imports began.
sub state_of
{
	my ($w) = @_;
	my $ordinal = "(SELECT count(*) FROM contacts.import_progress q WHERE q.workspace_id = $w AND q.started_at <= p.started_at)";
	return (
		"SELECT c.email_address, c.status, c.data, c.version, ARRAY(SELECT t.name FROM contacts.tag t WHERE t.workspace_id = $w AND t.tag_id = ANY (c.tags) ORDER BY 1)
			FROM contacts.contact c WHERE c.workspace_id = $w ORDER BY c.email_address",
		"SELECT c.email_address, e.type, e.contact_version, e.ordinal, e.detail FROM contacts.event e JOIN contacts.contact c ON c.workspace_id = $w AND c.id = e.contact_id
			WHERE e.workspace_id = $w ORDER BY 1, 3, 4",
		"SELECT c.email_address, h.contact_version, h.source, h.changes -> 'fields', h.import_id IS NULL FROM contacts.history h JOIN contacts.contact c ON c.workspace_id = $w AND c.id = h.contact_id
			WHERE h.workspace_id = $w ORDER BY 1, 2, 4::text",
		"SELECT $ordinal, p.staging_table, p.parameters, p.matched, p.separators, p.defined, p.state, p.total, p.done, p.created, p.updated, p.unchanged, p.skipped, p.failed,
			p.values_cleared, p.tags_removed, p.statuses_changed, p.fingerprint, p.restored, p.deleted, p.kept, p.finished_at >= p.started_at FROM contacts.import_progress p WHERE p.workspace_id = $w ORDER BY 1",
		"SELECT e.row_number, e.error_number, e.row, e.\"column\", e.value, e.code, e.message, e.hint, e.error FROM contacts.import_error e WHERE e.workspace_id = $w ORDER BY e.import_id, 1, 2",
		"SELECT count(*) FROM contacts.import_chunk c WHERE c.workspace_id = $w",
		"SELECT code, message, count(*) FROM contacts.import_kept k WHERE k.workspace_id = $w GROUP BY 1, 2 ORDER BY 1, 2",
		"SELECT merge_tag, label, type FROM contacts.field f WHERE f.workspace_id = $w ORDER BY 1",
		"SELECT count(*) FROM contacts.delivery d WHERE d.workspace_id = $w");
}

for my $case ([ $owner, 1 ], [ 'member', 2 ])
{
	my ($user, $w) = @$case;
	my $import = "workspace_id => $w";
	my $last = "SELECT max(p.import_id) AS last FROM contacts.import_progress p WHERE p.workspace_id = $w \\gset\n";
	same_answers($coordinator, $user, 'plain', 'postgres',
		"CALL contacts.import('unknown', $import)", "CALL contacts.import('nowhere', $import)", "CALL contacts.import('staged', chunk => 0, $import)",
		"BEGIN; CALL contacts.import('staged', $import)", 'ROLLBACK', "CALL contacts.import('staged', retry => true, unknown => 'ignore', $import)",
		"CALL contacts.import('staged', chunk => 300, unknown => 'define', dry_run => true, $import)", state_of($w),
		"SET DateStyle = 'SQL, DMY'",
		"CALL contacts.import('staged', chunk => 300, unknown => 'define', create_tags => true, source => 'file', $import)", 'RESET DateStyle', state_of($w),
		"CALL contacts.import('staged', unknown => 'define', create_tags => true, source => 'file', $import)",
		"CALL contacts.import('staged', unknown => 'define', create_tags => true, source => 'other', $import)",
		"CALL contacts.import('staged', retry => true, unknown => 'define', create_tags => true, source => 'other', $import)",
		"CALL contacts.import('few', $import)", "CALL contacts.import('few', restart => true, $import)", state_of($w),
		"$last CALL contacts.undo_import(:last, dry_run => true, $import)",
		"SELECT p.import_id AS staged FROM contacts.import_progress p WHERE p.workspace_id = $w AND p.staging_table = 'public.staged' AND p.parameters ->> 'source' = 'file' \\gset\n
			CALL contacts.undo_import(:staged, dry_run => true, $import)",
		"SELECT version FROM contacts.upsert('{\"email_address\":\"c2000\@example.com\",\"fields\":{\"name\":\"since\"}}', $w)",
		"CALL contacts.undo_import(:staged, $import)", state_of($w), "CALL contacts.undo_import(:staged, $import)");
	my @empty = grep { query($coordinator, $_) =~ /^(?:failed:.*)?$/s } state_of($w);
	is("@empty", '', "$user: there was something of everything to compare");
}

# Interrupted, it goes on.
$coordinator->safe_psql($_, q(CREATE TABLE public.many AS SELECT 'm' || i % 8000 || '@example.com' AS email, 'step ' || i / 8000 AS name FROM generate_series(0, 15999) i)) for 'plain', 'postgres';
$coordinator->safe_psql('postgres', 'GRANT SELECT ON public.many TO member');
my $progress = q(FROM contacts.import_progress p WHERE p.workspace_id = 2 AND p.staging_table = 'public.many');
my $done = 0;
for my $accident ('cancelled', 'terminated', 'without its worker')
{
	my ($out, $said) = ('', '');
	my $import = IPC::Run::start([ 'psql', '-X', '-q', '-d', $coordinator->connstr('postgres') . ' user=member', '-c', q(CALL contacts.import('many', chunk => 10, workspace_id => 2)) ],
		'>', \$out, '2>', \$said, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	my $goal = $done + 200;
	$coordinator->poll_query_until('postgres', "SELECT count(*) = 1 $progress AND p.done >= $goal") or die 'no progress';
	# Read here, for a function beside the table would be called on the worker.
	my $pid = query($coordinator, "SELECT p.backend_pid $progress");
	if ($accident eq 'without its worker')
	{
		my $port = query($coordinator, q(SELECT nodeport FROM citus_shards WHERE shardid = get_shard_id_for_distribution_column('contacts.contact', 2)));
		my ($there) = grep { $_->port == $port } $worker, $other_worker;
		$there->stop('immediate');
		$there->start;
	}
	else
	{
		my $how = $accident eq 'cancelled' ? 'cancel' : 'terminate';
		is(query($coordinator, "SELECT pg_${how}_backend($pid)"), 't', "$accident: backend_pid is that of the session at the coordinator");
	}
	$import->finish;
	isnt($import->result(0), 0, "$accident: it ends with an error") or diag($said);
	$done = query($coordinator, "SELECT p.done $progress");
	cmp_ok($done, '<', 16000, "$accident: $done rows are done");
	is(query($coordinator, "SELECT p.created + p.updated = p.done AND p.created = (SELECT count(*) FROM contacts.contact c WHERE c.workspace_id = 2 AND c.email_address LIKE 'm%')
		AND p.total - p.done = (SELECT sum(cardinality(c.rows)) FROM contacts.import_chunk c WHERE c.workspace_id = 2 AND c.import_id = p.import_id) $progress"), 't', "$accident: nothing is half written");
	$coordinator->poll_query_until('postgres', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = $pid)") or die 'it stays';
}
like(query($coordinator, q(SELECT contacts.define_field('late', 'Late', workspace_id => 2))), qr/^late$/, 'a field is defined meanwhile');
is(query($coordinator, q(CALL contacts.import('many', chunk => 1000, workspace_id => 2)), user => 'member'), '', 'it goes on');
is(query($coordinator, "SELECT p.state, p.total, p.done, p.created, p.updated, p.unchanged, p.failed $progress"), 'finished|16000|16000|8000|8000|0|0', 'each row exactly once');
is(query($coordinator, q(SELECT count(*), min(version), max(version), min(data ->> 'name') FROM contacts.contact WHERE workspace_id = 2 AND email_address LIKE 'm%')), '8000|2|2|step 1', 'in their order');

# The program
my $file = $coordinator->basedir . '/file.csv';
append_to_file($file, "E-Mail,Name\n" . join('', map { "p$_\@example.com,Program $_\n" } 1 .. 1500) . "no address,Bad\n");
my %of_program;
for my $database ('plain', 'postgres')
{
	my ($out, $said) = ('', '');
	IPC::Run::run([ 'contact-import', '--yes', '--dbname', $coordinator->connstr($database), $file ], '<', '/dev/null', '>', \$out, '2>', \$said,
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	$of_program{$database} = join '|', $? >> 8, "$out$said" =~ s/(import |--undo )\d+/$1<number>/gir =~ s/\bin \d+\.\d s:/in <seconds>:/r,
		query($coordinator, q(SELECT count(*), min(data ->> 'name') FROM contacts.contact c WHERE c.workspace_id = 1 AND c.email_address LIKE 'p%'), database => $database),
		query($coordinator, q(SELECT e.row_number, e.code FROM contacts.import_error e WHERE e.workspace_id = 1 AND e.value = 'no address'), database => $database);
}
is($of_program{postgres}, $of_program{plain}, 'contact-import says and does the same');
like($of_program{plain}, qr/\|1500\|Program 1\|1501\|/, 'it loads the file');

# Two sessions at once, and a session at a worker
my ($out, $said) = ('', '');
my $first = IPC::Run::start([ 'psql', '-X', '-q', '-d', $coordinator->connstr('postgres'), '-c', q(CALL contacts.import('many', chunk => 5, restart => true, workspace_id => 1)) ],
	'>', \$out, '2>', \$said, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
$coordinator->poll_query_until('postgres', q(SELECT count(*) = 1 FROM contacts.import_progress p WHERE p.workspace_id = 1 AND p.staging_table = 'public.many' AND p.done > 0)) or die 'no progress';
fails($coordinator, q(CALL contacts.import('many', chunk => 5, dry_run => true)), '55006', 'Another session is importing public.many', 'a second session, which keeps off');
my $pid = query($coordinator, q(SELECT p.backend_pid FROM contacts.import_progress p WHERE p.workspace_id = 1 AND p.state = 'running'));
is(query($coordinator, "SELECT pg_cancel_backend($pid)"), 't', 'the first is cancelled');
$first->finish;
fails($worker, q(CALL contacts.import('pg_class')), '0A000', 'contacts.import\(\) is for the coordinator', 'import() at a worker');
fails($worker, q(CALL contacts.undo_import(1)), '0A000', 'contacts.undo_import\(\) is for the coordinator', 'undo_import() at a worker');

done_testing();
