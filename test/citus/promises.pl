# Distributed tables promise what plain ones do: the same statements are run in a plain database and in one that is spread over two workers,
# alone and in transaction blocks, as the owner, as a member and as a stranger, and say the same.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use ContactCitus;
use Encode ();
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my ($coordinator) = start_cluster(2);
my $owner = $coordinator->safe_psql('postgres', 'SELECT current_user');
my $table = decode_json(slurp_file("$FindBin::RealBin/../clients/requests.json"));
my $setup = join(";\n", map { Encode::encode('UTF-8', $_) } @{ $table->{setup} }) . <<'SQL';
;
SELECT contacts.define_field('name', tracked => true), contacts.define_field('name', required => false, workspace_id => 2),
	contacts.define_field('plan', 'Plan', 'DROPDOWN_SINGLE', '{free,paid}'), contacts.define_workspace('second', 'api', workspace_id => 2);
SELECT contacts.upsert(jsonb_build_object('email_address', n || '@old.example', 'fields', jsonb_build_object('name', 'N' || n)), 1 + n % 2) FROM generate_series(1, 100) n;
SQL
$coordinator->safe_psql('postgres', 'CREATE DATABASE plain');
$coordinator->safe_psql($_, $setup) for 'plain', 'postgres';

# With data, which moves.
is(query($coordinator, 'SELECT contacts.distribute(7)'), '', 'distribute() with data');
my $everything = q(SELECT workspace_id, email_address, status, data, version FROM contacts.contact ORDER BY 1, 2);
is(query($coordinator, $everything), query($coordinator, $everything, database => 'plain'), 'all contacts are there');
is(query($coordinator, q(SELECT count(DISTINCT nodeport) FROM citus_shards WHERE table_name = 'contacts.contact'::regclass)), 2, 'on both workers');
is(query($coordinator, q(SELECT count(DISTINCT nodeport) FROM citus_shards s WHERE table_name = 'contacts.contact'::regclass AND shardid IN
	(SELECT get_shard_id_for_distribution_column('contacts.contact', n) FROM generate_series(1, 2) n))), 2, 'workspaces 1 and 2 are on different workers');
is(query($coordinator, 'SELECT contacts.distribute()'), '', 'distribute() again');
is(query($coordinator, 'SELECT contacts.install() IS NOT NULL'), 't', 'install() again');

# The table of requests that drivers are tested with
my $json = JSON::PP->new->allow_nonref->canonical->ascii;
my @calls;
for my $step (grep { exists $_->{send} } @{ $table->{steps} })
{
	my $sent = $json->encode($step->{send}) =~ s/'/''/gr;
	push @calls, "SELECT contacts.preview('$sent')", "SELECT contact_upsert('$sent')" if ref $step->{send} ne 'ARRAY';
	push @calls, "SELECT contacts.upsert_many('$sent')" if ref $step->{send} eq 'ARRAY';
}
cmp_ok(scalar @calls, '>', 20, 'there are requests');

my @statements = (
	@calls,
	q(SELECT contacts.define_tag('gold') > 1, contacts.define_tag('vip', 'important'), contacts.define_field('day', 'Day', 'DATE')),
	q(SELECT contacts.define_field('name', 'Given name'), contacts.define_field('bad tag', 'Bad')),
	q(SELECT contacts.subscribe('mailer') > 0),
	q(SELECT contact_upsert('{"email_address":"a@example.com","fields":{"name":"A","day":"2026-02-03"},"tags":["vip"]}')),
	q(SET DateStyle = 'SQL, DMY'),
	q(SELECT contacts.apply('{"email_address":"a@example.com","fields":{"name":"B","day":"2026-02-03"},"source":"form","evidence":{"ip":"::1"}}')),
	q(RESET DateStyle),
	q(SET standard_conforming_strings = off), q(SET escape_string_warning = off),
	q(SELECT contacts.define_field('back', 'A ' || chr(92) || ' and "')),
	q(SELECT contact_upsert(jsonb_build_object('email_address', 'back@example.com', 'fields', jsonb_build_object('back', '"' || chr(92) || chr(92), 'name', chr(92)))) #> '{data,data}'),
	q(SELECT contacts.get('back@example.com') #> '{data,data}'),
	q(RESET standard_conforming_strings), q(RESET escape_string_warning),
	q(SELECT label FROM contacts.field WHERE workspace_id = 1 AND merge_tag = 'back'),
	q(SELECT data FROM contacts.contact WHERE workspace_id = 1 AND email_address = 'back@example.com'),
	q(SELECT contacts.upsert('{"email_address":"two@example.com","status":"UNCONFIRMED"}', 2)),
	q(SELECT contacts.upsert('{"email_address":"x@example.com"}', 99)),
	q(SELECT position, outcome, email_address, version, changes, events, error FROM contacts.upsert_many('[{"email_address":"a@example.com","tags":[1]},{"email_address":"m@example.com"},
		{"email_address":"m@example.com","fields":{"name":"M"}},{"email_address":"no"},{"email_address":"n@example.com","tags":["new"],"create_tags":true}]') ORDER BY 1),
	q(SELECT contacts.upsert_many('[{"email_address":"no"}]', 'stop')),
	q(SET contact_upsert.unknown_keys = 'refuse'),
	q(SELECT contact_upsert('{"email_address":"a@example.com","nope":1}')),
	q(SET contact_upsert.unknown_keys = 'ignore'),
	q(SELECT contact_upsert('{"email_address":"a@example.com","nope":1}') IS NOT NULL),
	q(RESET contact_upsert.unknown_keys),
	q(SELECT contacts.get('a@example.com') - 'data', contacts.get('nobody@example.com')),
	q(SELECT email_address, version FROM contacts.search('{"fields":{"name":"N2"}}', workspace_id => 1) ORDER BY 1),
	q(SELECT contacts.search('{"nope":1}')),
	q(SELECT contacts.record((SELECT id FROM contacts.contact WHERE workspace_id = 1 AND email_address = 'a@example.com'), 'total_opens', 3)),
	q(SELECT contacts.record_many('[{"contact":"a@example.com","counter":"total_clicks","by":2},{"contact":"m@example.com","counter":"total_opens"}]')),
	q(SELECT contacts.record('nobody', 'total_opens')),
	q(SELECT contacts.change_address('m@example.com', 'mm@example.com') #>> '{data,data,email_address}'),
	q(SELECT contacts.change_address('mm@example.com', 'a@example.com')),
	q(SELECT contacts.merge('mm@example.com', 'a@example.com') #>> '{data,statistics}'),
	q(SELECT contacts.request_schema()),
	q(SELECT jsonb_object_keys(contacts.export('a@example.com')) ORDER BY 1),
	q(SELECT type, attempts, workspace_id, contact_version, ordinal, detail - 'tag', email_address FROM contacts.claim('mailer', 10, '1 day')),
	q(SELECT contacts.ack('mailer', (SELECT max(lease) FROM contacts.delivery), ARRAY(SELECT event_id FROM contacts.delivery WHERE lease > 0))),
	q(SELECT type, attempts FROM contacts.claim('mailer', 1, '1 day')),
	q(SELECT contacts.fail('mailer', lease, event_id, 'no luck') FROM contacts.delivery WHERE lease > 0),
	# It comes again after a second; how long the statements until then take is not to matter.
	q(UPDATE contacts.delivery SET due_at = '2100-01-01' WHERE workspace_id = 1 AND due_at IS NOT NULL),
	q(SELECT contacts.release('mailer', 12345, '{1}'), contacts.extend('mailer', 12345, '1 min')),
	q(SELECT contacts.retry_dead('mailer')),
	q(SELECT consumer, pending, leased, dead FROM contacts.event_lag),
	q(SELECT contacts.claim('nobody')),
	q(SELECT contact_upsert('{"email_address":"gone@example.com","status":"CLEANED"}') IS NOT NULL),
	q(SELECT contacts.erase('gone@example.com'), contacts.erase('gone@example.com'), contacts.lift_suppression('gone@example.com')),
	q(SELECT contacts.define_workspace('second', 'guarded'), contacts.define_workspace('third', history => 'all'), contacts.define_workspace('renamed', workspace_id => 3)),
	q(SELECT name, status_policy, history FROM contacts.workspace ORDER BY 1),
	q(SELECT contacts.upsert('{"email_address":"h@example.com"}', 3) IS NOT NULL),
	# by hand
	q(UPDATE contacts.contact SET status = 'CLEANED' WHERE workspace_id = 1 AND email_address = 'a@example.com' RETURNING version),
	q(INSERT INTO contacts.field (workspace_id, merge_tag, label) VALUES (1, 'hand', 'By hand') RETURNING "position"),
	q(UPDATE contacts.field SET type = 'NUMBER' WHERE workspace_id = 1 AND merge_tag = 'hand'),
	q(INSERT INTO contacts.tag (workspace_id, name) VALUES (1, 'VIP')),
	q(SELECT contact_upsert('{"email_address":"hand@example.com","fields":{"hand":"x"}}') #> '{data,data}'),
	q(DELETE FROM contacts.field WHERE workspace_id = 1 AND merge_tag = 'hand'),
	q(SELECT data, version FROM contacts.contact WHERE workspace_id = 1 AND email_address = 'hand@example.com'),
	q(DELETE FROM contacts.contact WHERE workspace_id = 1 AND email_address = 'hand@example.com'),
	# the limits of a workspace
	q(SELECT contacts.define_field('big' || i, 'Big', 'DROPDOWN_MULTIPLE', ARRAY['a', repeat('x', 1024 * 1024 - 1)]) FROM generate_series(1, 9) i),
	# by hand, many rows at once: Citus has a server copy them into a shard, where triggers see them
	q(DO $$ BEGIN INSERT INTO contacts.field (workspace_id, merge_tag, label) SELECT 1, 'many' || i, 'Many ' || i FROM generate_series(1, 5001) i;
		EXCEPTION WHEN OTHERS THEN RAISE NOTICE '%', SQLERRM; END $$),
	q(SELECT count(*) FROM contacts.field WHERE workspace_id = 1 AND merge_tag LIKE 'many%'),
	"COPY contacts.field (workspace_id, merge_tag, label) FROM stdin;\n1\tcopied\tCopied\n\\.\nSELECT merge_tag, \"position\" IS NULL FROM contacts.field WHERE merge_tag = 'copied'",
	q(SELECT contact_upsert('{"email_address":"copied@example.com","fields":{"copied":"x"}}') #> '{data,data}'),
	q(INSERT INTO contacts.contact (workspace_id, email_address, data) SELECT 1, 'many' || i || '@example.com', '{"name":"Many"}' FROM generate_series(1, 3) i),
	q(SELECT c.email_address, c.data, c.version FROM contacts.contact c WHERE c.workspace_id = 1 AND c.email_address LIKE 'many%' ORDER BY 1),
	q(SELECT contact_upsert('{"email_address":"many2@example.com","fields":{"name":"Few"}}') #> '{data,data}'),
	# transaction blocks
	q(BEGIN),
	q(SELECT contact_upsert('{"email_address":"block@example.com","fields":{"name":"1"}}') #>> '{data,data,name}'),
	q(SAVEPOINT s),
	q(SELECT contact_upsert('{"email_address":"block@example.com","fields":{"name":"2"}}') #>> '{data,data,name}'),
	q(SELECT contacts.upsert('{"email_address":"block@example.com"}', 2) IS NOT NULL),
	q(ROLLBACK TO s),
	q(SELECT data, version FROM contacts.contact WHERE workspace_id = 1 AND email_address = 'block@example.com'),
	q(SELECT count(*) FROM contacts.contact WHERE workspace_id = 2 AND email_address = 'block@example.com'),
	q(SELECT count(*) FROM contacts.upsert_many('[{"email_address":"block2@example.com"}]')),
	q(COMMIT),
	q(SELECT email_address, data FROM contacts.contact WHERE email_address LIKE 'block%' ORDER BY 1),
	q(BEGIN),
	q(SELECT contact_upsert('{"email_address":"undone@example.com"}') IS NOT NULL, contacts.upsert('{"email_address":"undone@example.com"}', 2) IS NOT NULL),
	q(ROLLBACK),
	q(SELECT count(*) FROM contacts.contact WHERE email_address LIKE 'undone%'),
	q(BEGIN READ ONLY),
	q(SELECT contact_upsert('{"email_address":"read@example.com"}')),
	q(ROLLBACK),
	q(BEGIN READ ONLY),
	q(SELECT contacts.apply('{"email_address":"read@example.com"}')),
	q(ROLLBACK),
	q(BEGIN READ ONLY),
	q(SELECT contacts.record('a', 'total_opens')),
	q(ROLLBACK),
	q(DO $$ BEGIN PERFORM contact_upsert('{"email_address":"do@example.com"}'); PERFORM contact_upsert('{"email_address":"no"}'); EXCEPTION WHEN OTHERS THEN RAISE NOTICE '%', SQLERRM; END $$),
	q(SELECT count(*) FROM contacts.contact WHERE email_address = 'do@example.com'),
	# notifications come to the session that listens where the call was made
	q(LISTEN contact_automation),
	q(SELECT contact_upsert('{"email_address":"1@old.example","fields":{"name":"rings"}}') IS NOT NULL),
	q(SELECT contacts.relay('mailer', 'contact_automation')),
	q(UNLISTEN *),
	q(SELECT contacts.unsubscribe('mailer')),
	q(SELECT contacts.purge_events('0') > 0, contacts.purge_history('0') > 0),
	q(DELETE FROM contacts.workspace WHERE name = 'renamed'),
	q(SELECT count(*) FROM contacts.contact WHERE workspace_id = 3),
	q(SELECT email_address, status, data, version FROM contacts.contact ORDER BY workspace_id, email_address),
	q(SELECT contact_upsert('{"email_address":"tags@example.com","tags":["gold"]}') IS NOT NULL),
	q(TRUNCATE contacts.tag),
	q(SELECT contact_upsert('{"email_address":"tags@example.com","tags":["gold"]}')));
same_answers($coordinator, $owner, 'plain', 'postgres', @statements);

# A query that Citus cannot plan spoils no session: calls go on, alone, in a transaction block and rolled back.
my ($status, $out, $said) = $coordinator->psql('postgres', <<'SQL', on_error_stop => 0);
SELECT ARRAY(SELECT t.name FROM contacts.tag t WHERE t.tag_id = ANY (c.tags)) FROM contacts.contact c;
SELECT contact_upsert('{"email_address":"spoilt@example.com","fields":{"name":"1"}}') #>> '{data,data,name}';
BEGIN;
SELECT contact_upsert('{"email_address":"spoilt@example.com","fields":{"name":"2"}}') #>> '{data,data,name}';
SELECT contact_upsert('{"email_address":"spoilt@example.com","fields":{"name":"3"}}') #>> '{data,data,name}';
SELECT contacts.upsert('{"email_address":"spoilt@example.com"}', 2) #>> '{data,status}';
SELECT contacts.get('spoilt@example.com') #>> '{data,data,name}';
SELECT data ->> 'name' FROM contacts.contact WHERE workspace_id = 1 AND email_address = 'spoilt@example.com';
COMMIT;
BEGIN;
SELECT outcome FROM contacts.upsert_many('[{"email_address":"spoilt@example.com","fields":{"name":"4"}},{"email_address":"spoilt2@example.com"}]');
ROLLBACK;
SELECT contacts.get('spoilt@example.com') ->> 'version', contacts.get('spoilt2@example.com');
SELECT contacts.upsert('{"email_address":"spoilt@example.com"}', 99);
SQL
like($said, qr/ERROR:  complex joins .*ERROR:  Workspace 99 does not exist/s, 'a query that cannot be planned, and a workspace that there is not');
is(scalar(() = $said =~ /ERROR:/g), 2, 'are all errors') or diag($said);
is($out, "1\n2\n3\nSUBSCRIBED\n3\n3\nupdated\ncreated\n3|", 'calls go on behind it');

# Members and strangers
$coordinator->safe_psql('postgres', 'CREATE ROLE member LOGIN; CREATE ROLE stranger LOGIN; CREATE ROLE watcher LOGIN');
$coordinator->safe_psql($_, q(SELECT contacts.grant_access('member', 1); SELECT contacts.grant_monitoring('watcher'))) for 'plain', 'postgres';
my @restricted = (
	q(SELECT contact_upsert('{"email_address":"member@example.com","fields":{"name":"M"},"evidence":{"form":1},"tags":["mine"],"create_tags":true}') #> '{data,data}'),
	q(SELECT outcome FROM contacts.upsert_many('[{"email_address":"member@example.com"},{"email_address":"member2@example.com"}]')),
	q(BEGIN), q(SELECT contact_upsert('{"email_address":"member3@example.com"}') IS NOT NULL), q(SELECT count(*) > 3 FROM contacts.contact), q(ROLLBACK),
	q(SELECT DISTINCT workspace_id FROM contacts.contact), q(SELECT DISTINCT workspace_id FROM contacts.workspace), q(SELECT count(*) FROM contacts.history),
	q(SELECT contacts.upsert('{"email_address":"member@example.com"}', 2)), q(SELECT contacts.get('1@old.example', 2)), q(SELECT contacts.get('2@old.example', 1) IS NOT NULL),
	q(SELECT contacts.define_tag('tagged') > 0), q(UPDATE contacts.contact SET status = 'CLEANED' WHERE workspace_id = 2),
	q(INSERT INTO contacts.event (workspace_id, contact_id, contact_version, ordinal, type) VALUES (1, 'x', 1, 1, 'TAG_ADDED')),
	q(SELECT contacts.subscribe('theirs')), q(SELECT contacts.distribute()), q(SELECT contacts.define_workspace('theirs')),
	q(SELECT contacts.erase('member2@example.com')));
same_answers($coordinator, 'member', 'plain', 'postgres', grep { !/distribute|define_workspace/ } @restricted);
same_answers($coordinator, 'stranger', 'plain', 'postgres', q(SELECT contact_upsert('{"email_address":"s@example.com"}')), q(SELECT count(*) FROM contacts.contact),
	q(SELECT contacts.get('1@old.example', 2)), q(SELECT * FROM contacts_internal.call_here(1, 'get', '{a}', '{}')));
is(query($coordinator, 'TABLE contacts.event_lag; SELECT count(*) FROM contacts.import_counts', user => 'watcher'), 0, 'who monitors sees counts');
like(query($coordinator, q(SELECT contacts.distribute()), user => 'member'), qr/permission denied for function distribute/, 'a member cannot distribute');
$coordinator->safe_psql('postgres', q(SELECT contacts.revoke_access('member', 1)));
like(query($coordinator, q(SELECT contact_upsert('{"email_address":"member@example.com"}')), user => 'member'), qr/permission denied/, 'nor call once access is revoked');
# A role that has left may be dropped, once the workers know.
$coordinator->safe_psql('plain', q(SELECT contacts.revoke_access('member', 1)));
like(query($coordinator, 'DROP ROLE member'), qr/cannot be dropped because some objects depend on it/, 'the workers still know the role');
is(query($coordinator, 'SELECT contacts.distribute()'), '', 'distribute() again tells them');
is(query($coordinator, 'DROP ROLE member'), '', 'and it may be dropped');
is(query($coordinator, 'TABLE contacts.event_lag; SELECT count(*) FROM contacts.import_counts', user => 'watcher'), 0, 'who monitors sees counts still');

done_testing();
