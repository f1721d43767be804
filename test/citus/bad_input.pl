# What Citus cannot do is refused before anything is done, with an error that names the cause and the cure.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use ContactCitus;
use PostgreSQL::Test::Utils;
use Test::More;

my $alone = start_server('alone');
$alone->safe_psql('postgres', 'CREATE EXTENSION contact_upsert; SELECT contacts.install()');
fails($alone, 'SELECT contacts.distribute()', '55000', 'Citus has no worker', 'without a worker');
$alone->safe_psql('postgres', 'DROP EXTENSION citus');
fails($alone, 'SELECT contacts.distribute()', '0A000', 'contacts.distribute\(\) needs Citus', 'without Citus');
fails($alone, 'SELECT contacts.undistribute()', '0A000', 'contacts.undistribute\(\) needs Citus', 'undistribute() without Citus');
$alone->stop;
my $late = start_server('late', libraries => 'citus');
$late->safe_psql('postgres', 'CREATE EXTENSION contact_upsert; SELECT contacts.install()');
fails($late, 'SELECT contacts.distribute()', '55000', 'contact_upsert is not in shared_preload_libraries', 'where the library is not preloaded');
$late->stop;

my ($coordinator, $worker) = start_cluster(1);
fails($coordinator, 'CREATE EXTENSION contact_upsert; SELECT contacts.distribute()', '55000', 'The contact tables are not installed', 'without tables');
$coordinator->safe_psql('postgres', 'CREATE EXTENSION IF NOT EXISTS contact_upsert; SELECT contacts.install(); CREATE TABLE other (workspace_id bigint, id text)');
fails($coordinator, 'SELECT contacts.undistribute()', '55000', 'The contact tables are not distributed', 'undistribute() of plain tables');
my $kind = q(SELECT count(*) FROM pg_dist_partition WHERE logicalrelid::text LIKE 'contacts.%');
for my $case (
	[ 'CREATE TRIGGER own AFTER INSERT ON contacts.contact FOR EACH ROW EXECUTE FUNCTION own()', 'trigger own on contacts.contact', 'DROP TRIGGER own ON contacts.contact' ],
	[ 'CREATE POLICY own ON contacts.contact USING (true)', 'policy own on contacts.contact', 'DROP POLICY own ON contacts.contact' ],
	[ 'ALTER TABLE other ADD CONSTRAINT own FOREIGN KEY (workspace_id, id) REFERENCES contacts.contact', 'foreign key own of public.other', 'ALTER TABLE other DROP CONSTRAINT own' ],
	[ 'CREATE UNIQUE INDEX own ON contacts.contact (email_address)', 'unique index contacts.own', 'DROP INDEX contacts.own' ],
	[ 'CREATE VIEW own AS SELECT email_address FROM contacts.contact', 'view public.own', 'DROP VIEW own' ],
	[ 'ALTER TABLE contacts.contact DISABLE TRIGGER leave_suppression', 'trigger leave_suppression on contacts.contact', 'ALTER TABLE contacts.contact ENABLE TRIGGER leave_suppression' ],
	[ q(SELECT contacts.subscribe('all', workspace_id => 0)), undef, q(SELECT contacts.unsubscribe('all', 0)) ])
{
	my ($make, $named, $drop) = @$case;
	$coordinator->safe_psql('postgres', 'CREATE OR REPLACE FUNCTION own() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$');
	$coordinator->safe_psql('postgres', $make);
	fails($coordinator, 'SELECT contacts.distribute()', '55000', $named ? "What has been added to the contact tables is in the way: \Q$named\E" : 'There is a consumer of every workspace', "refused: $make");
	is(query($coordinator, $kind), 0, 'and nothing is done');
	$coordinator->safe_psql('postgres', $drop);
}
is(query($coordinator, 'SELECT contacts.distribute(2)'), '', 'then it works');
fails($coordinator, 'SELECT contacts.distribute(4)', '55000', 'The contact tables are distributed already', 'with another number of shards');
fails($worker, 'SELECT contacts.distribute()', '55000', 'contacts.distribute\(\) is for the coordinator', 'on a worker');
fails($worker, 'SELECT contacts.undistribute()', '55000', 'contacts.undistribute\(\) is for the coordinator', 'undistribute() on a worker');
fails($worker, q(SELECT contacts.define_workspace('w')), '55000', 'contacts.define_workspace\(\) is for the coordinator', 'define_workspace() on a worker');
like(query($worker, q(SELECT contact_upsert('{"email_address":"w@example.com"}'))), qr/w\@example.com/, 'a call on a worker works');

# What cannot work is refused, and nothing is half written.
my $counts = 'SELECT (SELECT count(*) FROM contacts.contact), (SELECT count(*) FROM contacts.event), (SELECT count(*) FROM contacts.import_progress)';
my $before = query($coordinator, $counts);
fails($coordinator, q(SELECT contacts.subscribe('all', workspace_id => 0)), '0A000', 'No call can be for every workspace', 'a consumer of every workspace');
fails($coordinator, q(SELECT contacts.claim('all', workspace_id => 0)), '0A000', 'No call can be for every workspace', 'a claim of every workspace');
fails($coordinator, q(SELECT contacts.create_import_view('v')), '0A000', 'contacts.create_import_view\(\) cannot work', 'create_import_view()');
fails($coordinator, q(CREATE POLICY own ON contacts.contact AS RESTRICTIVE USING (status <> 'CLEANED')), '0A000', 'The policy own cannot be restrictive', 'a restrictive policy, which Citus would make a permissive one');
like(query($coordinator, q(CREATE POLICY own ON contacts.contact USING (false); SELECT string_agg(result, '') FROM run_command_on_workers($$SELECT count(*) FROM pg_policy WHERE polname = 'own' AND polpermissive$$); DROP POLICY own ON contacts.contact)), qr/^[1-9]$/, 'a permissive one is what it is');
fails($coordinator, q(SELECT contacts_internal.call_here(1, 'erase_all', '{}', '{}')), '22023', q(There is no call 'erase_all'), 'a call that there is not');
fails($coordinator, q(SELECT contacts.define_workspace('default', workspace_id => 99)), '23505', q(Another workspace has the name 'default'), 'a name that is taken');
is(query($coordinator, $counts), $before, 'nothing was written');

# A worker that is down
$worker->stop;
like(query($coordinator, q(SELECT contact_upsert('{"email_address":"down@example.com"}'))), qr/connection to the remote node|could not|failed/, 'a worker that is down');
$worker->start;
is(query($coordinator, q(SELECT count(*) FROM contacts.contact WHERE email_address = 'down@example.com')), 0, 'nothing was written');
like(query($coordinator, q(SELECT contact_upsert('{"email_address":"down@example.com"}'))), qr/down\@example.com/, 'and it works again');

done_testing();
