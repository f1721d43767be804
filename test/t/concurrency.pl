# A hammer: many clients on few addresses. No error, no duplicate, and versions that add up to exactly the writes.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', 'fsync = off');
$node->start;
$node->safe_psql('postgres', q(
	CREATE EXTENSION contact_upsert;
	SELECT contacts.install();
	SELECT contacts.define_field('one', 'One', 'NUMBER', tracked => true);
	SELECT contacts.define_field('two', 'Two', 'NUMBER', tracked => true);
));

# Each call writes a value that nobody has written before, so each is a change.
my $script = $node->basedir . '/hammer.sql';
append_to_file($script, q(
\set n random(1, 40)
\set field random(1, 2)
\if :field = 1
SELECT contact_upsert(jsonb_build_object('email_address', 'Contact' || :n || '@Example.com', 'partial_update', true,
	'fields', jsonb_build_object('one', nextval('writes'))));
\else
SELECT contact_upsert(jsonb_build_object('email_address', 'contact' || :n || '@example.com', 'partial_update', true,
	'fields', jsonb_build_object('two', nextval('writes'))));
\endif
));
$node->safe_psql('postgres', 'CREATE SEQUENCE writes');
$script =~ s/\\/\//g;

$node->command_ok(
	[ 'pgbench', '-n', '-c', '8', '-j', '2', '-t', '2500', '-f', $script, 'postgres' ],
	'8 clients make 20,000 calls on 40 addresses without an error');

is($node->safe_psql('postgres', 'SELECT last_value FROM writes'), '20000', 'so many calls were made');
is($node->safe_psql('postgres', 'SELECT count(*), sum(version) FROM contacts.contact'),
	'40|20000', '40 contacts, and versions that add up to exactly the writes');
is($node->safe_psql('postgres', q(
		SELECT count(*) FROM contacts.contact c,
			LATERAL (SELECT max(contact_version) AS newest, count(DISTINCT contact_version) AS n FROM contacts.event e WHERE e.contact_id = c.id) e
		WHERE e.newest <> c.version OR e.n <> c.version - 1)),
	'0', 'each update of each contact has its event');
is($node->safe_psql('postgres', q(
		SELECT count(*) FROM contacts.contact c, LATERAL (
			SELECT detail #> '{field,new}' AS new FROM contacts.event e
			WHERE e.contact_id = c.id AND detail #>> '{field,merge_tag}' = 'one' ORDER BY contact_version DESC LIMIT 1) e
		WHERE e.new <> c.data -> 'one')),
	'0', 'and the last event has the value that is stored');
is($node->safe_psql('postgres', q(
		SELECT count(*) FROM (
			SELECT e.detail #> '{field,old}' AS old, lag(e.detail #> '{field,new}') OVER w AS previous, row_number() OVER w AS n
			FROM contacts.event e WINDOW w AS (PARTITION BY contact_id, detail #>> '{field,merge_tag}' ORDER BY contact_version)) s
		WHERE n > 1 AND old IS DISTINCT FROM previous)),
	'0', 'no update is lost: each old value is the new one of the event before');

# Tags created and deleted, fields defined and deleted meanwhile: no deadlock. (The direct UPDATE gives the field values.)
my $upsert = $node->basedir . '/upsert.sql';
append_to_file($upsert, q(
\set n random(1, 40)
\set t random(1, 30)
SELECT contact_upsert(jsonb_build_object('email_address', 'contact' || :n::int || '@example.com', 'partial_update', true,
	'create_tags', true, 'add_tags', jsonb_build_array('tag' || :t::int), 'fields', jsonb_build_object('one', nextval('writes'))));
));
my $define = $node->basedir . '/define.sql';
append_to_file($define, q(
\set n random(1, 40)
\set f random(1, 3)
DELETE FROM contacts.tag WHERE name = 'tag' || :n::int;
SELECT contacts.define_field('passing' || :f::int, 'Passing ' || :f::int);
UPDATE contacts.contact SET data = data || jsonb_build_object('passing' || :f::int, 'x'), version = version + 1
	WHERE email_address = 'contact' || :n::int || '@example.com';
DELETE FROM contacts.field WHERE merge_tag = 'passing' || :f::int;
));
$node->command_ok(
	[ 'pgbench', '-n', '-c', '8', '-j', '2', '-t', '500', '-f', "$upsert\@9", '-f', "$define\@1", 'postgres' ],
	'definitions change under upserts without an error');
is($node->safe_psql('postgres', q(SELECT count(*) FROM contacts.contact c
		WHERE EXISTS (SELECT FROM unnest(c.tags) t WHERE t NOT IN (SELECT tag_id FROM contacts.tag))
			AND contact_upsert(jsonb_build_object('email_address', c.email_address, 'partial_update', true)) #> '{data,tags}'
				@> to_jsonb(c.tags))),
	'0', 'and no tag that is gone is shown');

done_testing();
