# Arrays beside arrays and single calls on the same few contacts: no deadlock, no lost update, no duplicate. And an array that
# is cancelled, or whose backend is killed, leaves nothing.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nrestart_after_crash = on\ndeadlock_timeout = 200ms\nmax_wal_size = 4GB");
$node->start;
$node->safe_psql('postgres', q(
	CREATE EXTENSION contact_upsert;
	SELECT contacts.install();
	SELECT contacts.define_field('one', 'One', 'NUMBER', tracked => true);
	SELECT contacts.define_field('two', 'Two', 'NUMBER', tracked => true);
	CREATE SEQUENCE writes;
	CREATE TABLE done (requests int, contact text, tag text);

	-- A request that nobody has made before, so that it is a change.
	CREATE FUNCTION request(contact int) RETURNS jsonb LANGUAGE sql VOLATILE AS $$
		SELECT jsonb_build_object('email_address', CASE WHEN random() < 0.5 THEN 'c' ELSE ' C' END || contact || '@example.com',
			'partial_update', true, 'fields', jsonb_build_object(CASE WHEN random() < 0.5 THEN 'one' ELSE 'two' END, nextval('writes')))
	$$;
	-- Many of the 40 contacts, in ascending, descending or random order; some come twice.
	CREATE FUNCTION call_many(direction int) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		requests jsonb := (SELECT jsonb_agg(request(i) ORDER BY CASE direction WHEN 0 THEN random() ELSE i * direction END)
			FROM generate_series(1, 40) i, generate_series(1, 2) WHERE random() < 0.35);
		bad record;
	BEGIN
		SELECT * INTO bad FROM contacts.upsert_many(requests, workspace_id => 1) WHERE outcome NOT IN ('created', 'updated') LIMIT 1;
		IF FOUND THEN
			RAISE 'not a change: %', bad;
		END IF;
		INSERT INTO done VALUES (jsonb_array_length(requests));
	END $$;
	CREATE FUNCTION call_one() RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM contact_upsert(request(1 + floor(random() * 40)::int));
		INSERT INTO done VALUES (1);
	END $$;
	-- Tags, created as they come, for so many contacts in random order.
	CREATE FUNCTION call_with_tags(contacts int) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		requests jsonb;
	BEGIN
		WITH wanted AS (
			INSERT INTO done
				SELECT 0, 'c' || i || '@example.com', 'tag ' || floor(random() * 60)
				FROM generate_series(1, 40) i ORDER BY random() LIMIT contacts
				RETURNING contact, tag)
		SELECT jsonb_agg(jsonb_build_object('email_address', contact, 'partial_update', true, 'create_tags', true,
			'add_tags', jsonb_build_array(tag))) INTO requests FROM wanted;
		IF contacts > 1 THEN
			PERFORM contacts.upsert_many(requests, 'stop', workspace_id => 1);
		ELSE
			PERFORM contact_upsert(requests -> 0);
		END IF;
	END $$;
));

sub script
{
	my ($name, $sql) = @_;
	my $file = $node->basedir . "/$name.sql";
	append_to_file($file, $sql);
	return $file;
}

# 4 sessions. Newer releases of pgbench count a deadlock and go on, older ones stop.
sub hammer
{
	my ($name, $transactions, @scripts) = @_;
	$node->command_checks_all(
		[ 'pgbench', '-n', '-c', '4', '-j', '2', '-t', $transactions, (map { ('-f', $_) } @scripts), 'postgres' ],
		0, [qr/^(?!.*failed transactions: [1-9])/s], [qr/^(?!.*(ERROR|aborted))/s], $name);
}

# What must hold however the calls were mixed: of every change the version, and of all but the creation the event.
sub check_history
{
	my ($name) = @_;
	is($node->safe_psql('postgres', 'SELECT count(*), sum(version) = (SELECT sum(requests) FROM done) FROM contacts.contact'),
		'40|t', "$name: 40 contacts, and versions that add up to exactly the requests");
	is($node->safe_psql('postgres', q(
			SELECT count(*) FROM contacts.contact c, LATERAL (
				SELECT count(DISTINCT contact_version) AS versions, min(contact_version) AS first, max(contact_version) AS last
				FROM contacts.event e WHERE e.contact_id = c.id) e
			WHERE c.version > 1 AND (e.versions, e.first, e.last) IS DISTINCT FROM (c.version - 1, 2, c.version))),
		'0', "$name: each update of each contact has its event");
	is($node->safe_psql('postgres', q(
			SELECT count(*) FROM (
				SELECT detail #> '{field,old}' AS old, lag(detail #> '{field,new}') OVER w AS previous, row_number() OVER w AS n
				FROM contacts.event WINDOW w AS (PARTITION BY contact_id, detail #>> '{field,merge_tag}' ORDER BY contact_version)) s
			WHERE n > 1 AND old IS DISTINCT FROM previous)),
		'0', "$name: each old value is the new one of the event before");
	is($node->safe_psql('postgres', q(
			SELECT count(*) FROM contacts.contact c, unnest(ARRAY['one', 'two']) field, LATERAL (
				SELECT detail #> '{field,new}' AS new FROM contacts.event e
				WHERE e.contact_id = c.id AND detail #>> '{field,merge_tag}' = field ORDER BY contact_version DESC LIMIT 1) e
			WHERE e.new IS DISTINCT FROM c.data -> field)),
		'0', "$name: and the last of them is stored");
	is($node->safe_psql('postgres', q(
			SELECT count(*) FROM (
				SELECT contact_version, lag(contact_version) OVER (PARTITION BY contact_id ORDER BY event_id) AS previous FROM contacts.event) e
			WHERE contact_version < previous)),
		'0', "$name: a contact's events are numbered in their order");
}

my @arrays = map { script("many_$_", "SELECT call_many($_);") } 1, -1, 0;
my $single = script('one', 'SELECT call_one();');
hammer('arrays in opposite order, and single calls', 150, @arrays, $single);
check_history('arrays');

hammer('arrays and single calls that create tags', 100, $arrays[2], script('tags_12', 'SELECT call_with_tags(12);'),
	script('tags_1', 'SELECT call_with_tags(1);'));
is($node->safe_psql('postgres', q(
		SELECT count(*) FROM done d WHERE tag IS NOT NULL AND NOT EXISTS (
			SELECT FROM contacts.contact c JOIN contacts.tag t ON t.tag_id = ANY (c.tags)
			WHERE c.email_address = d.contact AND t.name = d.tag))),
	'0', 'tags: every one that was asked for is there');
is($node->safe_psql('postgres', q(
		SELECT count(*) FROM (SELECT contact_id, detail #> '{tag,id}', count(*) FROM contacts.event WHERE type = 'TAG_ADDED' GROUP BY 1, 2) e
		WHERE count > 1)),
	'0', 'tags: and was added once');
is($node->safe_psql('postgres', q(
		SELECT count(*) FROM contacts.contact c WHERE cardinality(c.tags) <> (
			SELECT count(*) FROM contacts.event e WHERE e.contact_id = c.id AND type = 'TAG_ADDED'))),
	'0', 'tags: each with its event');

# A deleted field takes its values from many contacts, in the order in which arrays take them.
hammer('fields deleted under arrays', 60, $arrays[2], $arrays[2], script('delete', q(
\set f random(1, 3)
SELECT contacts.define_field('passing' || :f::int, 'Passing ' || :f::int);
SELECT count(*) FROM contacts.upsert_many((SELECT jsonb_agg(jsonb_build_object('email_address', 'c' || i || '@example.com',
	'partial_update', true, 'fields', jsonb_build_object('passing' || :f::int, 'x'))) FROM generate_series(1, 40) i), workspace_id => 1);
DELETE FROM contacts.field WHERE merge_tag = 'passing' || :f::int;
)));
# With rules of the user's own: contacts are written one by one, and some are refused, each with a subtransaction around it.
$node->safe_psql('postgres', q(
	CREATE TABLE refused (requests int);
	CREATE FUNCTION call_refused() RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		requests jsonb := (SELECT jsonb_agg(request(i) ORDER BY random()) FROM generate_series(1, 40) i, generate_series(1, 2) WHERE random() < 0.35);
		bad bigint;
	BEGIN
		SELECT count(*) FILTER (WHERE error ->> 'code' = 'AB001') INTO bad FROM contacts.upsert_many(requests);
		INSERT INTO done VALUES (jsonb_array_length(requests) - bad);
		INSERT INTO refused VALUES (bad);
	END $$;
	CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF (NEW.data ->> 'one')::numeric % 5 = 0 THEN
			RAISE 'not by five' USING ERRCODE = 'AB001';
		END IF;
		RETURN NEW;
	END $$;
	UPDATE contacts.contact SET data = data || '{"one":1}' WHERE (data ->> 'one')::numeric % 5 = 0;
	CREATE TABLE first AS SELECT sum(version) AS versions FROM contacts.contact;
	TRUNCATE done;
));
for my $when ('AFTER INSERT OR UPDATE', 'BEFORE INSERT OR UPDATE')
{
	$node->safe_psql('postgres', "CREATE TRIGGER refuse $when ON contacts.contact FOR EACH ROW EXECUTE FUNCTION refuse()");
	hammer("arrays with a trigger $when", 60, script("refused_$when" =~ s/ /_/gr, 'SELECT call_refused();'));
	$node->safe_psql('postgres', 'DROP TRIGGER refuse ON contacts.contact');
}
is($node->safe_psql('postgres', q(SELECT sum(version) = (SELECT sum(requests) FROM done) + (SELECT versions FROM first),
		(SELECT sum(requests) > 100 FROM refused) FROM contacts.contact)),
	't|t', 'own rules: versions add up to the requests that were not refused');
is($node->safe_psql('postgres', q(SELECT deadlocks FROM pg_stat_database WHERE datname = 'postgres')), '0', 'no deadlock');

# REPEATABLE READ: a conflict is 40001 and nothing else, and undoes the whole array.
$node->safe_psql('postgres', 'TRUNCATE contacts.contact, contacts.statistics, contacts.event, done');
{
	local $ENV{PGOPTIONS} = '-c default_transaction_isolation=repeatable\ read';
	my $calls = script('repeatable', join '', "\\set VERBOSITY sqlstate\n",
		map { 'SELECT ' . ($_ % 4 == 3 ? 'call_one()' : 'call_many(' . ($_ % 3 - 1) . ')') . ";\n" } 1 .. 150);
	my (@sessions, @errors);
	for my $i (0 .. 2)
	{
		$errors[$i] = '';
		push @sessions, IPC::Run::start([ 'psql', '-Xqo', '/dev/null', '-d', $node->connstr('postgres'), '-f', $calls ],
			'2>', \$errors[$i], IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	}
	$_->finish for @sessions;
	my @lines = map { split /\n/ } @errors;
	cmp_ok(scalar @lines, '>', 0, 'repeatable read: there are conflicts');
	is(scalar(grep { !/ERROR:  40001$/ } @lines), 0, 'repeatable read: and 40001 is what they are') or diag(join "\n", @lines[ 0 .. 5 ]);
	cmp_ok(scalar @lines, '<', 450, 'repeatable read: there are calls without one');
}
check_history('repeatable read');

# 100,000 new contacts, which take some seconds: stopped on the way there.
$node->safe_psql('postgres', q(
	CREATE TABLE load AS SELECT create_tags, (
			SELECT jsonb_agg(jsonb_build_object('email_address', 'l' || i || '@example.com', 'status', 'UNCONFIRMED',
				'fields', jsonb_build_object('one', i), 'create_tags', create_tags,
				'tags', CASE WHEN create_tags THEN jsonb_build_array('load ' || i % 100) END))
			FROM generate_series(1, 100000) i) AS requests
		FROM unnest(ARRAY[false, true]) create_tags;
	CREATE FUNCTION left_behind() RETURNS text LANGUAGE sql AS $$
		SELECT concat_ws(' ', (SELECT count(*) FROM contacts.contact WHERE email_address LIKE 'l%'),
			(SELECT count(*) FROM contacts.event WHERE type = 'CONTACT_SUBSCRIBED_PENDING'),
			(SELECT count(*) FROM contacts.tag WHERE name LIKE 'load%'))
	$$;
));
my $load = q(SELECT outcome, count(*) FROM load, contacts.upsert_many(requests, workspace_id => 1) WHERE NOT create_tags GROUP BY 1);
my $load_with_tags = $load =~ s/NOT create_tags/create_tags/r;
my $begin = time;
$node->safe_psql('postgres', "BEGIN; $load; ROLLBACK");
my $whole = time - $begin;
note(sprintf 'undisturbed, it takes %.1f s', $whole);

# Starts the load in a session, ends it after a part of its time, and returns its error and how long the end took.
sub stopped_after
{
	my ($part, $sql, $stop) = @_;
	my $error = '';
	my $session = IPC::Run::start([ 'psql', '-Xqo', '/dev/null', '-d', $node->connstr('postgres'), '-c', $sql ],
		'2>', \$error, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	my $pid = '';
	$pid = $node->safe_psql('postgres', q(
		SELECT pid FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%FROM load%' AND pid <> pg_backend_pid())) until $pid;
	sleep $part * $whole;
	$begin = time;
	$stop->($pid);
	$session->finish;
	return ($error, time - $begin);
}

my $longest = 0;
for my $part (0, 0.05, 0.15, 0.3, 0.4)
{
	my $sql = $part == 0.05 || $part == 0.3 ? $load_with_tags : $load;
	my ($error, $delay) = stopped_after($part, $sql, sub { $node->safe_psql('postgres', "SELECT pg_cancel_backend($_[0])") });
	like($error, qr/canceling statement due to user request/, "cancelled after $part of its time");
	$longest = $delay if $delay > $longest;
}
cmp_ok($longest, '<', 3, sprintf 'it ends at once: in %.2f s at most', $longest);
is($node->safe_psql('postgres', 'SELECT left_behind()'), '0 0 0', 'and leaves nothing');

$begin = time;
my (undef, undef, $error) = $node->psql('postgres', sprintf "SET statement_timeout = %d; $load", 0.3 * $whole * 1000);
cmp_ok(time - $begin, '<', 0.3 * $whole + 3, 'statement_timeout, too, ends it at once');
like($error, qr/canceling statement due to statement timeout/, 'with its own error');
is($node->safe_psql('postgres', 'SELECT left_behind()'), '0 0 0', 'and leaves nothing');

($error) = stopped_after(0.3, $load, sub { $node->safe_psql('postgres', "SELECT pg_terminate_backend($_[0])") });
like($error, qr/terminating connection due to administrator command/, 'terminated');
is($node->safe_psql('postgres', 'SELECT left_behind()'), '0 0 0', 'and leaves nothing');

stopped_after(0.3, $load, sub { kill 'KILL', $_[0] });
# The query is an argument: poll_query_until() writes it to psql's standard input, and dies if a psql that was refused has closed that.
my $is_back = 0;
for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
{
	$is_back = (run_command([ 'psql', '-XAtc', 'SELECT true', '-d', $node->connstr('postgres') ]))[0] eq 't' and last;
	sleep 0.1;
}
ok($is_back, 'the server comes back when a backend is killed');
is($node->safe_psql('postgres', 'SELECT left_behind()'), '0 0 0', 'and nothing is left of it');

is($node->safe_psql('postgres', $load), 'created|100000', 'then all are loaded');
is($node->safe_psql('postgres', 'SELECT left_behind()'), '100000 100000 0', 'each with its event');

done_testing();
