# What committed is there after a crash, with its events; what did not commit is not. A killed backend hurts nobody.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "restart_after_crash = on\nmax_prepared_transactions = 5");
$node->start;
$node->safe_psql('postgres', q(
	CREATE EXTENSION contact_upsert;
	SELECT contacts.install();
	SELECT contacts.define_field('name', 'Name', tracked => true);
	SELECT contacts.subscribe('mailer');
	SELECT contact_upsert('{"email_address":"kept@example.com","status":"UNCONFIRMED"}');
));
my $in = '';
my $out = '';
my $err = '';
my $psql = IPC::Run::start([ 'psql', '-X', '-A', '-t', '-q', '-d', $node->connstr('postgres') ], '<', \$in, '>', \$out, '2>', \$err,
	IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
$in .= q(BEGIN; SELECT contact_upsert('{"email_address":"lost@example.com","status":"UNCONFIRMED"}') #>> '{data,status}'; SELECT 'pid ' || pg_backend_pid();) . "\n";
$psql->pump until $out =~ /pid (\d+)/;
my ($pid) = $out =~ /pid (\d+)/;

# another session waits for that row
my $waiter_in = '';
my $waiter_out = '';
my $waiter = IPC::Run::start([ 'psql', '-X', '-A', '-t', '-q', '-d', $node->connstr('postgres') ], '<', \$waiter_in, '>', \$waiter_out,
	IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
$waiter_in .= q(SELECT contact_upsert('{"email_address":"lost@example.com"}') #>> '{data,status}';) . "\n\\q\n";
$waiter->pump_nb;
ok($node->poll_query_until('postgres', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock')), 'a second session waits for the address');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
$waiter->finish;
like($waiter_out, qr/SUBSCRIBED/, 'and creates the contact when the first is terminated');
$psql->finish;
is($node->safe_psql('postgres', q(SELECT status, version FROM contacts.contact WHERE email_address = 'lost@example.com')), 'SUBSCRIBED|1', 'alone');

my $prepared = q(BEGIN; SELECT contact_upsert('{"email_address":"prepared@example.com","status":"UNCONFIRMED"}') #>> '{data,status}'; PREPARE TRANSACTION 'p');
is($node->safe_psql('postgres', $prepared), 'UNCONFIRMED', 'PREPARE TRANSACTION after an upsert');

$node->stop('immediate');
$node->start;

is($node->safe_psql('postgres', q(SELECT email_address FROM contacts.contact ORDER BY 1)), "kept\@example.com\nlost\@example.com", 'after a crash: what committed');
$node->safe_psql('postgres', q(COMMIT PREPARED 'p'));
is($node->safe_psql('postgres', q(SELECT c.email_address, e.type FROM contacts.event e JOIN contacts.contact c ON c.id = e.contact_id
		JOIN contacts.delivery d ON d.event_id = e.event_id ORDER BY 1)),
	"kept\@example.com|CONTACT_SUBSCRIBED_PENDING\nprepared\@example.com|CONTACT_SUBSCRIBED_PENDING",
	'with its events and their deliveries, those of a prepared transaction too');
is($node->safe_psql('postgres', q(SELECT contact_upsert('{"email_address":"kept@example.com","partial_update":true,"fields":{"name":"x"}}') #>> '{data,data,name}')),
	'x', 'and upserts go on');

done_testing();
