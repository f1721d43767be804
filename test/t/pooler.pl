# A pooler that gives each statement another session (pgbouncer, pool_mode = statement): what one session has done and knows is right in
# the next. Definitions, memberships, leases, versions and imports do not live in a session; a SET does.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($pgbouncer) = grep { -x } map { "$_/pgbouncer" } split(/:/, $ENV{PATH}), '/usr/sbin', '/usr/local/sbin';
plan skip_all => 'pgbouncer is not installed' unless $pgbouncer;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', q(
	CREATE EXTENSION contact_upsert;
	SELECT contacts.install(), contacts.define_field('name', 'Name', tracked => true), contacts.subscribe('mailer'),
		contacts.define_workspace('two');
	CREATE ROLE member LOGIN;
	SELECT contacts.grant_access('member', 1);
	CREATE TABLE staging (email_address text, name text);
	INSERT INTO staging SELECT i || '@example.com', i FROM generate_series(1, 50) i;));

my $dir = PostgreSQL::Test::Utils::tempdir_short();
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $user = $node->safe_psql('postgres', 'SELECT current_user');
append_to_file("$dir/users", qq("$user" ""\n"member" ""\n));
append_to_file("$dir/ini", sprintf(<<'END', $node->host, $node->port, $dir, $port, $dir));
[databases]
postgres = host=%s port=%s
[pgbouncer]
listen_addr =
unix_socket_dir = %s
listen_port = %s
auth_type = trust
auth_file = %s/users
pool_mode = statement
min_pool_size = 3
default_pool_size = 3
server_round_robin = 1
END
my $log = "$dir/log";
my $pooler = IPC::Run::start([ $pgbouncer, "$dir/ini" ], '<', '/dev/null', '>', $log, '2>&1', IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));

# Runs statements, each a query of its own; returns what they print, and what they complain of.
sub pooled
{
	my ($script, $role) = @_;
	my ($out, $err);

	IPC::Run::run([ 'psql', '-XAtq', '-v', 'VERBOSITY=terse', '-d', "host=$dir port=$port dbname=postgres user=" . ($role // $user) ], '<', \$script, '>', \$out, '2>', \$err);
	chomp $out;
	return wantarray ? ($out, $err) : $out;
}

# Is long enough for each session of the pool to have its turn twice.
sub each_session { return "$_[0];\n" x 6; }

# Whether all lines are the same, and that one.
sub all_are
{
	my ($out, $wanted, $what) = @_;
	my %lines = map { $_ => 1 } split /\n/, $out;

	is(join('|', sort keys %lines), $wanted, $what);
	return;
}

# The pool of a role has one session at first, and more soon.
sub wait_for_sessions
{
	my ($role) = @_;
	my $sessions = 0;

	for (my $try = 0; $try < 10 * $PostgreSQL::Test::Utils::timeout_default && $sessions < 2; $try++)
	{
		my %pids = map { $_ => 1 } split /\n/, scalar pooled(each_session('SELECT pg_backend_pid()'), $role);
		$sessions = keys %pids;
		select(undef, undef, undef, 0.1) if $sessions < 2;
	}
	cmp_ok($sessions, '>', 1, "statements of a client that is $role run in several sessions");
	return;
}
wait_for_sessions($user);
wait_for_sessions('member');

my $upsert = q(SELECT contacts.upsert('{"email_address": "%s@example.com", "fields": {%s}, "partial_update": true}', 1) #>> '{data,data,%s}');
pooled(each_session(sprintf $upsert, 'a', '"name": "A"', 'name'));
pooled(q(SELECT contacts.define_field('size', 'Size');));
all_are(scalar pooled(each_session(sprintf $upsert, 'a', '"size": "XL"', 'size')), 'XL', 'a field that one session defines is there in each');
pooled(q(DELETE FROM contacts.field WHERE merge_tag = 'size';));
my ($out, $err) = pooled(each_session(sprintf $upsert, 'a', '"size": "XL"', 'size'));
is(() = $err =~ /We were unable to find a field with the merge_tag size$/mg, 6, 'and one that it deletes in none');

pooled(join '', map { sprintf "$upsert;\n", 'b', qq("name": "$_"), 'name' } 1 .. 30);
is(scalar pooled(q(SELECT version FROM contacts.contact WHERE email_address = 'b@example.com';)), '30', 'thirty changes by turns are thirty versions');

for my $name (1, 2) { pooled(join '', map { sprintf "$upsert;\n", "e$_", qq("name": "$name"), 'name' } 1 .. 5); }
my @claimed = map { [ split /[|]/ ] } split /\n/, scalar pooled(q(SELECT event_id, lease FROM contacts.claim('mailer', 100);));
is(@claimed, 6, 'events of six contacts are claimed');
is(scalar pooled(join '', map { "SELECT contacts.ack('mailer', $_->[1], ARRAY[$_->[0]::bigint]);\n" } @claimed), join("\n", map { 1 } @claimed),
	'what one session claims, others acknowledge');

my $call = each_session(sprintf $upsert, 'c', '"name": "C"', 'name');
all_are(scalar pooled($call, 'member'), 'C', 'a member may call in each session');
pooled(q(SELECT contacts.revoke_access('member', 1);));
($out, $err) = pooled($call, 'member');
is(() = $err =~ /^ERROR: +(?:permission denied|Workspace 1 does not exist)/mg, 6, 'and in none when one session has revoked its access');

# What lives in a session is on it, for whoever comes next: so a workspace is named in the call.
pooled(each_session('SET contact_upsert.workspace_id = 2'));
all_are(scalar pooled(each_session(q(SELECT contacts.upsert('{"email_address": "d@example.com"}', 1) #>> '{data,status}'))), 'SUBSCRIBED', 'a call that names its workspace');
is(scalar pooled(q(SELECT string_agg(workspace_id::text, ',') FROM contacts.contact WHERE email_address = 'd@example.com';)), '1', 'is in that one, whatever a SET says');

(undef, $err) = pooled(q(CALL contacts.import('staging', chunk => 10, workspace_id => 1);));
unlike($err, qr/ERROR/, 'an import, which commits, runs through the pooler');
is(scalar pooled(q(SELECT count(*) FROM contacts.contact WHERE email_address ~ '^[0-9]';)), '50', 'and loads all rows');
(undef, $err) = pooled("BEGIN;\n");
like($err, qr/transaction blocks not allowed in statement pooling mode/, 'a transaction is refused by the pooler itself');

$pooler->kill_kill;
done_testing;
