# The package is removed while the tables exist: what needs its library is an error and changes nothing, the tables can be read and dumped,
# and when it is installed again all is as before.

use strict;
use warnings;

use File::Basename qw(dirname);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Installation;

my %dir = copy_installation();
my @files = ("$dir{pkglibdir}/contact_upsert.so", glob "$dir{sharedir}/extension/contact_upsert*");
my %content = map { $_ => slurp_file($_) } @files;

my $node = PostgreSQL::Test::Cluster->new('main', install_path => dirname($dir{bindir}));
$node->init;
$node->start;
for my $database (qw(postgres dropped))
{
	$node->safe_psql('postgres', "CREATE DATABASE $database") if $database ne 'postgres';
	$node->safe_psql($database, q(
		CREATE EXTENSION contact_upsert;
		SELECT contacts.install(), contacts.define_field('name', 'Name', tracked => true), contacts.subscribe('mailer');
		SELECT contact_upsert(jsonb_build_object('email_address', i || '@example.com', 'fields', jsonb_build_object('name', i::text),
			'tags', '["vip"]'::jsonb, 'create_tags', true)) FROM generate_series(1, 10) i;));
}
$node->safe_psql('postgres', q(CREATE ROLE member; SELECT contacts.grant_access('member')));

# All that there is, as a dump without what differs from one to the next.
sub everything
{
	my ($out, $err) = run_command([ 'pg_dump', '-h', $node->host, '-p', $node->port, 'postgres' ]);

	is($err, '', 'pg_dump works');
	$out =~ s/^\\(un)?restrict .*\n//mg;
	return $out;
}

$node->safe_psql('postgres', q(SELECT contact_upsert('{"email_address": "5@example.com", "status": "UNSUBSCRIBED"}')));
my $session = $node->background_psql('postgres');
my $upsert = q(SELECT contact_upsert('{"email_address": "%s@example.com"}') #>> '{data,status}');
is($session->query_safe(sprintf $upsert, 1), 'SUBSCRIBED', 'a session has the library');
my $before = everything();
my $rows = $node->safe_psql('postgres', 'TABLE contacts.contact ORDER BY id');
my $events = $node->safe_psql('postgres', 'TABLE contacts.event ORDER BY event_id');

unlink @files;

my $missing = qr/ERROR:  could not access file ".*contact_upsert": No such file or directory/;
for my $statement (
	sprintf($upsert, 2),
	q(SELECT contacts.get('2@example.com')),
	q(SELECT * FROM contacts.upsert_many('[{"email_address": "2@example.com"}]')),
	q(SELECT * FROM contacts.claim('mailer', 10)),
	q(SELECT contacts.install()),
	q(UPDATE contacts.contact SET data = '{}'),
	q(DELETE FROM contacts.contact WHERE email_address = '5@example.com'), # it has opted out: a suppression would be lost
	q(INSERT INTO contacts.contact (email_address) VALUES ('new@example.com')),
	q(UPDATE contacts.tag SET name = 'other'),
	q(SET ROLE member; SELECT count(*) FROM contacts.contact))
{
	my ($status, $out, $err) = $node->psql('postgres', $statement);

	like($err, $missing, "an error: $statement");
}

# Nothing of ours runs that could say what to do: PostgreSQL's words lead to it, on the pages that have them to the letter.
my ($status, $out, $err) = $node->psql('postgres', sprintf $upsert, 2);
my ($message) = $err =~ /ERROR:  (could not access file .*)/;
my $pages = dirname(__FILE__) . '/../../docs';
like(slurp_file("$pages/api.md"), qr/^\|[^|]*`\Q$message\E`.*\|.* Install it again/m, 'docs/api.md names the error and its cure');
like(slurp_file("$pages/packages.md"), qr/^ERROR:  \Q$message\E\n(ERROR:  .*\n)?```\n\nInstall the package again/m, 'so does docs/packages.md');
is($node->safe_psql('postgres', 'TABLE contacts.contact ORDER BY id'), $rows, 'the owner reads the tables');
is($node->safe_psql('postgres', 'TABLE contacts.event ORDER BY event_id'), $events, 'and the outbox');
is(everything(), $before, 'nothing has changed');
$node->safe_psql('postgres', 'VACUUM ANALYZE contacts.contact');
is($session->query_safe(sprintf $upsert, 3), 'SUBSCRIBED', 'a session that has the library goes on');

$node->safe_psql('postgres', 'CREATE DATABASE restored');
my $dump = "$ENV{TESTDATADIR}/dump.sql";
put_file($dump, $before);
($out, $err) = run_command([ 'psql', '-X', '-v', 'ON_ERROR_STOP=1', '-h', $node->host, '-p', $node->port, '-f', $dump, 'restored' ]);
like($err, qr/extension "contact_upsert" is not available/, 'a dump is not restored without the package');
like($err, qr/HINT:  The extension must first be installed on the system where PostgreSQL is running\./, 'and PostgreSQL says what to do');

($status, $out, $err) = $node->psql('dropped', 'DROP EXTENSION contact_upsert');
like($err, qr/cannot drop extension contact_upsert because other objects depend on it/, 'the extension is not dropped beneath its tables');
$node->safe_psql('dropped', 'CREATE TABLE public.contact_copy AS SELECT id, email_address, status::text, data FROM contacts.contact');
$node->safe_psql('dropped', 'SET client_min_messages = warning; DROP EXTENSION contact_upsert CASCADE; DROP SCHEMA IF EXISTS contacts CASCADE');
is($node->safe_psql('dropped', 'SELECT count(*) FROM public.contact_copy'), '10', 'a copy of the contacts stays, as the README says');

put_file($_, $content{$_}) for @files;
is($node->safe_psql('postgres', sprintf $upsert, 4), 'SUBSCRIBED', 'installed again, it works');
is($node->safe_psql('postgres', 'SELECT count(*) FROM contacts.contact'), '10', 'with all contacts');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, 'restored' ], 'and the dump is restored');
$session->quit;
done_testing;
