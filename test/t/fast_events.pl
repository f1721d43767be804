# Events without statements: they are written as two statements would write them, and only where those would do nothing else. What users
# do to the tables of the outbox, one case each: in the transaction of the calls, and by another session between them. Rows and errors are
# those with contact_upsert.fast_path off, and the message at debug1 says that the choice was the right one. (That all tests in SQL say the
# same with the fast path off is shown by fast_path.pl.)

use strict;
use warnings;

use FastPath;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nwal_level = logical\nstatement_timeout = 60s\nautovacuum = off");
$node->start;

$node->safe_psql('postgres', q(
	CREATE EXTENSION amcheck;
	CREATE ROLE keeper;
	CREATE EXTENSION contact_upsert;
	SELECT contacts.install();
	DO $$ DECLARE t regclass; BEGIN
		FOR t IN SELECT oid FROM pg_class WHERE relnamespace = 'contacts'::regnamespace AND relkind = 'r' LOOP
			EXECUTE format('ALTER TABLE %s OWNER TO keeper', t);
		END LOOP;
	END $$;
	GRANT USAGE, CREATE ON SCHEMA contacts, contacts_internal TO keeper;
	GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA contacts, contacts_internal TO keeper;
	SELECT contacts.define_field('nn', 'N', tracked => true), contacts.define_tag('tag');
	SELECT contacts.subscribe('all'), contacts.subscribe('every workspace', workspace_id => 0),
		contacts.subscribe('tags', ARRAY['TAG_ADDED', 'TAG_REMOVED']::contacts.event_type[]),
		contacts.subscribe('nothing'), contacts.subscribe('others', workspace_id => contacts.define_workspace('other'));
	UPDATE contacts.consumer SET active = false WHERE name = 'nothing';
));

# The events of one request, of one that raises two, and of an array; and the rows that they leave, but for what differs anyway.
my $begin = q(DELETE FROM contacts.contact; DELETE FROM contacts.event; DELETE FROM contacts.delivery;
	SELECT count(contacts.apply(jsonb_build_object('email_address', c || '@example.com', 'partial_update', true))) FROM unnest('{arya,bran}'::text[]) c;
	DELETE FROM contacts.delivery; DELETE FROM contacts.event;
);
my $call = q(
	SELECT outcome FROM contacts.apply('{"email_address":"arya@example.com","partial_update":true,"fields":{"nn":"1"}}');
	SELECT outcome FROM contacts.apply('{"email_address":"arya@example.com","partial_update":true,"fields":{"nn":"2"},"tags":["tag"]}');
	SELECT string_agg(outcome::text, ' ') FROM contacts.upsert_many('[{"email_address":"arya@example.com","partial_update":true,"fields":{"nn":"3"}},
		{"email_address":"bran@example.com","partial_update":true,"fields":{"nn":"3"},"add_tags":["tag"]}]');
	SELECT outcome FROM contacts.apply('{"email_address":"arya@example.com","partial_update":true,"fields":{"nn":null},"remove_tags":["tag"]}');
);
# With the ids of events as they follow each other, and with times beside that of the transaction.
my $look = q(
	SELECT dense_rank() OVER (ORDER BY event_id) AS event, c.email_address, e.created_at <= now() AND e.created_at > now() - interval '1 min' AS now,
		to_jsonb(e) - '{event_id,contact_id,created_at}'::text[] AS rest
	FROM contacts.event e LEFT JOIN contacts.contact c ON c.id = e.contact_id ORDER BY event_id;
	SELECT dense_rank() OVER (ORDER BY d.event_id) AS event, n.name, c.email_address, queued_xid > 0 AS queued, e.event_id IS NOT NULL AS has_event,
		to_jsonb(d) - '{event_id,contact_id,consumer_id,queued_xid}'::text[] AS rest
	FROM contacts.delivery d LEFT JOIN contacts.contact c ON c.id = d.contact_id LEFT JOIN contacts.consumer n ON n.consumer_id = d.consumer_id
		LEFT JOIN contacts.event e ON e.workspace_id = d.workspace_id AND e.event_id = d.event_id ORDER BY d.event_id, n.name;
);

my $itself = 'itself';
my $by_statements = 'by statements: ';

# Errors name ids.
test_choice($node, 'writes events', sub { return $_[0] =~ s/(Key|Failing row).*?(already exists|contains|is not present).*/$1 $2/gr });

# A case: what is done, how it is undone, the reason for the statements (none: events are written without).
sub check_case
{
	my ($name, $do, $undo, $reason, %options) = @_;
	check_change($name, do => $do, undo => $undo, first => "$begin$call", then => "$call$look", last => "$begin$call$look",
		choices => [ $itself, defined $reason ? ($by_statements . $reason, $itself) : () ], %options);
	return;
}

my $said = check('as installed', "$begin$call$look", $itself);
is(() = $said =~ /^\d\|(?:all|every workspace)\|/mg, 16, '... eight events for each of two consumers');
is(() = $said =~ /^\d\|tags\|.*@/mg, 3, '... and of their types for a third');
unlike($said, qr/\|nothing\||\|others\|/, '... and none for others');

# What is done beside storing a row
my $function = q(CREATE OR REPLACE FUNCTION public.t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE WARNING ''% % %'', TG_TABLE_NAME, TG_WHEN, TG_LEVEL; RETURN NEW; END');
for my $table (qw(event delivery))
{
	check_case("a trigger $_ on $table", "$function; CREATE TRIGGER t $_ INSERT ON contacts.$table FOR EACH ROW EXECUTE FUNCTION public.t()",
		"DROP TRIGGER t ON contacts.$table", "contacts.$table: it has a trigger", seen => qr/WARNING:  $table \U$_\E ROW/)
		for qw(before after);
	check_case("a trigger for a statement on $table", "$function; CREATE TRIGGER t AFTER INSERT ON contacts.$table EXECUTE FUNCTION public.t()",
		"DROP TRIGGER t ON contacts.$table", "contacts.$table: it has a trigger", seen => qr/WARNING:  $table AFTER STATEMENT/);
	check_case("a trigger of an update on $table", "$function; CREATE TRIGGER t AFTER UPDATE ON contacts.$table EXECUTE FUNCTION public.t()",
		"DROP TRIGGER t ON contacts.$table");
	check_case("a foreign key on $table", "CREATE TABLE public.allowed (contact_version bigint PRIMARY KEY);
		INSERT INTO public.allowed SELECT generate_series(1, 20); ALTER TABLE contacts.$table ADD CONSTRAINT k FOREIGN KEY (contact_version) REFERENCES public.allowed",
		"ALTER TABLE contacts.$table DROP CONSTRAINT k; DROP TABLE public.allowed", "contacts.$table: it has a trigger");
	check_case("a CHECK on $table", "ALTER TABLE contacts.$table ADD CONSTRAINT c CHECK (ordinal < 2) NOT VALID", "ALTER TABLE contacts.$table DROP CONSTRAINT c",
		"contacts.$table: it has a CHECK constraint", error => qr/violates check constraint "c"/);
	check_case("a rule on $table", "CREATE RULE r AS ON INSERT TO contacts.$table WHERE NEW.ordinal > 1 DO INSTEAD NOTHING", "DROP RULE r ON contacts.$table; VACUUM contacts.$table",
		"contacts.$table: it has rules", $table eq 'event' ? (error => qr/cannot perform INSERT RETURNING on relation "event"/) : ());
	check_case("$table is inherited from", "CREATE TABLE public.child () INHERITS (contacts.$table)", 
		"DROP TABLE public.child; ANALYZE contacts.$table", "contacts.$table: it is part of others, or they of it", not_in_transaction => 1);
	check_case("row level security forced on $table", "ALTER TABLE contacts.$table FORCE ROW LEVEL SECURITY", "ALTER TABLE contacts.$table NO FORCE ROW LEVEL SECURITY");
	check_case("the owner may not write $table", "REVOKE INSERT ON contacts.$table FROM keeper", "GRANT INSERT ON contacts.$table TO keeper",
		"contacts.$table: its owner may not use it", error => qr/permission denied for table $table/);

	# Columns
	check_case("a column of the user's on $table", "ALTER TABLE contacts.$table ADD extra text", "ALTER TABLE contacts.$table DROP extra");
	check_case("with a constant default on $table", "ALTER TABLE contacts.$table ADD extra numeric NOT NULL DEFAULT 1.5", "ALTER TABLE contacts.$table DROP extra",
		undef, seen => qr/"extra": 1.5/);
	check_case("with a default that is cast on $table", "ALTER TABLE contacts.$table ADD extra bigint NOT NULL DEFAULT 4", "ALTER TABLE contacts.$table DROP extra",
		undef, seen => qr/"extra": 4/);
	check_case("with a user's function as its default on $table",
		"CREATE FUNCTION public.own() RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN current_user; END'; ALTER TABLE contacts.$table ADD extra text, ALTER extra SET DEFAULT public.own()",
		"ALTER TABLE contacts.$table DROP extra; DROP FUNCTION public.own()", "contacts.$table: its column extra has no constant default", seen => qr/"extra": "keeper"/);
	check_case("with a default that varies on $table", "ALTER TABLE contacts.$table ADD extra bigint DEFAULT pg_backend_pid() * 0 + 7",
		"ALTER TABLE contacts.$table DROP extra", "contacts.$table: its column extra has no constant default", seen => qr/"extra": 7/);
	check_case("a generated column on $table", "ALTER TABLE contacts.$table ADD extra bigint GENERATED ALWAYS AS (contact_version + 1) STORED",
		"ALTER TABLE contacts.$table DROP extra", "contacts.$table: its column extra has no constant default", seen => qr/"extra": 3/);
	check_case("a domain on $table", "CREATE DOMAIN public.d AS int CHECK (VALUE IS NOT NULL); SET client_min_messages = warning; DELETE FROM contacts.$table;
		ALTER TABLE contacts.$table ADD extra public.d", "ALTER TABLE contacts.$table DROP extra; DROP DOMAIN public.d",
		"contacts.$table: its column extra has no constant default", not_in_transaction => 1, seen => qr/violates check constraint/);
	check_case("a column that must not be null on $table", "DELETE FROM contacts.$table; ALTER TABLE contacts.$table ADD extra int NOT NULL", "ALTER TABLE contacts.$table DROP extra",
		"contacts.$table: its column extra has no constant default", error => qr/null value in column "extra"/);
	check_case("another type on $table", "ALTER TABLE contacts.$table ALTER ordinal TYPE bigint", "ALTER TABLE contacts.$table ALTER ordinal TYPE integer",
		"contacts.$table: its column ordinal is another");
	check_case("a column of $table has another name", "ALTER TABLE contacts.$table RENAME contact_version TO cv", "ALTER TABLE contacts.$table RENAME cv TO contact_version",
		"contacts.$table: its column contact_version is another", error => qr/column "contact_version" of relation "$table" does not exist/);

	# Indexes
	check_case("an index of the user's on $table", "CREATE INDEX i ON contacts.$table (contact_version)", "DROP INDEX contacts.i");
	check_case("a partial one on $table", "CREATE INDEX i ON contacts.$table (contact_version) WHERE ordinal > 1", "DROP INDEX contacts.i");
	check_case("one on an expression on $table", "CREATE INDEX i ON contacts.$table (abs(contact_version))", "DROP INDEX contacts.i",
		"contacts.$table: it has an index of another kind");
	check_case("one whose predicate calls a function on $table", "CREATE INDEX i ON contacts.$table (contact_version) WHERE abs(ordinal) > 1", "DROP INDEX contacts.i");
	check_case("one whose predicate calls a user's function on $table",
		"CREATE FUNCTION public.same(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN i; END'; CREATE INDEX i ON contacts.$table (contact_version) WHERE public.same(ordinal) > 1",
		"DROP FUNCTION public.same(int) CASCADE", "contacts.$table: it has an index of another kind");
	check_case("another kind of index on $table", "CREATE INDEX i ON contacts.$table USING hash (contact_version)", "DROP INDEX contacts.i",
		"contacts.$table: it has an index of another kind");
	check_case("a unique index on $table", "DELETE FROM contacts.delivery; DELETE FROM contacts.event; CREATE UNIQUE INDEX i ON contacts.$table (workspace_id, contact_id, contact_version)",
		"DROP INDEX contacts.i", undef, error => qr/duplicate key value violates unique constraint "i"/);
	check_case("an index on $table, made concurrently", "CREATE INDEX CONCURRENTLY i ON contacts.$table (contact_version)", "DROP INDEX CONCURRENTLY contacts.i", undef, not_in_transaction => 1);
	check_case("the indexes of $table made anew", "REINDEX TABLE contacts.$table", 'SELECT');
	check_case("... concurrently", "REINDEX TABLE CONCURRENTLY contacts.$table", 'SELECT', undef, not_in_transaction => 1);
	check_case("$table in another place", "ALTER TABLE contacts.$table SET UNLOGGED", "ALTER TABLE contacts.$table SET LOGGED");
	check_case("$table renamed", "ALTER TABLE contacts.$table RENAME TO renamed", "ALTER TABLE contacts.renamed RENAME TO $table", undef,
		not_in_transaction => 1, seen => qr/is not installed|has not been installed|contacts.install/);
}
check_case('another default of delivery', 'ALTER TABLE contacts.delivery ALTER attempts SET DEFAULT 5', 'ALTER TABLE contacts.delivery ALTER attempts SET DEFAULT 0', undef,
	seen => qr/"attempts": 5/);
check_case('another time', 'ALTER TABLE contacts.event ALTER created_at SET DEFAULT clock_timestamp()', 'ALTER TABLE contacts.event ALTER created_at SET DEFAULT now()',
	'contacts.event: its created_at has another default');
check_case('no identity', 'CREATE SEQUENCE public.s; SELECT setval(\'public.s\', max(event_id) + 1) IS NULL FROM contacts.event; GRANT USAGE ON SEQUENCE public.s TO keeper; ALTER TABLE contacts.event ALTER event_id DROP IDENTITY, ALTER event_id SET DEFAULT nextval(\'public.s\')',
	'ALTER TABLE contacts.event ALTER event_id DROP DEFAULT, ALTER event_id ADD GENERATED ALWAYS AS IDENTITY (START 2000000); DROP SEQUENCE public.s',
	'contacts.event: its event_id is no identity column');
check_case('the key of event dropped', 'ALTER TABLE contacts.event DROP CONSTRAINT event_pkey', 'ALTER TABLE contacts.event ADD PRIMARY KEY (workspace_id, event_id)',
	'contacts.event: its key has no index', error => qr/no unique or exclusion constraint/);
check_case('a key of event whose only index is not valid', q(CREATE UNIQUE INDEX i ON contacts.event (event_id, workspace_id);
	UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'contacts.i'::regclass; ALTER TABLE contacts.event DROP CONSTRAINT event_pkey),
	'DROP INDEX contacts.i; ALTER TABLE contacts.event ADD PRIMARY KEY (workspace_id, event_id)', 'contacts.event: its key has no index',
	error => qr/no unique or exclusion constraint/);
check_case('a key of event that is deferrable', 'ALTER TABLE contacts.event DROP CONSTRAINT event_pkey, ADD PRIMARY KEY (workspace_id, event_id) DEFERRABLE',
	'ALTER TABLE contacts.event DROP CONSTRAINT event_pkey, ADD PRIMARY KEY (workspace_id, event_id)', 'contacts.event: it has a trigger', error => qr/deferrable/);
check_case('the key of consumer dropped', 'SET client_min_messages = warning; ALTER TABLE contacts.consumer DROP CONSTRAINT consumer_pkey CASCADE, DROP CONSTRAINT consumer_workspace_id_name_key; SET client_min_messages = debug1',
	'ALTER TABLE contacts.consumer ADD PRIMARY KEY (workspace_id, consumer_id), ADD UNIQUE (workspace_id, name)', 'contacts.consumer: its key has no index, or another');
check_case('consumers come and go', q(SELECT contacts.unsubscribe('tags'), contacts.subscribe('late') > 0; UPDATE contacts.consumer SET types = '{TAG_ADDED}' WHERE name = 'all'),
	q(SELECT contacts.unsubscribe('late'), contacts.subscribe('tags', ARRAY['TAG_ADDED', 'TAG_REMOVED']::contacts.event_type[]), contacts.subscribe('all')), undef, seen => qr/\|late\|/);
check_case('who may execute', 'REVOKE EXECUTE ON FUNCTION pg_catalog.now() FROM PUBLIC', 'GRANT EXECUTE ON FUNCTION pg_catalog.now() TO PUBLIC',
	'the role may not execute what they call', seen => qr/permission denied for function now/);

# What is called is called with the rights of the tables' owner, whoever calls.
$node->safe_psql('postgres', q(
	CREATE ROLE app;
	SELECT contacts.grant_access('app', 1);
	CREATE INDEX i ON contacts.event (contact_id) WHERE contact_version > 1;
	REVOKE EXECUTE ON FUNCTION pg_catalog.int84gt(bigint, int) FROM PUBLIC;
	GRANT EXECUTE ON FUNCTION pg_catalog.int84gt(bigint, int) TO keeper;
));
check('the rights of another role', "$begin SET ROLE app; $call RESET ROLE; $look", $itself);
$node->safe_psql('postgres', 'DROP INDEX contacts.i; GRANT EXECUTE ON FUNCTION pg_catalog.int84gt(bigint, int) TO PUBLIC');

# What the predicate of an index leaves behind does not grow with the events. 18 has paths in place of parents.
my $below = $node->pg_version >= 18
	? q(EXISTS (SELECT FROM m c WHERE c.name = 'contact_upsert choice' AND m.path @> c.path))
	: q('contact_upsert choice' IN (parent, name));
$node->safe_psql('postgres', "CREATE INDEX i ON contacts.event (contact_id) WHERE ((detail -> 'field') ->> 'merge_tag') = 'x'");
is($node->safe_psql('postgres', q(
	DO $$ BEGIN
		FOR i IN 1..3000 LOOP
			PERFORM contact_upsert(jsonb_build_object('email_address', 'arya@example.com', 'partial_update', true, 'fields', jsonb_build_object('nn', i::text)));
		END LOOP;
	END $$;
	WITH m AS MATERIALIZED (TABLE pg_backend_memory_contexts) SELECT sum(total_bytes) < 200000 FROM m WHERE ) . $below),
	't', 'an index with a predicate: memory stays');
$node->safe_psql('postgres', 'DROP INDEX contacts.i');

# In every isolation level, and in savepoints; a consumer that was registered behind the snapshot is given what commits after it.
for my $level ('READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE')
{
	my $psql = other_session(q(SELECT contacts.subscribe('behind the snapshot');));
	$said = check($level, "$begin BEGIN ISOLATION LEVEL $level;\nSELECT 1;\n$psql\nSAVEPOINT s;\n$call\nROLLBACK TO s;\n$call\nCOMMIT;\n$look"
		. q(SELECT contacts.unsubscribe('behind the snapshot');), $itself);
	is(() = $said =~ /^\d\|behind the snapshot\|/mg, 8, "$level: a consumer that is newer than the snapshot");
}

# A value that does not fit into a page is in the TOAST table.
$said = check('a long value', $begin . q(SELECT outcome FROM contacts.apply(jsonb_build_object('email_address', 'arya@example.com', 'partial_update', true, 'fields',
	jsonb_build_object('nn', (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 1000) i))));
	SELECT md5(detail::text), pg_column_size(detail) > 20000 FROM contacts.event), $itself);
like($said, qr/^\w{32}\|t$/m, '... and whole');

# Logical decoding sees the same rows.
$node->safe_psql('postgres', q(SELECT pg_create_logical_replication_slot('s', 'test_decoding')));
my @decoded;
for my $fast_path (qw(on off))
{
	run_script("$begin", 'off');
	$node->safe_psql('postgres', q(SELECT count(*) FROM pg_logical_slot_get_changes('s', NULL, NULL)));
	run_script($call, $fast_path);
	push @decoded, $node->safe_psql('postgres', q(SELECT regexp_replace(data, '(event_id|contact_id|created_at|queued_xid)(\[[^:]*):(''[^'']*''|\S+)', '\1', 'g')
		FROM pg_logical_slot_get_changes('s', NULL, NULL) WHERE data ~ '^table contacts.(event|delivery)' ORDER BY 1));
}
is(() = $decoded[0] =~ /INSERT/g, 8 + 19, 'logical decoding: events and deliveries');
is($decoded[0], $decoded[1], '... the same as of statements');
$node->safe_psql('postgres', q(SELECT pg_drop_replication_slot('s')));

# An id that another session is just using is left to it, without waiting; one that is in use is known from then on.
my $holder = $node->background_psql('postgres', on_error_stop => 1);
$node->safe_psql('postgres', $begin);
my $next = $node->safe_psql('postgres', q(SELECT nextval('contacts.event_event_id_seq') + 1));
$holder->query_safe(qq(BEGIN; INSERT INTO contacts.event (workspace_id, event_id, contact_id, contact_version, ordinal, type) OVERRIDING SYSTEM VALUE
	VALUES (1, $next, 'x', 1, 1, 'TAG_ADDED')));
is($node->safe_psql('postgres', qq(SET lock_timeout = '1s'; SELECT outcome FROM contacts.apply('{"email_address":"arya\@example.com","partial_update":true,"fields":{"nn":"1"}}');
	SELECT event_id - $next, count(*) FROM contacts.event JOIN contacts.delivery USING (event_id) GROUP BY 1)), "updated\n1|2", 'an id that is just being used');
$holder->query_safe('COMMIT');
$holder->quit;
is($node->safe_psql('postgres', qq(SELECT setval('contacts.event_event_id_seq', $next - 1) < 0;
	SELECT outcome FROM contacts.apply('{"email_address":"arya\@example.com","partial_update":true,"fields":{"nn":"2"}}');
	SELECT array_agg(event_id - $next ORDER BY event_id) FROM contacts.event)), "f\nupdated\n{0,1,2}", '... and ids that are in use: the sequence is moved past all of them');

# A session that ends in the middle leaves nothing behind, not even locks.
my ($status) = $node->psql('postgres',
	q(SELECT contact_upsert('{"email_address":"arya@example.com","partial_update":true,"fields":{"nn":"5"}}'), pg_terminate_backend(pg_backend_pid())));
is($status, 2, 'a session is terminated');
is($node->safe_psql('postgres', q(SET lock_timeout = '10s'; BEGIN; LOCK TABLE contacts.event, contacts.delivery, contacts.consumer; SELECT count(*) FROM contacts.event; COMMIT)), 3,
	'... with its event');

# Every row is in every index that it belongs to, and nothing else is.
is($node->safe_psql('postgres', q(SELECT bt_index_check(indexrelid, true) FROM pg_index WHERE indrelid IN ('contacts.event'::regclass, 'contacts.delivery'::regclass) AND indisvalid;
	SELECT count(*) FROM pg_index WHERE indrelid IN ('contacts.event'::regclass, 'contacts.delivery'::regclass))) =~ s/\n+/ /gr, ' 7', 'the indexes are whole');
unlike(slurp_file($node->logfile), qr/WARNING:  (?!event|delivery)|PANIC|TRAP|terminated by signal/, 'nothing is left to be warned of');

done_testing();
