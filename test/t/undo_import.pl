# The undo of an import. Random contacts, a random import, its undo: contacts and statistics are as before, but for version and
# updated_at. And an undo that is killed goes on where it was.

use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RandomContacts qw(chance pick literal random_workspace random_request);
use Test::More;
use Time::HiRes 'usleep';

my $seed = $ENV{SEED} // int rand 2**31;
srand $seed;
note "SEED=$seed";
my $rounds = $ENV{ROUNDS} // 8;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "client_min_messages = warning");
$node->start;
my $database;
sub sql { return $node->safe_psql($database, $_[0]) }

# What an undo restores: all but version, updated_at, and the tags that the import has made. Numbers by value: of two spellings of
# one the stored one stays.
my $rows = q(SELECT format('%s %s %s %s %s %s %s', c.id, c.email_address, c.status, c.tags, (SELECT jsonb_object_agg(key,
		CASE jsonb_typeof(value) WHEN 'number' THEN to_jsonb(trim_scale(value::numeric)) ELSE value END) FROM jsonb_each(c.data)), c.created_at,
		(SELECT s FROM contacts.statistics s WHERE (s.workspace_id, s.contact_id) = (c.workspace_id, c.id))) AS line
	FROM contacts.contact c WHERE c.workspace_id = 1);
my $difference = "SELECT * FROM ((SELECT 'before: ' || line AS line FROM before EXCEPT SELECT 'before: ' || line FROM ($rows) n) UNION ALL "
	. "(SELECT 'now: ' || line FROM ($rows) n EXCEPT SELECT 'now: ' || line FROM before)) d ORDER BY substr(line, 9) LIMIT 6";

for my $round (1 .. $rounds)
{
	$database = "round_$round";
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	my ($workspace, $definitions) = random_workspace(1);
	sql('CREATE EXTENSION contact_upsert; SELECT contacts.install();' . $definitions);
	my $array = sub { return literal('[' . join(',', map { random_request($workspace, $_[1]) } 1 .. $_[0]) . ']') . '::jsonb' };
	sql('SELECT count(*) FROM contacts.upsert_many(' . $array->(120, 0.2) . ')');
	sql(q(SELECT count(contacts.record(id, 'total_opens', 3, workspace_id)) FROM contacts.contact WHERE random() < 0.4));
	sql("CREATE TABLE before AS $rows");
	my @fields = sort keys %{ $workspace->{fields} };
	sql(q(CREATE TABLE staging AS SELECT r ->> 'email_address' AS email_address, r ->> 'status' AS status, r -> 'tags' AS tags)
		. join('', map { ", r #> '{fields,$_}' AS $_" } @fields) . ' FROM jsonb_array_elements(' . $array->(150, 0.2) . ') r');
	my ($partial, $chunk, $level) = (pick('true', 'false'), pick(1, 7, 40, 1000), pick('none', 'status', 'all'));
	sql("SELECT contacts.define_workspace('w1', history => '$level')");
	my $imported = sql("CALL contacts.import('staging', chunk => $chunk, partial_update => $partial, create_tags => true);
		SELECT created + updated, created, updated, failed FROM contacts.import_progress");
	isnt(sql($difference), '', "round $round: the import ($imported) changes something");
	sql('CALL contacts.undo_import(1)');
	is(sql('SELECT code, message FROM contacts.import_kept'), '', "round $round: nothing is kept");
	is(sql($difference), '', "round $round: all is as before");
}

# An undo that is killed at any time goes on, and does nothing twice.
$database = 'killed';
$node->safe_psql('postgres', "CREATE DATABASE $database");
sql(q(CREATE EXTENSION contact_upsert; SELECT contacts.install(); SELECT contacts.define_field('nn', 'N', 'NUMBER', tracked => true);
	SELECT count(*) FROM contacts.upsert_many((SELECT jsonb_agg(jsonb_build_object('email_address', i || '@example.com', 'fields', '{"nn":1}'::jsonb)) FROM generate_series(1, 15000) i));
	CREATE TABLE staging AS SELECT i || '@example.com' AS email_address, 2 AS nn FROM generate_series(1, 20000) i));
sql("CREATE TABLE before AS $rows");
sql(q(CALL contacts.import('staging', chunk => 10000)));
my $kills = 0;
for (1 .. 20)
{
	last if sql('SELECT state FROM contacts.import_progress') eq 'undone';
	my $undo = $node->background_psql($database, on_error_stop => 0);
	my $pid = $undo->query_safe('SELECT pg_backend_pid()');
	$undo->query_until(qr/begun/, "\\echo begun\nCALL contacts.undo_import(1);\n");
	usleep(rand 600_000);
	$kills++ if sql("SELECT pg_terminate_backend($pid, 20000) AND EXISTS (SELECT FROM contacts.import_progress WHERE state = 'undoing')") eq 't';
	eval { $undo->quit };
}
sql('CALL contacts.undo_import(1)') if sql('SELECT state FROM contacts.import_progress') ne 'undone';
cmp_ok($kills, '>', 0, "it was killed $kills times");
is(sql('SELECT state, restored, deleted, kept FROM contacts.import_progress'), 'undone|15000|5000|0', 'each contact is counted once');
is(sql($difference), '', 'and is as before');
is(sql('SELECT DISTINCT version FROM contacts.contact'), '3', 'by one write');
is(sql("SELECT count(*) FROM contacts.event WHERE detail #>> '{field,new}' = '1'"), '15000', 'and one event');

done_testing();
