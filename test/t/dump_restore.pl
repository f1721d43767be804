# pg_dump carries the user's tables with what the user added to them, and the restored database works on.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
# what a session's DateStyle is has no part in what comes back
$node->append_conf('postgresql.conf', "datestyle = 'SQL, DMY'");
$node->start;
my $dump = $node->basedir . '/dump';

$node->safe_psql('postgres', q(
	CREATE EXTENSION contact_upsert;
	SELECT contacts.install();
	CREATE ROLE app;
	SELECT contacts.grant_access('app', 1);
	SELECT contacts.define_workspace('default', history => 'all');
	SELECT contacts.define_field('name', 'Name', tracked => true, default_value => '"none"');
	SELECT contacts.define_field('size', 'Size', 'DROPDOWN_SINGLE', ARRAY['S', 'L']);
	SELECT contacts.define_tag('vip');
	ALTER TABLE contacts.contact ADD COLUMN crm_id integer DEFAULT 7;
	CREATE INDEX mine ON contacts.contact (crm_id);
	SELECT contact_upsert('{"email_address":"a@example.com","tags":["vip"],"fields":{"size":"L"}}');
	SELECT contact_upsert('{"email_address":"a@example.com","partial_update":true,"fields":{"name":"A"}}');
	SELECT contacts.record(id, 'total_opens', workspace_id => 1) FROM contacts.contact;
	SELECT contact_upsert('{"email_address":"gone@example.com","status":"COMPLAINED"}');
	DELETE FROM contacts.contact WHERE email_address = 'gone@example.com';
	CREATE SCHEMA "File's";
	SELECT contacts.create_import_view('"File''s"."contact ""import"""');
	GRANT USAGE ON SCHEMA "File's" TO app;
	GRANT SELECT, INSERT ON "File's"."contact ""import""" TO app;
));
# an import that was interrupted behind its first chunk
$node->safe_psql('postgres', q(
	CREATE TABLE staging AS SELECT 'staged' || i || '@example.com' AS email_address FROM generate_series(1, 3) i;
	CREATE FUNCTION accident() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'accident' USING ERRCODE = '58030'; END $$;
	CREATE TRIGGER accident BEFORE INSERT ON contacts.contact FOR EACH ROW
		WHEN (NEW.email_address = 'staged2@example.com') EXECUTE FUNCTION accident();
));
$node->psql('postgres', q(CALL contacts.import('staging', chunk => 1)));
$node->safe_psql('postgres', 'DROP TRIGGER accident ON contacts.contact');
my $everything = q(
	SELECT c::text, (SELECT string_agg(f::text, ';' ORDER BY f::text) FROM contacts.field f),
		(SELECT string_agg(t::text, ';') FROM contacts.tag t), (SELECT string_agg(s::text, ';') FROM contacts.statistics s),
		(SELECT string_agg(e::text, ';') FROM contacts.event e), (SELECT string_agg(h::text, ';') FROM contacts.history h), (SELECT string_agg(m::text, ';') FROM contacts.member m),
		(SELECT string_agg(w::text, ';') FROM contacts.workspace w), (SELECT string_agg(u::text, ';') FROM contacts.suppression u)
	FROM contacts.contact c);
my $before = $node->safe_psql('postgres', $everything);

for my $format ('plain', 'custom')
{
	my $database = "restored_$format";

	$node->command_ok([ 'pg_dump', '--format', $format, '--file', "$dump.$format", 'postgres' ], "pg_dump --format $format");
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->command_ok(
		$format eq 'plain'
		? [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dump.$format", '-d', $database ]
		: [ 'pg_restore', '--exit-on-error', '-d', $database, "$dump.$format" ],
		"restore --format $format");

	is($node->safe_psql($database, $everything), $before, 'every row is there');
	is($node->safe_psql($database, q(SELECT contact_upsert('{"email_address":"A@example.com","partial_update":true,"fields":{"name":"B"}}') #>> '{data,data,name}')),
		'B', 'an upsert works');
	is($node->safe_psql($database, q(SELECT contacts.define_tag('new') > (SELECT max(tag_id) FROM contacts.tag WHERE name <> 'new'))),
		't', 'ids go on');
	is($node->safe_psql($database, q(
			SELECT contact_upsert('{"email_address":"b@example.com","add_tags":["new"]}') #>> '{data,tags,0,name}')),
		'new', 'definitions are seen');
	is($node->safe_psql($database, q(SET ROLE app; SELECT contact_upsert('{"email_address":"c@example.com"}') #>> '{data,status}')),
		'SUBSCRIBED', 'privileges and policies are there');
	is($node->safe_psql($database, q(SET ROLE app; INSERT INTO "File's"."contact ""import""" (email_address, size) VALUES ('c@example.com', 'S');
			SELECT email_address, name, size FROM "File's"."contact ""import""" WHERE email_address IN ('c@example.com', 'a@example.com') ORDER BY 1)),
		"a\@example.com|B|L\nc\@example.com|none|S", 'an import view reads and upserts, for who may use it');
	is($node->safe_psql($database, 'SELECT contacts.install() IS NOT NULL; SELECT count(*) FROM contacts.contact'),
		"t\n4", 'install() again changes nothing');
	is($node->safe_psql($database, q(CALL contacts.import('staging', chunk => 1); SELECT done, created FROM contacts.import_progress)),
		'3|3', 'the import goes on');
	is($node->safe_psql($database, q(SELECT contacts.define_workspace('default', 'guarded') = 1;
			SELECT error ->> 'code' FROM contacts.preview('{"email_address":"gone@example.com"}');
			SELECT contacts.define_workspace('default', 'api') = 1)), "t\nRESUBSCRIBE_REFUSED\nt", 'an opt-out whose contact is gone is known');
	is($node->safe_psql($database, q(SELECT indexname FROM pg_indexes WHERE indexname = 'mine')), 'mine', q(and the user's own index));
}

# Rows alone, into tables that install() has just made: with workspace 1 and the field email_address, which the rows bring too.
$node->safe_psql('postgres', q(
	SELECT contacts.define_workspace('default', 'guarded', 'none');
	SELECT contacts.define_field('theirs', 'Theirs', 'NUMBER', workspace_id => contacts.define_workspace('second', 'guarded'));
	SELECT contacts.upsert('{"email_address":"a@example.com","fields":{"theirs":7},"tags":["theirs"],"create_tags":true}', workspace_id => 2);
));
my $rows = q(
	SELECT (SELECT string_agg(c::text, ';' ORDER BY c::text) FROM contacts.contact c),
		(SELECT string_agg(f::text, ';' ORDER BY f::text) FROM contacts.field f),
		(SELECT string_agg(t::text, ';' ORDER BY t::text) FROM contacts.tag t),
		(SELECT string_agg(e::text, ';' ORDER BY e::text) FROM contacts.event e),
		(SELECT string_agg(u::text, ';' ORDER BY u::text) FROM contacts.suppression u),
		(SELECT string_agg(h::text, ';' ORDER BY h::text) FROM contacts.history h),
		(SELECT string_agg(concat_ws(' ', workspace_id, name, status_policy, history, created_at), ';' ORDER BY workspace_id) FROM contacts.workspace));
$node->safe_psql('postgres', q(SELECT contacts.define_workspace('first', workspace_id => 1)));
$before = $node->safe_psql('postgres', $rows);
for my $format ('plain', 'custom')
{
	my $database = "rows_$format";

	$node->command_ok([ 'pg_dump', '--data-only', '--schema', 'contacts', '--format', $format, '--file', "$dump.rows.$format", 'postgres' ],
		"pg_dump --data-only --format $format");
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, 'CREATE EXTENSION contact_upsert; SELECT contacts.install(); ALTER TABLE contacts.contact ADD COLUMN crm_id integer');
	$node->command_ok(
		$format eq 'plain'
		? [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dump.rows.$format", '-d', $database ]
		: [ 'pg_restore', '--exit-on-error', '--data-only', '-d', $database, "$dump.rows.$format" ],
		"restore --data-only --format $format");
	is($node->safe_psql($database, $rows), $before, 'every row is there, definitions and policies too');
	is($node->safe_psql($database, q(SELECT contacts.define_workspace('third'), contacts.define_tag('next') > (SELECT max(tag_id) FROM contacts.tag WHERE name <> 'next'))),
		'3|t', 'ids go on');
	is($node->safe_psql($database, q(SELECT contacts.upsert('{"email_address":"A@example.com","partial_update":true,"fields":{"theirs":8}}', workspace_id => 2) #>> '{data,data,theirs}')),
		'8', 'an upsert works');
}

# The schema alone
$node->command_ok([ 'pg_dump', '--schema-only', '--file', "$dump.schema", 'postgres' ], 'pg_dump --schema-only');
$node->safe_psql('postgres', 'CREATE DATABASE schema_alone');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dump.schema", '-d', 'schema_alone' ], 'restore');
is($node->safe_psql('schema_alone', q(
		SELECT contacts.install() IS NOT NULL;
		SELECT contact_upsert('{"email_address":"a@example.com","tags":["new"],"create_tags":true}') #> '{data,tags}';
		SELECT workspace_id, name FROM contacts.workspace)),
	qq(t\n[{"id": 1, "name": "new"}]\n1|default), 'install() makes it work');

done_testing();
