# On a standby the call is refused at once, and preview, get and search work.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->start;
$primary->safe_psql('postgres', q(
	CREATE EXTENSION contact_upsert;
	SELECT contacts.install();
	SELECT contacts.define_field('name', 'Name');
	SELECT contact_upsert('{"email_address":"a@example.com","tags":["vip"],"create_tags":true}');
	CREATE ROLE member; SELECT contacts.grant_access('member');
	SELECT contacts.erase('gone@example.com', workspace_id => contacts.define_workspace('guarded', 'guarded'), suppress => true);
	CREATE TABLE staging (email_address text);
	INSERT INTO staging VALUES ('staged@example.com');
));
$primary->safe_psql('postgres', q(CALL contacts.import('staging')));
$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);

my ($status, $out, $err) = $standby->psql('postgres', q(SELECT contact_upsert('[]')), on_error_stop => 0, extra_params => [ '-v', 'VERBOSITY=sqlstate' ]);
like($err, qr/ERROR:  25006/, 'contact_upsert is refused with 25006');
($status, $out, $err) = $standby->psql('postgres', q(SELECT contact_upsert('[]')));
like($err, qr/HINT:  This server is a standby: connect to the primary\. contacts\.preview\(\) works here\.$/m, 'and says what to do');
($status, $out, $err) = $standby->psql('postgres', q(CALL contacts.import('staging')));
like($err, qr/ERROR:  contacts\.import\(\) cannot run on a standby\.\nHINT:  CALL it on the primary\./, 'so is contacts.import');
for my $call (q(contacts.erase('a@example.com')), q(contacts.change_address('a@example.com', 'b@example.com')), q(contacts.merge('a@example.com', 'b@example.com')),
	q(contacts.lift_suppression('gone@example.com', 2)), q(contacts.record('0123456789abcdef01234567', 'total_opens')),
	q(contacts.claim('mailer', 1)), q(contacts.ack('mailer', 1, '{1}')), q(contacts.fail('mailer', 1, 1, 'x')), q(contacts.retry_dead('mailer')),
	q(contacts.subscribe('another')), q(contacts.unsubscribe('mailer')), q(contacts.relay('mailer', 'x')),
	q(contacts.record_many('[]')), q(contacts.purge_history('1 day')), q(contacts.purge_events('1 day')))
{
	($status, $out, $err) = $standby->psql('postgres', "\\set VERBOSITY sqlstate\nSELECT $call;\n\\set VERBOSITY default\nSELECT $call;", on_error_stop => 0);
	like($err, qr/ERROR:  25006.*HINT:  This server is a standby: connect to the primary\.$/sm, "so is $call");
}
is($standby->safe_psql('postgres', q(SELECT error ->> 'code' FROM contacts.preview('{"email_address":"gone@example.com"}', 2))), 'RESUBSCRIBE_REFUSED', 'preview of a suppressed address');
($status, $out, $err) = $standby->psql('postgres', q(CALL contacts.undo_import(1)));
like($err, qr/ERROR:  contacts\.undo_import\(\) cannot run on a standby\.\nHINT:  CALL it on the primary\. With dry_run => true it works here too\./, 'so is contacts.undo_import');
($status, $out, $err) = $standby->psql('postgres', q(CALL contacts.undo_import(1, dry_run => true)));
like($err, qr/Undo of import 1 of public\.staging: 0 to restore, 1 to delete, 0 to keep\./, 'but not its dry run');
my $preview = q(SELECT outcome FROM contacts.preview('{"email_address":"%s","fields":{"name":"x"}}'));
is($standby->safe_psql('postgres', sprintf $preview, 'A@example.com'), 'updated', 'preview of an update');
is($standby->safe_psql('postgres', sprintf $preview, 'b@example.com'), 'created', 'preview of a creation');
is($standby->safe_psql('postgres', q(SELECT contacts.get('A@example.com') #>> '{data,data,email_address}')), 'a@example.com', 'get');
is($standby->safe_psql('postgres', q(SELECT email_address, version FROM contacts.search('{"status":"SUBSCRIBED"}') ORDER BY 1)), "a\@example.com|1\nstaged\@example.com|1", 'search');
is($standby->safe_psql('postgres', q(SET ROLE member; SELECT email_address FROM contacts.search('{"tags":{"any":["vip"]}}'))), 'a@example.com', 'search by tags, as a member');
is($standby->safe_psql('postgres', q(SELECT contacts.request_schema() #>> '{properties,fields,properties,name,title}')), 'Name', 'request_schema');
($status, $out, $err) = $standby->psql('postgres', q(SELECT contacts.record_many('[{"contact":"a@example.com","counter":"total_opens"}]')), on_error_stop => 0, extra_params => [ '-v', 'VERBOSITY=sqlstate' ]);
like($err, qr/ERROR:  25006/, 'record_many is refused with 25006');
# Rows of a table that is not logged are not here, which the look-up by index must not take for none.
# (Partitions are tables of their own in that.)
my @statistics = split /\n/, $primary->safe_psql('postgres', q(SELECT c.oid::regclass FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
	WHERE c.relkind = 'r' AND 'contacts.statistics'::regclass IN (c.oid, i.inhparent)));
$primary->safe_psql('postgres', join ';', map { "ALTER TABLE $_ SET UNLOGGED" } @statistics);
$primary->wait_for_catchup($standby);
for my $fast_path (qw(on off))
{
	($status, $out, $err) = $standby->psql('postgres', "SET contact_upsert.fast_path = $fast_path; " . sprintf $preview, 'a@example.com');
	like($err, qr/cannot access temporary or unlogged relations during recovery/, "a table that is not logged, fast path $fast_path");
}
$primary->safe_psql('postgres', join ';', map { "ALTER TABLE $_ SET LOGGED" } @statistics);
$primary->safe_psql('postgres', q(DELETE FROM contacts.field WHERE merge_tag = 'name'));
$primary->wait_for_catchup($standby);
is($standby->safe_psql('postgres', sprintf $preview, 'a@example.com'), 'failed', 'a change of the definitions arrives');

$standby->promote;
is($standby->safe_psql('postgres', q(SELECT contact_upsert('{"email_address":"a@example.com","status":"CLEANED"}') #>> '{data,status}')),
	'CLEANED', 'after a promotion the call works');

done_testing();
