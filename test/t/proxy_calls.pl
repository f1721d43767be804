# A proxy with two partitions answers as one database does: the same functions by their catalogue, then a table of calls that is run in both
# and compared, answers and all parts of errors.

use strict;
use warnings;

use ContactProxy;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

require_plproxy();

# What is plain has the numbers of partition 1, so that ids are the same.
my $plain = start_partition('plain', number => 1, of => 2);
my @partitions = map { start_partition("partition_$_", number => $_, of => 2) } 0, 1;
my $proxy = start_proxy_of('proxy', @partitions);

# Signatures: result, arguments with names, types and defaults, kind, volatility, strictness, set and estimated rows.
my $functions = q(SELECT p.proname || E'\t' || concat_ws('; ', pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), p.prokind, p.provolatile, p.proisstrict, p.proretset, p.prorows, p.prosecdef)
	FROM pg_extension x JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = x.oid AND d.classid = 'pg_proc'::regclass JOIN pg_proc p ON p.oid = d.objid
	WHERE x.extname LIKE 'contact_upsert%' AND (p.pronamespace = 'contacts'::regnamespace OR p.proname = 'contact_upsert')
	ORDER BY 1);
my %of_plain = map { split /\t/ } split /\n/, $plain->safe_psql('postgres', $functions);
my %of_proxy = map { split /\t/ } split /\n/, $proxy->safe_psql('postgres', $functions);
my %of_proxy_alone = (
	partition_of => 'which partition has a workspace',
	partitions => 'where they are, and whether they answer',
	grant_proxy => 'who may call the proxy; members are granted access in the partition',
	revoke_proxy => 'takes it back',
);
cmp_ok(scalar(keys %of_plain), '>', 35, 'contact_upsert has functions');
for my $name (sort keys %of_plain)
{
	is($of_proxy{$name}, $of_plain{$name}, "$name() is the same at a proxy");
	delete $of_proxy{$name};
}
is(join(' ', sort keys %of_proxy), join(' ', sort keys %of_proxy_alone), 'what a proxy has more is known');

# Types: names, columns, labels in their order.
my $types = q(SELECT t.typname, e.enumsortorder, e.enumlabel, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod)
	FROM pg_type t LEFT JOIN pg_enum e ON e.enumtypid = t.oid LEFT JOIN pg_attribute a ON a.attrelid = t.typrelid
	WHERE t.typnamespace = 'contacts'::regnamespace AND (t.typtype = 'e' OR (SELECT c.relkind FROM pg_class c WHERE c.oid = t.typrelid) = 'c') ORDER BY 1, 2, 4);
is($proxy->safe_psql('postgres', $types), $plain->safe_psql('postgres', $types), 'the types are the same');
my $views = q(SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
	WHERE c.oid IN ('contacts.event_lag'::regclass, 'contacts.import_counts'::regclass, 'contacts.consumer'::regclass) AND a.attnum > 0 ORDER BY 1, a.attname);
is($proxy->safe_psql('postgres', $views), $plain->safe_psql('postgres', $views), 'so are the views');

# The rules of the script hold for it, too.
my $ours = q(WITH ours AS (SELECT p.* FROM pg_extension x JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = x.oid
	AND d.classid = 'pg_proc'::regclass JOIN pg_proc p ON p.oid = d.objid WHERE x.extname = 'contact_upsert_proxy') );
is($proxy->safe_psql('postgres', $ours . q(SELECT p.oid::regprocedure FROM ours p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee <> p.proowner)), '', 'no function is granted to anybody');
is($proxy->safe_psql('postgres', $ours . q(SELECT p.oid::regprocedure FROM ours p WHERE obj_description(p.oid, 'pg_proc') IS NULL)), '', 'each has a comment');
is($proxy->safe_psql('postgres', $ours . q(SELECT p.oid::regprocedure FROM ours p JOIN pg_language l ON l.oid = p.prolang
	WHERE l.lanname IN ('sql', 'plpgsql') AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false))), '', 'those of SQL and PL/pgSQL pin the search_path');
is($proxy->safe_psql('postgres', $ours . q(SELECT p.oid::regprocedure FROM ours p WHERE p.prosecdef OR p.proparallel <> 'u' AND p.proname <> 'proxy_privileges' AND p.proname <> 'event_line')), '', 'none is SECURITY DEFINER or for parallel queries');
is($proxy->safe_psql('postgres', q(SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace IN ('contacts'::regnamespace, 'contacts_internal'::regnamespace) AND c.relkind = 'v'
	AND (obj_description(c.oid, 'pg_class') IS NULL OR EXISTS (SELECT FROM aclexplode(c.relacl) a WHERE a.grantee <> c.relowner)))), '', 'nor are views, which have comments');

# Calls. Ids of contacts and times differ; all else is the same.
sub comparable
{
	my ($answer) = @_;
	$answer =~ s/\b[0-9a-f]{24}\b/ID/g;
	$answer =~ s/(Failing row contains) \(\d+(.*?), \d{16},/$1 (N$2, VERSION,/g; # of a workspace: its id and definitions_version
	$answer =~ s/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d(:\d\d)?)?/TIME/g;
	$answer =~ s/^(NOTICE:  00000: )contacts_internal\.\w+\(\d\): \[\w+\] REMOTE NOTICE: /$1/mg;
	$answer =~ s/^(HINT:  )Remote hint: /$1/mg;
	return $answer;
}

my $errors = 0;
my $calls = 0;
sub same
{
	my ($sql, %o) = @_;
	my ($of_plain, $of_proxy) = map { comparable(answer_of($_, $sql)) } $plain, $proxy;
	is($of_proxy, $of_plain, $o{name} // $sql);
	$calls++;
	$errors++ if $of_plain =~ /^ERROR/m;
	return $of_plain;
}

is(same(q(SELECT contacts.define_workspace('a', history => 'all'))), 3, 'the workspace is made in partition 1');
is($proxy->safe_psql('postgres', 'SELECT contacts.partition_of(3), contacts.partition_of(2)'), '1|0', 'partition_of()');

same(q(SELECT contacts.define_field('name', 'Name', workspace_id => 3), contacts.define_tag('vip', workspace_id => 3)));
same($_) for split /;\n+/, q(
SELECT contacts.upsert(NULL, 3);
SELECT contacts.upsert('[]', 3);
SELECT contacts.upsert('{"email_address":"a@example.com"}', 99);
SELECT contacts.upsert('{"email_address":"a@example.com"}', 0);
SELECT contacts.upsert('{"email_address":"a@example.com"}', -1);
SELECT contacts.upsert('{"email_address":"a@example.com"}', -9223372036854775808);
SELECT contact_upsert('{"email_address":"a@example.com"}');
SET contact_upsert.workspace_id = 'x';
SELECT contacts.upsert('{"email_address":"nobody@example.com","mode":"update"}', 3);
SELECT contacts.upsert('{"email_address":"a@example.com","tags":["unknown"]}', 3);
SELECT contacts.upsert('{"email_address":"a@example.com","partial_update":true,"tags":["made"],"create_tags":true}', 3);
SELECT contacts.upsert('{"email_address":"a@example.com","partial_update":true,"if_version":99}', 3);
SELECT contacts.upsert('{"email_address":"a@example.com","partial_update":true,"unknown":1}', 3);
SELECT contacts.upsert('{"email_address":"a@example.com","partial_update":true,"status":"gone"}', 3);
SELECT contacts.define_field('size', 'Größe', 'DROPDOWN_SINGLE', '{S,"L ""L"", \\\\ \''"}', '"S"', tracked => true, workspace_id => 3);
SELECT contacts.define_field('name', tracked => true, workspace_id => 3);
SELECT contacts.define_field('Bad', 'Bad', workspace_id => 3);
SELECT contacts.define_field('taken', 'Name', workspace_id => 3);
SELECT contacts.define_field('name', type => 'DATE', workspace_id => 3);
SELECT contacts.define_field('day', 'Day', 'DATE', workspace_id => 3);
SELECT contacts.define_tag('', workspace_id => 3);
SELECT contacts.define_tag('Ümläut, "q" {x}', 'described', 3);
SELECT contacts.define_tag('x', workspace_id => 99);
SELECT contacts.define_workspace('a', 'guarded');
SELECT contacts.define_workspace('a', workspace_id => 3);
SELECT contacts.define_workspace('a', workspace_id => 5);
SELECT contacts.define_workspace(NULL);
SELECT contacts.define_workspace('');
SELECT contacts.define_workspace('x', workspace_id => 99);
SELECT * FROM contacts.apply('{"email_address":"c@example.com","fields":{"name":"Z","day":"2026-02-03"},"status":"UNCONFIRMED"}', 3);
SELECT (contacts.apply('{"email_address":"c@example.com","partial_update":true,"fields":{"name":"Y"}}', 3)).changes;
SELECT * FROM contacts.apply('{}', 3);
SELECT outcome, id, email_address, version, changes, events, contact, error FROM contacts.upsert_many('[{"email_address":"d@example.com","fields":{"name":"D, \\"d\\" (x)"}},{},7,{"email_address":"c@example.com","partial_update":true}]', workspace_id => 3);
SELECT * FROM contacts.upsert_many('[{"email_address":"d@example.com"},{}]', results => 'failed', workspace_id => 3);
SELECT * FROM contacts.upsert_many('[{"email_address":"e@example.com"},{}]', 'stop', workspace_id => 3);
SELECT contacts.get('e@example.com', 3);
SELECT * FROM contacts.upsert_many('[]', workspace_id => 3);
SELECT * FROM contacts.upsert_many(NULL, workspace_id => 3);
SELECT * FROM contacts.upsert_many('{}', workspace_id => 3);
SELECT * FROM contacts.upsert_many('[]', 'perhaps', workspace_id => 3);
SELECT contacts.get('c@example.com', 3), contacts.get('nobody@example.com', 3), contacts.get(NULL, 3);
SELECT email_address, contact FROM contacts.search('{"status":["SUBSCRIBED"]}', max => 20, workspace_id => 3) ORDER BY 1;
SELECT count(*) FROM contacts.search('{"bad":1}', workspace_id => 3);
SELECT contacts.request_schema(3);
SELECT contacts.record(contacts.get('c@example.com', 3) #>> '{data,id}', 'total_opens', 2, 3);
SELECT contacts.record('nobody', 'total_opens', workspace_id => 3);
SELECT contacts.record('x', 'nothing', workspace_id => 3);
SELECT contacts.record_many('[{"contact":"c@example.com","counter":"total_clicks"}]', 3);
SELECT contacts.record_many('{}', 3);
SELECT contacts.change_address('d@example.com', 'dd@example.com', 3);
SELECT contacts.change_address('dd@example.com', 'c@example.com', 3);
SELECT contacts.merge('dd@example.com', 'c@example.com', 3);
SELECT contacts.merge('dd@example.com', 'c@example.com', 3);
SELECT contacts.export('c@example.com', 3) -> 'contact';
SELECT jsonb_array_length(contacts.export('c@example.com', 3) -> 'history');
SELECT * FROM contacts.match_columns('{"First name",Name,E-Mail,NAME}', '{"NAME":null}', 3);
SELECT * FROM contacts.match_columns(NULL, workspace_id => 3);
SELECT contacts.subscribe('mailer', workspace_id => 3), contacts.subscribe('mailer', '{TAG_ADDED,FIELD_UPDATED}', max_attempts => 3, workspace_id => 3);
SELECT name, types, max_attempts, active FROM contacts.consumer WHERE workspace_id = 3;
SELECT contacts.subscribe('', workspace_id => 3);
SELECT contacts.subscribe('mailer', '{}', workspace_id => 3);
SELECT contacts.subscribe('log', from_beginning => true, workspace_id => 3);
SELECT contacts.upsert('{"email_address":"c@example.com","partial_update":true,"fields":{"name":"V"},"add_tags":["vip"]}', 3);
SELECT event_id, lease, attempts, workspace_id, contact_version, ordinal, type, detail, email_address FROM contacts.claim('mailer', workspace_id => 3);
SELECT contacts_internal.event_line(c) FROM contacts.claim('log', 1, workspace_id => 3) c;
SELECT * FROM contacts.claim('nobody', workspace_id => 3);
SELECT * FROM contacts.claim('mailer', 0, workspace_id => 3);
SELECT * FROM contacts.claim('mailer', lease => '-1 s', workspace_id => 3);
SELECT consumer, pending, leased, dead FROM contacts.event_lag ORDER BY 1;
SELECT contacts.extend('mailer', 1, '1 h', 3), contacts.extend('mailer', 99, '1 h', 3);
SELECT contacts.fail('mailer', 1, 1, 'why', 3), contacts.fail('mailer', NULL, 1, NULL, 3);
SELECT contacts.release('mailer', 1, '{1,3,5,7,9,11}', 3);
SELECT contacts.ack('mailer', 1, '{1,3,5,7,9,11}', 3), contacts.ack('mailer', 0, '{}', 3), contacts.ack('mailer', 1, NULL, 3);
SELECT contacts.retry_dead('mailer', workspace_id => 3), contacts.retry_dead('mailer', 1, 3);
SELECT contacts.unsubscribe('nobody', 3);
SELECT contacts.unsubscribe('log', 3);
SELECT contacts.erase('c@example.com', true, 3), contacts.erase('nobody@example.com', workspace_id => 3);
SELECT contacts.upsert('{"email_address":"c@example.com"}', 3);
SELECT contacts.lift_suppression('c@example.com', 3), contacts.lift_suppression('bad', 3);
SELECT contacts.grant_access('nobody', 3);
SELECT contacts.grant_monitoring('nobody');
SELECT contacts.revoke_access('nobody', 3), contacts.revoke_monitoring('nobody');
SELECT contacts.purge_events('-1 day');
SELECT contacts.purge_history('-1 day');
SELECT contacts.purge_events('1 day', 0);
SELECT contacts.purge_history('0', 2), contacts.purge_events('0');
SELECT import_id FROM contacts.import_counts);
cmp_ok($errors, '>', 40, "of $calls calls some are refused");

my $other = 101;
$_->safe_psql('postgres', "INSERT INTO contacts.workspace (workspace_id, name) VALUES ($other, 'of the table')") for $plain, $partitions[1];
# The table of requests that every client runs, in one session each; its errors are as it says.
my $table = decode_json(slurp_file('test/clients/requests.json'));
my %calls = (upsert => "SELECT contacts.upsert('%s')", upsert_text => "SELECT contact_upsert('%s')", preview => "SELECT contacts.preview('%s')",
	upsert_many => "SELECT * FROM contacts.upsert_many('%s')", sql => '%s');
my @steps = grep { $calls{ $_->{do} } && exists $_->{send} } @{ $table->{steps} };
my @statements = grep { !/CREATE EXTENSION|install|letters|workspace_id => 2/ } @{ $table->{setup} };
my $setup = @statements;
for my $step (@steps)
{
	my $sent = $step->{do} =~ /text|sql/ ? $step->{send} : JSON::PP->new->canonical->allow_nonref->encode($step->{send});
	$sent =~ s/<(\d+) letters>/'x' x $1/ge;
	$sent =~ s/'/''/g unless $step->{do} eq 'sql';
	push @statements, sprintf $calls{ $step->{do} }, $sent;
}
utf8::encode($_) for @statements;

# What each statement prints and raises, in one session.
sub answers_of
{
	my ($node) = @_;
	my $n = 0;
	my $script = join '', "SET contact_upsert.workspace_id = $other;\n", map { $n++; "\\echo \@\@\@\n\\warn \@\@\@\n$_;\n" } @statements;
	my ($status, $out, $err) = $node->psql('postgres', $script, on_error_die => 0, on_error_stop => 0, extra_params => [ '-v', 'VERBOSITY=verbose', '-v', 'SHOW_CONTEXT=never' ]);
	s/^psql:<stdin>:\d+: //mg, s/^(LOCATION|LINE \d+): .*\n?//mg, s/^ *\^\n?//mg for $err;
	my @out = split /^\@\@\@\n?/m, $out, -1;
	my @err = split /^\@\@\@\n?/m, $err, -1;
	return map { comparable(($out[$_] // '') . ($err[$_] // '')) =~ s/\n+\z//r } 1 .. @statements;
}
my @of_plain = answers_of($plain);
my @of_proxy = answers_of($proxy);
cmp_ok(scalar(@steps), '>', 45, 'the table has requests');
for my $i (0 .. $#statements)
{
	my $step = $i < $setup ? {} : $steps[ $i - $setup ];
	is($of_proxy[$i], $of_plain[$i], $step->{name} // $statements[$i]);
	my $error = $step->{error} or next;
	like($of_proxy[$i], qr/^ERROR:  $error->{sqlstate}: /, 'the error of the table');
}

# What a value is, no setting of a session changes.
for my $setting ("DateStyle = 'SQL, DMY'", "DateStyle = 'German'", "IntervalStyle = sql_standard", "IntervalStyle = iso_8601", "TimeZone = 'Asia/Kolkata'", 'extra_float_digits = -10', "search_path = ''", 'bytea_output = escape')
{
	same("SET $setting; SELECT contacts.upsert('{\"email_address\":\"day\@example.com\",\"fields\":{\"day\":\"2026-02-03\"}}', 3) #>> '{data,day}'");
	same("SET $setting; SELECT date_trunc('day', created_at) = date_trunc('day', now()) FROM contacts.claim('mailer', lease => '-0:00:01', workspace_id => 3)", name => "an interval under $setting");
}
for my $conf ("datestyle = 'SQL, DMY'", "intervalstyle = 'sql_standard'")
{
	$partitions[1]->append_conf('postgresql.conf', $conf);
}
$partitions[1]->reload;
$proxy->safe_psql('postgres', q(SELECT contacts.upsert('{"email_address":"day@example.com","partial_update":true,"fields":{"name":"2026-03-02"}}', 3)));
$plain->safe_psql('postgres', q(SELECT contacts.upsert('{"email_address":"day@example.com","partial_update":true,"fields":{"name":"2026-03-02"}}', 3)));
is($proxy->safe_psql('postgres', q(SELECT count(*), bool_and(now() - created_at BETWEEN '-1 minute' AND '10 minutes') FROM contacts.claim('mailer', lease => '1 hour', workspace_id => 3))), '1|t',
	'a time comes as it was, whatever the DateStyle of the partition is');
is($partitions[1]->safe_psql('postgres', q(SET IntervalStyle = postgres; SELECT DISTINCT leased_until - now() BETWEEN '59 minutes' AND '1 hour' FROM contacts.delivery WHERE lease > 0 AND leased_until > now())), 't', 'an interval goes as it is');

# Rules of yours in the partition. Their errors are raised there, and keep what they say.
for my $node ($plain, $partitions[1])
{
	$node->safe_psql('postgres', q(
		ALTER TABLE contacts.contact ADD CONSTRAINT "no ""bad""" CHECK (email_address NOT LIKE 'bad%');
		CREATE FUNCTION public.grumble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			RAISE EXCEPTION 'REMOTE ERROR: %', NEW.email_address USING ERRCODE = 'P1234', DETAIL = 'Remote detail: "x"', HINT = E'of\ntwo lines',
				SCHEMA = 's', TABLE = 't', COLUMN = 'c', DATATYPE = 'd', CONSTRAINT = 'k'; END $$;
		CREATE TRIGGER grumble BEFORE INSERT ON contacts.contact FOR EACH ROW WHEN (NEW.email_address LIKE 'grumble%') EXECUTE FUNCTION grumble();
		CREATE FUNCTION public.mention() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'noted' USING HINT = 'well'; RETURN NEW; END $$;
		CREATE TRIGGER mention BEFORE INSERT ON contacts.contact FOR EACH ROW WHEN (NEW.email_address LIKE 'mention%') EXECUTE FUNCTION mention();
	));
}
for my $address ('bad@example.com', 'grumble@example.com', 'mention@example.com')
{
	same("SELECT contacts.upsert('{\"email_address\":\"$address\"}', 3) #>> '{data,email_address}'");
	same("SELECT email_address FROM contacts.apply('{\"email_address\":\"$address\"}', 3)");
	same("SELECT outcome, error FROM contacts.upsert_many('[{\"email_address\":\"$address\"}]', workspace_id => 3)");
	same("SELECT outcome FROM contacts.upsert_many('[{\"email_address\":\"$address\"}]', 'stop', workspace_id => 3)");
}

# A refusal keeps the connection to the partition, so that the next call need not make one.
$partitions[1]->safe_psql('postgres', q(ALTER SYSTEM SET log_connections = on; SELECT pg_reload_conf()));
my $log_from = -s $partitions[1]->logfile;
answer_of($proxy, join '; ', (q(SELECT contacts.upsert('{}', 3)), q(SELECT contacts.apply('{}', 3)), q(SELECT contacts.define_tag('', workspace_id => 3)),
	q(SELECT contacts.merge('nobody', 'nobody', 3)), q(SELECT * FROM contacts.upsert_many('[{}]', 'stop', workspace_id => 3))) x 3);
my $log = slurp_file($partitions[1]->logfile, $log_from);
is(scalar(() = $log =~ /connection authorized/g), 1, 'refusals of all kinds cost no connection');

# Large values, both ways
my $many = q(SELECT count(*), min(outcome::text), max(length(contact::text)) FROM contacts.upsert_many((SELECT jsonb_agg(jsonb_build_object('email_address',
	'many' || i || '@example.com', 'fields', jsonb_build_object('name', repeat('"\\ü', 100)))) FROM generate_series(1, 3000) i), workspace_id => 3));
same($many, name => 'an array of 3,000');
like(same($many, name => 'again'), qr/^3000\|unchanged\|/, 'it was stored as it was sent');

# A call is a transaction of its own, so within one statement a second one sees what the first has written.
is($proxy->safe_psql('postgres', q(SELECT contacts.upsert('{"email_address":"own@example.com"}', 3) IS NOT NULL, contacts.get('own@example.com', 3) IS NOT NULL)), 't|t', 'a call sees the one before it');

# Nothing in two places
is($partitions[0]->safe_psql('postgres', 'SELECT count(*) FROM contacts.contact'), 0, 'partition 0 has got none of it');

$_->stop for $proxy, @partitions, $plain;
done_testing();
