# The rules of a contact where no statement of a client writes it: a restore, and logical replication.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 'logical');
$node->start;
my $dump = $node->basedir . '/dump';
# of the table that has the rows, or of its partitions, which have them
my $firing = q(SELECT DISTINCT tgenabled FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid WHERE tgname = 'zzz_contact_is_valid' AND relkind = 'r');
my $bad_row = q(INSERT INTO contacts.contact (workspace_id, email_address) VALUES (1, 'Bad@example.com'));
my $check = 'SELECT count(*) FROM contacts.contact WHERE contacts_internal.check_contact(id, email_address, tags, data, version, created_at, updated_at)';
my $error = qr/email_address of a contact must be a valid address/;

sub answer
{
	my ($server, $database, $sql) = @_;
	my ($status, $out, $err) = $server->psql($database, $sql);
	return $out . $err;
}

$node->safe_psql('postgres', q(
	CREATE EXTENSION contact_upsert;
	SELECT contacts.install();
	INSERT INTO contacts.contact (workspace_id, email_address, version) VALUES (1, 'good@example.com', 7);
));

# A dump: its triggers come behind its rows.
$node->command_ok([ 'pg_dump', '--file', "$dump.sql", 'postgres' ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dump.sql", '-d', 'restored' ], 'restore');
is($node->safe_psql('restored', $firing), 'A', 'a restored table has the trigger, and it fires always');
like(answer($node, 'restored', $bad_row), $error, 'and refuses what breaks a rule');
is($node->safe_psql('restored', $check), '1', 'the rows of the dump keep the rules');

# Rows that were changed in the dump are not seen. A look for them, and the next write, sees them.
my $edited = slurp_file("$dump.sql") =~ s/good\@example\.com/Good\@example.com/gr;
append_to_file("$dump.edited.sql", $edited);
$node->safe_psql('postgres', 'CREATE DATABASE edited');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dump.edited.sql", '-d', 'edited' ], 'a dump that was edited is restored');
is($node->safe_psql('edited', 'SELECT contacts.install() IS NOT NULL; SELECT email_address FROM contacts.contact'), "t\nGood\@example.com", 'as it is');
like(answer($node, 'edited', $check), $error, 'check_contact() finds what breaks a rule');
like(answer($node, 'edited', q(UPDATE contacts.contact SET status = 'CLEANED')), $error, 'and it cannot be written again');

# Rows alone are checked, unless the restore switches triggers off; and then install() has ours fire always again.
$node->command_ok([ 'pg_dump', '--data-only', '--table', 'contacts.contact*', '--format', 'custom', '--file', "$dump.custom", 'edited' ], 'pg_dump --data-only');
$node->safe_psql('postgres', 'CREATE DATABASE rows');
$node->safe_psql('rows', 'CREATE EXTENSION contact_upsert; SELECT contacts.install()');
$node->command_fails_like([ 'pg_restore', '--exit-on-error', '--data-only', '-d', 'rows', "$dump.custom" ], $error, 'pg_restore --data-only checks rows');
$node->command_ok([ 'pg_restore', '--exit-on-error', '--data-only', '--disable-triggers', '-d', 'rows', "$dump.custom" ], 'with --disable-triggers it does not');
is($node->safe_psql('rows', $firing), 'O', 'and leaves the trigger as any other');
is($node->safe_psql('rows', "SELECT contacts.install() IS NOT NULL; $firing"), "t\nA", 'install() has it fire always');

# Logical replication
my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
$subscriber->init;
$subscriber->start;
$subscriber->safe_psql('postgres', q(CREATE EXTENSION contact_upsert; SELECT contacts.install()));
$node->safe_psql('postgres', 'CREATE PUBLICATION contacts FOR TABLE contacts.contact');
$subscriber->safe_psql('postgres', sprintf(
	q(CREATE SUBSCRIPTION contacts CONNECTION '%s' PUBLICATION contacts WITH (disable_on_error = true)), $node->connstr('postgres') =~ s/'/''/gr));
$subscriber->wait_for_subscription_sync($node, 'contacts') if $subscriber->can('wait_for_subscription_sync');
$subscriber->poll_query_until('postgres', q(SELECT count(*) = 1 FROM contacts.contact));
$node->safe_psql('postgres', q(
	UPDATE contacts.contact SET version = 20;
	BEGIN;
	ALTER TABLE contacts.contact DISABLE TRIGGER zzz_contact_is_valid;
	UPDATE contacts.contact SET status = 'CLEANED';
	ALTER TABLE contacts.contact ENABLE ALWAYS TRIGGER zzz_contact_is_valid;
	COMMIT;
));
$node->wait_for_catchup('contacts');
is($subscriber->safe_psql('postgres', 'SELECT version, status FROM contacts.contact'), '20|CLEANED', 'a replica takes versions as they come');
$node->safe_psql('postgres', "BEGIN; ALTER TABLE contacts.contact DISABLE TRIGGER zzz_contact_is_valid; $bad_row; COMMIT");
ok($subscriber->poll_query_until('postgres', 'SELECT NOT subenabled FROM pg_subscription'), 'a row that breaks a rule ends the subscription');
like(slurp_file($subscriber->logfile), $error, 'with the error of the rule');
is($subscriber->safe_psql('postgres', 'SELECT count(*) FROM contacts.contact'), '1', 'and is not there');

done_testing();
