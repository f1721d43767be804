# Roles that want more than they may, settings that must not be lost on the way, and answers that make no sense.

use strict;
use warnings;

use ContactProxy;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

require_plproxy();

my @partitions = map { start_partition("partition_$_", number => $_, of => 2) } 0, 1;
my $proxy = start_proxy_of('proxy', @partitions);
sub sql { my ($sql) = @_; return $proxy->safe_psql('postgres', $sql); }
sub as { my ($role, $sql) = @_; return answer_of($proxy, $sql, '-U', $role); }
my ($one, $zero) = map { sql("SELECT contacts.define_workspace('$_')") } 'a', 'c';
my $upsert = q(SELECT contacts.upsert('{"email_address":"%s@example.com"}', %d) IS NOT NULL);
my $owner = sql('SELECT current_user');

# A member may change her own user mapping: partitions that ask for a password do not take her for another.
for my $node (@partitions)
{
	$node->safe_psql('postgres', q(SET password_encryption = 'scram-sha-256'; CREATE ROLE anna LOGIN PASSWORD 'of anna'; CREATE ROLE mona LOGIN PASSWORD 'of mona'));
	my $file = $node->data_dir . '/pg_hba.conf';
	my $hba = slurp_file($file);
	unlink $file;
	append_to_file($file, "local all anna,mona scram-sha-256\n$hba");
	$node->reload;
}
sql(q(CREATE ROLE anna LOGIN; CREATE ROLE mona LOGIN; SELECT contacts.grant_proxy('anna'), contacts.grant_proxy('mona');
	CREATE USER MAPPING FOR anna SERVER contacts OPTIONS (user 'anna', password 'of anna'); CREATE USER MAPPING FOR mona SERVER contacts OPTIONS (user 'mona', password 'of mona')));
sql("SELECT contacts.grant_access('anna', $one)");
is(as('anna', sprintf $upsert, 'anna', $one), 't', 'a member with her password');
is(as('anna', q(ALTER USER MAPPING FOR anna SERVER contacts OPTIONS (SET user 'mona'))), '', 'she may change her mapping');
like(as('anna', sprintf $upsert, 'mona', $one), qr/^ERROR:  08001: Partition 1 cannot be reached\.\nDETAIL:  .*password authentication failed for user "mona"/s, 'a partition that asks for the password does not let her be another');
as('anna', "ALTER USER MAPPING FOR anna SERVER contacts OPTIONS (SET user '$owner', DROP password)");
like(as('anna', sprintf $upsert, 'owner', $one), qr/^ERROR:  42501: The user mapping of role anna names another role without its password\.\nHINT:  /, 'where partitions trust the proxy, no mapping without a password names another role');
as('anna', q(ALTER USER MAPPING FOR anna SERVER contacts OPTIONS (SET user 'anna', ADD password 'of anna')));
is(as('anna', sprintf $upsert, 'anna', $one), 't', 'and herself again');

# Monitoring at the proxy: all of it or an error
sql(q(SELECT contacts.subscribe('mailer', workspace_id => 0), contacts.grant_monitoring('mona')));
is(as('mona', 'SELECT consumer, pending FROM contacts.event_lag; SELECT count(*) FROM contacts.import_counts'), "mailer|0\n0", 'a monitoring role sees counts of all partitions');
like(as('mona', 'TABLE contacts.consumer'), qr/42501/, 'and no more');
like(as('mona', sprintf $upsert, 'x', $one), qr/42501/, 'nor calls anything else');
$partitions[1]->safe_psql('postgres', q(SELECT contacts.revoke_monitoring('mona')));
like(as('mona', 'TABLE contacts.event_lag'), qr/^ERROR:  42501/, 'it is not shown a part for the whole');
is(as('anna', 'SELECT count(*) FROM contacts.event_lag'), 0, 'a member of one partition sees hers, and is a stranger in the other');
sql(q(SELECT contacts.revoke_monitoring('mona')));
is($partitions[$_]->safe_psql('postgres', q(SELECT count(*) FROM pg_proc p, aclexplode(p.proacl) a WHERE a.grantee = 'mona'::regrole)), 0, "revoke_monitoring() takes it back in partition $_") for 0, 1;

# Settings of the session at the proxy go with the call.
sql("SELECT contacts.define_field('value', 'Value', tracked => true, workspace_id => $one)");
my $change = q(SELECT contacts.%s('{"email_address":"s@example.com","partial_update":true,"fields":{"value":"%s"}}', %d) IS NOT NULL);
my $events = sub { return $partitions[1]->safe_psql('postgres', "SELECT count(*) FROM contacts.event WHERE workspace_id = $one") };
sql(sprintf $change, 'upsert', 'first', $one);
my $before = $events->();
sql("SET contact_upsert.events = off; " . sprintf($change, $_, "silent $_", $one)) for 'upsert', 'apply';
is($events->(), $before, 'contact_upsert.events = off');
sql(sprintf $change, 'upsert', 'loud', $one);
is($events->(), $before + 1, 'in that session alone');
like(answer_of($proxy, "SET contact_upsert.unknown_keys = refuse; SELECT contacts.$_('{\"email_address\":\"s\@example.com\",\"odd\":1}', $one)"), qr/The request has the unknown key 'odd'/, "contact_upsert.unknown_keys: $_") for 'upsert', 'apply', 'preview';
unlike(answer_of($proxy, "SET contact_upsert.unknown_keys = ignore; SELECT contacts.upsert('{\"email_address\":\"s\@example.com\",\"partial_update\":true,\"odd\":1}', $one)"), qr/NOTICE/, 'ignore');
SKIP:
{
	my $listener = $partitions[1]->background_psql('postgres') if $partitions[1]->can('background_psql');
	skip 'this PostgreSQL has no background_psql', 1 unless $listener && $listener->can('query_safe');
	$listener->query_safe('LISTEN contact_automation');
	sql("SET contact_upsert.notify = off; " . sprintf($change, 'upsert', 'quiet', $one));
	sql("SET contact_upsert.notify = wakeup; " . sprintf($change, 'upsert', 'bell', $one));
	my $heard = $listener->query_safe('SELECT 1');
	$heard .= $listener->query_safe('SELECT 2');
	is((() = $heard =~ /Asynchronous notification/g) . ' ' . ($heard =~ /WAKEUP/ ? 'a wake-up' : $heard), '1 a wake-up', 'contact_upsert.notify');
	$listener->quit;
}
my $contacts = $partitions[1]->safe_psql('postgres', 'SELECT count(*) FROM contacts.contact');
for my $call (sprintf($upsert, 'ro', $one), "SELECT contacts.define_tag('ro', workspace_id => $one)", "SELECT contacts.define_workspace('ro')", "SELECT contacts.claim('mailer', workspace_id => 0)")
{
	like(answer_of($proxy, "SET default_transaction_read_only = on; $call"), qr/^ERROR:  25006: cannot execute contact\S+\(\) in a read-only transaction/, "a transaction that only reads: $call");
}
is($partitions[1]->safe_psql('postgres', 'SELECT count(*) FROM contacts.contact'), $contacts, 'nothing was written');

# A pipeline is a transaction, too, which its second statement knows.
my $pipeline = $proxy->basedir . '/pipeline.sql';
append_to_file($pipeline, "\\startpipeline\n" . (sprintf($upsert, 'p1', $one) . ";\n") . (sprintf($upsert, 'p2', $one) . ";\n") . "\\endpipeline\n");
my ($out, $err) = ('', '');
IPC::Run::run([ 'pgbench', '--no-vacuum', '--protocol', 'extended', '--transactions', 1, '--file', $pipeline, $proxy->connstr('postgres') ], '>', \$out, '2>', \$err);
like($err, qr/contact_upsert\(\) cannot run inside a transaction block of a proxy/, 'the second call of a pipeline is refused');

# A cancel is not swallowed on the way.
$partitions[1]->safe_psql('postgres', q(GRANT USAGE ON SCHEMA contacts TO anna; CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1); RETURN NEW; END $$;
	CREATE TRIGGER slow BEFORE INSERT ON contacts.tag FOR EACH ROW EXECUTE FUNCTION slow()));
my $start = time;
my ($version) = slurp_file('contact_upsert.control') =~ /^default_version *= *'(.*)'/m;
my $serve = "SELECT count(*) FROM generate_series(1, 10) i, contacts_internal.serve('$version 1 2 0', 'contacts.define_tag', ARRAY['t' || i, NULL, '$one'])";
like(answer_of($partitions[1], "SET statement_timeout = '300ms'; $serve"), qr/^ERROR:  57000: canceling statement due to statement timeout/, 'a time limit ends all calls of a statement');
cmp_ok(time - $start, '<', 5, 'in time');
like(answer_of($partitions[1], "SET statement_timeout = '300ms'; DO \$\$ BEGIN PERFORM $_; EXCEPTION WHEN OTHERS THEN RAISE NOTICE 'caught'; END \$\$"), qr/^ERROR:  57014/, 'nor is it caught')
	for $serve =~ s/^SELECT //r;
$partitions[1]->safe_psql('postgres', 'DROP TRIGGER slow ON contacts.tag');

# A function that is made again and again with other arguments, in one session of the partition: each signature is known once.
my $signatures = 'SELECT count(*) FROM pg_backend_memory_contexts WHERE name = $$CachedPlanSource$$ AND ident LIKE $$%served%$$';
my $change = join ';', map { "DROP FUNCTION IF EXISTS contacts.served(text), contacts.served(bigint), contacts.served(text, text);
	CREATE FUNCTION contacts.served($_->[0]) RETURNS text LANGUAGE sql AS 'SELECT $_->[1]'; SELECT contacts_internal.serve('$version 1 2 0', 'contacts.served', '{$_->[2]}')" }
	[ 'text', q(''one '' || $1), 1 ], [ 'text, text', q(''two '' || $1 || $2), '1,2' ], [ 'bigint', q(''sum '' || $1 + $1), 2 ];
is($partitions[1]->safe_psql('postgres', "SET client_min_messages = warning; " . ("$change;" x 20) . $signatures), "=one 1\n=two 12\n=sum 4\n" x 20 . 3, 'a function whose arguments change is called as it is, and no plan is lost');
$partitions[1]->safe_psql('postgres', 'DROP FUNCTION contacts.served');

# What a call is made of
is(sql("SELECT contacts.ack('mailer', -9223372036854775808, '{1}', 0)"), 0, 'a lease that none is');
like(answer_of($proxy, "SELECT contacts_internal.extension_version($_)"), qr/^ERROR:  22023: There is no such partition\.\nHINT:  They are numbered from 0 to 1\./, "partition $_") for 'NULL', -1, 2;
$partitions[1]->safe_psql('postgres', 'ALTER DATABASE postgres SET array_nulls = off');
like(answer_of($proxy, "SELECT contacts.define_tag('nulls', workspace_id => $one)"), qr/^ERROR:  55000: A partition cannot be called where array_nulls is off/, 'array_nulls = off in a partition');
$partitions[1]->safe_psql('postgres', 'ALTER DATABASE postgres RESET array_nulls');
$partitions[1]->safe_psql('postgres', q(CREATE FUNCTION public.forge() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'forged' USING DETAIL = E'contact_upsert 00000\tforged \\\\N \\\\t\nend', HINT = '', COLUMN = E'\\\\N'; END $$;
	CREATE TRIGGER forge BEFORE INSERT ON contacts.contact FOR EACH ROW WHEN (NEW.email_address LIKE 'forge%') EXECUTE FUNCTION forge()));
like(answer_of($proxy, sprintf $upsert, 'forge', $one), qr/^ERROR:  P0001: forged\nDETAIL:  contact_upsert 00000\tforged \\N \\t\nend(\nHINT:  )?\nCOLUMN NAME:  \\N$/, 'a DETAIL that looks like ours');
# At the commit, behind all that serves the call.
$partitions[1]->safe_psql('postgres', q(DROP TRIGGER forge ON contacts.contact; CREATE OR REPLACE FUNCTION public.forge() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		RAISE EXCEPTION 'late' USING ERRCODE = '23514', DETAIL = CASE NEW.email_address WHEN 'forge1@example.com' THEN 'contact_upsert refused it' ELSE E'contact_upsert pp000' || repeat(E'\tx', 8) END; END $$;
	CREATE CONSTRAINT TRIGGER forge AFTER INSERT ON contacts.contact DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.email_address LIKE 'forge%') EXECUTE FUNCTION forge()));
like(answer_of($proxy, sprintf $upsert, 'forge1', $one), qr/^ERROR:  23514: late\nDETAIL:  contact_upsert refused it$/, 'one that begins like ours, of an error at the commit');
like(answer_of($proxy, sprintf $upsert, 'forge2', $one), qr/^ERROR:  23514: late\nDETAIL:  contact_upsert pp000\tx/, 'and one with a SQLSTATE that none is');
like($partitions[1]->safe_psql('postgres', "SELECT contacts_internal.serve('$version 1 2 0', '$_', '{x}')"), qr/^!42883\tThis partition has no function /, "another spelling: $_")
	for 'Contacts.get', 'contacts."get"', 'contacts . get';

# A partition that answers something else: an error, and the server of the proxy lives.
for my $case ([ 'NULL', qr/The partition sent no answer/ ], [ q('odd'), qr/does not understand: odd/ ], [ q(''), qr/does not understand: / ], [ q('!'), qr/does not understand: / ], [ q('!22023'), qr/does not understand: !22023/ ],
	[ q(E'!22023' || repeat(E'\\tx', 7)), qr/does not understand: !22023\tx/ ], [ q(E'!00000' || repeat(E'\\tx', 8)), qr/does not understand: !00000/ ], [ q(E'!22023x' || repeat(E'\\tx', 8)), qr/does not understand: !22023x/ ])
{
	my ($answer, $expected) = @$case;
	$partitions[1]->safe_psql('postgres', "BEGIN; ALTER EXTENSION contact_upsert DROP FUNCTION contacts_internal.answer; CREATE OR REPLACE FUNCTION contacts_internal.answer(call text) RETURNS text LANGUAGE sql AS \$\$ SELECT $answer \$\$; COMMIT") if $answer eq 'NULL';
	$partitions[1]->safe_psql('postgres', "CREATE OR REPLACE FUNCTION contacts_internal.answer(call text) RETURNS text LANGUAGE sql AS \$\$ SELECT $answer \$\$");
	like(answer_of($proxy, sprintf $upsert, 'x', $one), qr/^ERROR:  08P01: .*$expected/, "a partition that answers $answer");
}
is(sql('SELECT 1'), 1, 'the proxy lives');

# A server that stands still: PL/Proxy's query_timeout, once a statement_timeout has woken it.
sql("ALTER SERVER contacts OPTIONS (ADD query_timeout '1')");
SKIP:
{
	my $session = $proxy->background_psql('postgres', on_error_stop => 0) if $proxy->can('background_psql');
	skip 'this PostgreSQL has no background_psql', 2 unless $session && $session->can('query');
	$session->query(sprintf $upsert, 'still', $zero);
	my $pid = $partitions[0]->safe_psql('postgres', q(SELECT pid FROM pg_stat_activity WHERE query LIKE '%contacts_internal.answer%' AND pid <> pg_backend_pid()));
	$start = time;
	kill 'STOP', $pid;
	$session->query(q(\set VERBOSITY verbose));
	$session->query("SET statement_timeout = '1s'");
	$session->query(sprintf $upsert, 'still', $zero);
	like($session->{stderr}, qr/ERROR:  08006: The connection to partition 0 was lost\./, 'a backend that stands still');
	cmp_ok(time - $start, '<', 20, 'in time');
	kill 'CONT', $pid;
	$session->quit;
}

$_->stop for $proxy, @partitions;
done_testing();
