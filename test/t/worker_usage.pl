# contact-worker's command line: what is refused before anything is claimed, and what each exit status means.

use strict;
use warnings;

use ContactWorker;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('main');
my $server = $node->connstr('postgres');
my ($version) = slurp_file('contact_upsert.control') =~ /^default_version *= *'(.*)'/m;
raise_events($node, count => 3);

$node->safe_psql('postgres', 'CREATE ROLE nobody LOGIN; CREATE DATABASE other');
my @mailer = ('--consumer', 'mailer', '--dbname', $server);
for (
	[ 0, qr/^contact-worker hands/, '--help' ],
	[ 0, qr/^contact-worker \(contact_upsert\) \Q$version\E$/, '--version' ],
	[ 2, qr/--consumer is missing/ ],
	[ 2, qr/--consumer is missing/, '--consumer', '' ],
	[ 2, qr/unrecognized option.*--help shows/s, @mailer, '--nonsense' ],
	[ 2, qr/requires an argument.*--help shows/s, @mailer, '--batch' ],
	[ 2, qr/--batch is a whole number from 1 to 100000, not "0"/, @mailer, '--batch', 0 ],
	[ 2, qr/--batch is a whole number from 1 to 100000, not "100001"/, @mailer, '--batch', 100001 ],
	[ 2, qr/--lease is a whole number from 2 to 86400, not "-1"/, @mailer, '--lease=-1' ],
	[ 2, qr/--lease is a whole number from 2 to 86400, not "86401"/, @mailer, '--lease', 86401 ],
	[ 2, qr/--lease is a whole number from 2 to 86400, not "99999999999999999999"/, @mailer, '--lease', '99999999999999999999' ],
	[ 2, qr/--timeout is a whole number from 1 to 86400, not ""/, @mailer, '--timeout', '' ],
	[ 2, qr/--poll is a whole number from 1 to 86400000, not "1s"/, @mailer, '--poll', '1s' ],
	[ 2, qr/--workspace is the number of a workspace, or 0, not "x"/, @mailer, '-w', 'x' ],
	[ 2, qr/--workspace is the number of a workspace, or 0, not "-1"/, @mailer, '--workspace', '-1' ],
	[ 2, qr/--workspace is the number of a workspace, or 0, not ""/, @mailer, '--workspace', '' ],
	[ 2, qr/--workspace is the number of a workspace, or 0, not "9223372036854775808"/, @mailer, '--workspace', '9223372036854775808' ],
	[ 2, qr/--channel is a name of 1 to 63 bytes, not ""/, @mailer, '--channel', '' ],
	[ 2, qr/--notify is a name of 1 to 63 bytes, not "x{64}"/, @mailer, '--notify', 'x' x 64 ],
	[ 2, qr/--dbname: invalid connection option "hots"/, '--consumer', 'mailer', '--dbname', 'hots=x' ],
	[ 2, qr/--listen-dbname: .*URI/, @mailer, '--listen-dbname', 'postgres://[' ],
	[ 2, qr/--listen-dbname: .*URI/, @mailer, '--listen-dbname', 'postgresql://[::1' ],
	[ 2, qr/exclude each other/, @mailer, '--notify', 'x', '--', 'cat' ],
	[ 2, qr/The handler is missing/, @mailer, '--' ],
	[ 2, qr/The handler is missing/, @mailer, '--once', '--' ],
	[ 2, qr/The handler is missing/, @mailer, '--', '' ],
	[ 2, qr/The handler is missing/, @mailer, '--notify', 'x', '--' ],
	[ 1, qr/cannot run \/no\/such: No such file/, @mailer, '--', '/no/such' ],
	[ 3, qr/No such file or directory/, '--consumer', 'mailer', '--once', '--dbname', 'host=/no/such' ],
	[ 4, qr/There is no consumer 'it''s "nobody"' in workspace 1\.\nHINT/, '--consumer', q(it's "nobody"), '--dbname', $server ],
	[ 4, qr/There is no consumer '--' in workspace 1\./, '--dbname', $server, '--consumer', '--' ],
	[ 4, qr/There is no consumer 'mailer' in workspace 7/, @mailer, '--workspace', 7 ],
	[ 4, qr/permission denied for schema contacts/, '--consumer', 'mailer', '--dbname', "$server user=nobody" ],
	[ 4, qr/schema "contacts\w*" does not exist/, '--consumer', 'mailer', '--dbname', $node->connstr('other') ],
	[ 4, qr/There is no consumer/, '--consumer', 'x', '--once', '--dbname', 'postgresql:///postgres?host=' . $node->host . '&port=' . $node->port ])
{
	my ($expected, $message, @arguments) = @$_;
	my ($stdout, $stderr) = ('', '');
	IPC::Run::run([ 'contact-worker', @arguments ], '<', '/dev/null', '>', \$stdout, '2>', \$stderr, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	is($? >> 8, $expected, join ' ', "exit status $expected:", 'contact-worker', @arguments);
	like($expected == 0 ? $stdout : $stderr, $message, 'and says why');
	is($stdout, '', 'and prints no event') unless $expected == 0;
}
is($node->safe_psql('postgres', 'SELECT count(*), max(attempts), max(lease) FROM contacts.delivery'), '3|0|0', 'nothing was claimed by any of them');

# A consumer that is not there: who may, registers it, and says so with an option.
my ($status, undef, $err) = run_worker($server, '--once', '--consumer', 'late');
is($status, 4, 'a consumer that is not registered');
like($err, qr/HINT: .*contacts\.subscribe.*the owner of the contact tables registers a consumer/s, 'standard error says who does it, and how');
is($node->safe_psql('postgres', q(SELECT count(*) FROM contacts.consumer WHERE name = 'late')), 0, 'the worker does not');
is((run_worker($server, '--once', '--consumer', 'late', '--subscribe'))[0], 0, 'with --subscribe it does');
my ($event) = raise_events($node);
my $out;
($status, $out) = run_worker($server, '--once', '--consumer', 'late', '--subscribe');
is_deeply([ $status, event_ids(split /\n/, $out) ], [ 0, $event ], 'and gets what is committed from then on');
$node->safe_psql('postgres', q(SELECT contacts.subscribe('late', ARRAY['TAG_ADDED']::contacts.event_type[], max_attempts => 7)));
run_worker($server, '--once', '--consumer', 'late', '--subscribe');
is($node->safe_psql('postgres', q(SELECT types, max_attempts FROM contacts.consumer WHERE name = 'late')), '{TAG_ADDED}|7', 'one that is there stays as it is');
($status, undef, $err) = run_worker("$server user=nobody", '--once', '--consumer', 'later', '--subscribe');
is($status, 4, 'a role that may not register a consumer');
like($err, qr/cannot register the consumer: that is for the owner of the contact tables to do\n.*permission denied/s, 'is told so');

# A member of the workspace needs no more than contacts.grant_access gives.
$node->safe_psql('postgres', q(CREATE ROLE app LOGIN; SELECT contacts.grant_access('app', workspace_id => 1)));
my ($handler, $seen) = write_handler($node, 'slow', 'sleep 2; answer("ok")');
my @due = split /\n/, $node->safe_psql('postgres', q(SELECT event_id FROM contacts.delivery JOIN contacts.consumer USING (consumer_id) WHERE name = 'mailer' ORDER BY 1));
($status) = run_worker("$server user=app", '--once', '--lease', 2, @$handler);
is($status, 0, 'a member: exit status 0');
is_deeply([ event_ids(lines_of($seen)) ], \@due, 'claims, extends and acknowledges');
is($node->safe_psql('postgres', q(SELECT pending + leased + dead FROM contacts.event_lag WHERE consumer = 'mailer')), '0', 'everything');

done_testing();
