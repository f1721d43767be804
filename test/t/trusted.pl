# The owner of a database, no superuser, creates the extension, installs the tables and gives others access.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', q(
	CREATE ROLE boss LOGIN;
	CREATE ROLE app LOGIN;
	CREATE ROLE stranger LOGIN;
));
$node->safe_psql('postgres', 'CREATE DATABASE shop OWNER boss');

# Runs SQL as a role that logs in.
sub as
{
	my ($role, $sql) = @_;
	my ($out, $err) = ('', '');
	$node->psql('shop', $sql, stdout => \$out, stderr => \$err, extra_params => [ '-U', $role ], on_error_stop => 0);
	return $out . $err;
}

like(as('stranger', 'CREATE EXTENSION contact_upsert'), qr/permission denied to create extension/, 'a stranger cannot create the extension');
is(as('boss', 'CREATE SCHEMA api; CREATE EXTENSION contact_upsert SCHEMA api'), '', 'the owner of the database can');
like(as('boss', 'SELECT contacts.install()'), qr/^\d+\.\d+\.\d+$/, 'and installs the tables');
is($node->safe_psql('shop', q(SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'contacts')), 'boss', 'which are his');
is(as('boss', q(SELECT contacts.define_field('name', 'Name', tracked => true); SELECT contacts.define_tag('vip');
		SELECT contacts.define_workspace('second'); SELECT api.contact_upsert('{"email_address":"a@example.com","tags":["vip"]}') #>> '{data,status}')),
	"name\n1\n2\nSUBSCRIBED", 'defines and upserts');
like(as('app', q(SELECT api.contact_upsert('{"email_address":"a@example.com"}'))), qr/permission denied/, 'another role may nothing');
is(as('boss', q(SELECT contacts.grant_access('app', 1))), '', 'until it is given access');
is(as('app', q(SELECT api.contact_upsert('{"email_address":"A@example.com","partial_update":true,"fields":{"name":"x"},"add_tags":["new"],"create_tags":true}')
		#>> '{data,data,name}'; SELECT count(*) FROM contacts.event;)),
	"x\n2", 'then it upserts, and its events are stored');
like(as('app', q(SELECT contacts.upsert(2, '{"email_address":"a@example.com"}'))), qr/Workspace 2 does not exist/, 'in that workspace only');
like(as('boss', q(SELECT contacts.subscribe('mailer'); SELECT contacts.install();)), qr/^1\n\d/, 'he subscribes, and may run install() again');
is(as('boss', q(SELECT contacts.revoke_access('app', 1))), '', 'access is taken back');
like(as('app', q(SELECT api.contact_upsert('{"email_address":"a@example.com"}'))), qr/permission denied/, 'and gone');
is($node->safe_psql('shop', 'DROP ROLE app; SELECT 1'), '1', 'nothing keeps the role from being dropped');

# Nothing that he may change runs with more rights than his own.
is($node->safe_psql('shop', q(SELECT count(*) FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.deptype = 'e' JOIN pg_extension x ON x.oid = d.refobjid
		WHERE x.extname = 'contact_upsert' AND (p.prosecdef OR p.proowner = 'boss'::regrole))), '0', 'no function is SECURITY DEFINER or his to replace');

done_testing();
