# The fast path: contacts are looked up by index where a statement would find the same, and only there. What users do to their tables,
# one case each: in the transaction of the call, and by another session between two calls. The answers and errors are those with
# contact_upsert.fast_path off, and the message at debug1 says that the choice was the right one.

use strict;
use warnings;

use FastPath;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nwal_level = logical\nstatement_timeout = 60s\ntimezone = 'Asia/Tokyo'");
$node->start;

$node->safe_psql('postgres', q(
	CREATE EXTENSION contact_upsert;
	SELECT contacts.install();
	CREATE ROLE member;
	CREATE ROLE stranger;
	SELECT contacts.define_field('notes', 'Notes');
	SELECT contacts.grant_access('member', 1);
	CREATE ROLE half;
	SELECT contacts.grant_access('half', 1);
	REVOKE SELECT ON contacts.statistics FROM half;
	SELECT contact_upsert(jsonb_build_object('email_address', 'cersei@example.com', 'status', 'UNSUBSCRIBED', 'create_tags', true,
		'tags', '["a", "b"]'::jsonb, 'fields', jsonb_build_object('notes', 'short')));
	-- compressed, and in the TOAST table
	SELECT contact_upsert(jsonb_build_object('email_address', 'tyrion@example.com', 'fields', jsonb_build_object('notes', repeat('long ', 10000))));
	ALTER TABLE contacts.contact ALTER data SET STORAGE EXTERNAL;
	SELECT contact_upsert(jsonb_build_object('email_address', 'jaime@example.com', 'fields', jsonb_build_object('notes', repeat('long ', 10000))));
	SELECT contacts.record(contacts_internal.contact_id('cersei@example.com', 1), 'total_clicks', 3);
));

# What is called: the look-up finds contacts, one of them only in a case below, and one that is nowhere. An array finds the same.
my $call = join "\n", map { "SELECT $_;" } (
	q(md5(contact_upsert('{"email_address":"cersei@example.com","partial_update":true}')::text) AS cersei),
	q(md5(contact_upsert('{"email_address":"tyrion@example.com","partial_update":true}')::text) AS tyrion),
	q(md5(contact_upsert('{"email_address":"jaime@example.com","partial_update":true}')::text) AS jaime),
	q(outcome FROM contacts.preview('{"email_address":"child@example.com","partial_update":true}')),
	q(outcome FROM contacts.preview('{"email_address":"nobody@example.com"}')),
	q(string_agg(outcome || ' ' || coalesce(md5(contact::text), ''), ', ' ORDER BY "position") FROM contacts.upsert_many('[
		{"email_address":"tyrion@example.com","partial_update":true}, {"email_address":"cersei@example.com","partial_update":true},
		{"email_address":"nobody@example.com","mode":"update"}, {"email_address":"jaime@example.com","partial_update":true},
		{"email_address":"child@example.com","mode":"update"}]')));

my $by_index = 'by index';
my $by_statement = 'by a statement: ';

test_choice($node, 'looks contacts up');

# A case: what is done, how it is undone, the reason for the statement (none: the choice stays), the role.
sub check_case
{
	my ($name, $do, $undo, $reason, %options) = @_;
	my $role = delete $options{role};
	my $calls = ($role ? "SET ROLE $role;\n" : '') . $call;
	check_change($name, do => $do, undo => $undo, first => $calls, then => $calls, last => $calls, alone => $role ? 'RESET ROLE;' : '',
		choices => [ $by_index, defined $reason ? ($by_statement . $reason, $by_index) : () ], %options);
	return;
}

my $is_other = 'its key has no index, or another';
my $key = 'contact_workspace_id_email_address_key';
my $put_key_back = "ALTER TABLE contacts.contact ADD CONSTRAINT $key UNIQUE (workspace_id, email_address)";

# The key's index
check_case('the key dropped', "ALTER TABLE contacts.contact DROP CONSTRAINT $key", $put_key_back, "contacts.contact: $is_other");
check_case("the key's index is $_->[0]",
	"ALTER TABLE contacts.contact DROP CONSTRAINT $key; CREATE $_->[1]",
	"DROP INDEX contacts.another; $put_key_back", "contacts.contact: $is_other")
	for (
	[ 'partial', "UNIQUE INDEX another ON contacts.contact (workspace_id, email_address) WHERE status = 'SUBSCRIBED'" ],
	[ 'not unique', 'INDEX another ON contacts.contact (workspace_id, email_address)' ],
	[ 'of another order', 'UNIQUE INDEX another ON contacts.contact (email_address, workspace_id)' ],
	[ 'of another collation', 'UNIQUE INDEX another ON contacts.contact (workspace_id, email_address COLLATE "POSIX")' ],
	[ 'of another operator class', 'UNIQUE INDEX another ON contacts.contact (workspace_id, email_address text_pattern_ops)' ],
	[ 'on an expression', 'UNIQUE INDEX another ON contacts.contact (workspace_id, upper(email_address))' ]);
check_case('a key that is deferrable',
	"ALTER TABLE contacts.contact DROP CONSTRAINT $key, ADD CONSTRAINT $key UNIQUE (workspace_id, email_address) DEFERRABLE",
	"ALTER TABLE contacts.contact DROP CONSTRAINT $key; $put_key_back", "contacts.contact: $is_other");
check_case('a key with more in its index',
	"ALTER TABLE contacts.contact DROP CONSTRAINT $key, ADD CONSTRAINT $key UNIQUE (workspace_id, email_address) INCLUDE (version)",
	"ALTER TABLE contacts.contact DROP CONSTRAINT $key; $put_key_back");
check_case('the index is made anew', 'REINDEX TABLE contacts.contact', 'SELECT');
check_case('the index is made anew, concurrently', 'REINDEX TABLE CONCURRENTLY contacts.contact', 'SELECT', undef, not_in_transaction => 1);

# Columns
check_case('another type, which is longer', 'ALTER TABLE contacts.statistics ALTER total_clicks TYPE numeric',
	'ALTER TABLE contacts.statistics ALTER total_clicks TYPE bigint', 'contacts.statistics: its column total_clicks is another');
check_case('another type, which is read in another way', 'ALTER TABLE contacts.contact ALTER created_at TYPE timestamp',
	'ALTER TABLE contacts.contact ALTER created_at TYPE timestamptz', 'contacts.contact: its column created_at is another');
check_case('a shorter type', 'ALTER TABLE contacts.contact ALTER updated_at TYPE timestamptz(3)',
	'ALTER TABLE contacts.contact ALTER updated_at TYPE timestamptz', 'contacts.contact: its column updated_at is another');
check_case('another collation', 'ALTER TABLE contacts.statistics ALTER contact_id TYPE text COLLATE "POSIX"',
	'ALTER TABLE contacts.statistics ALTER contact_id TYPE text COLLATE "C"', 'contacts.statistics: its column contact_id is another',
	error => qr/could not determine which collation to use/);
check_case('a column of ours is generated',
	'ALTER TABLE contacts.statistics DROP total_bounces, ADD total_bounces bigint GENERATED ALWAYS AS (total_clicks) STORED',
	'ALTER TABLE contacts.statistics DROP total_bounces, ADD total_bounces bigint NOT NULL DEFAULT 0',
	'contacts.statistics: its column total_bounces is another');
check_case('a column has another name', 'ALTER TABLE contacts.statistics RENAME total_opens TO opens',
	'ALTER TABLE contacts.statistics RENAME opens TO total_opens', 'contacts.statistics: its column total_opens is another',
	error => qr/column s.total_opens does not exist/);
check_case('a column is missing for a while',
	'ALTER TABLE contacts.statistics DROP total_delivered; ALTER TABLE contacts.statistics ADD total_delivered bigint NOT NULL DEFAULT 7',
	'ALTER TABLE contacts.statistics ALTER total_delivered SET DEFAULT 0; UPDATE contacts.statistics SET total_delivered = 0');
check_case('a column more', "ALTER TABLE contacts.contact ADD score int NOT NULL DEFAULT 5", 'ALTER TABLE contacts.contact DROP score');
check_case('a generated column more', 'ALTER TABLE contacts.contact ADD twice bigint GENERATED ALWAYS AS (version * 2) STORED',
	'ALTER TABLE contacts.contact DROP twice');
check_case('a null', 'ALTER TABLE contacts.statistics ALTER total_opens DROP NOT NULL; UPDATE contacts.statistics SET total_opens = NULL',
	'UPDATE contacts.statistics SET total_opens = 0; ALTER TABLE contacts.statistics ALTER total_opens SET NOT NULL', undef,
	error => qr/ERROR:  a number in the contact tables must not be null/);

# An extension that keeps rows elsewhere: its row in the catalogue is what shows it, and it makes functions, as any.
check_case('Citus',
	q(INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
		SELECT 99999, 'citus', extowner, extnamespace, false, '1' FROM pg_extension WHERE extname = 'plpgsql';
	CREATE FUNCTION public.citus_version() RETURNS text LANGUAGE sql AS 'SELECT NULL::text'),
	q(DELETE FROM pg_extension WHERE extname = 'citus'; DROP FUNCTION public.citus_version()), 'Citus may have put the rows elsewhere');

# What a SELECT does not care about
check_case('a trigger',
	q(CREATE FUNCTION public.keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
	CREATE TRIGGER keep BEFORE INSERT OR UPDATE ON contacts.contact FOR EACH ROW EXECUTE FUNCTION public.keep()),
	'DROP FUNCTION public.keep() CASCADE');
check_case('a publication', 'CREATE PUBLICATION p FOR TABLE contacts.contact', 'DROP PUBLICATION p');
check_case('not logged', 'ALTER TABLE contacts.statistics SET UNLOGGED', 'ALTER TABLE contacts.statistics SET LOGGED');

# Other tables
check_case('a child',
	q(CREATE TABLE public.child () INHERITS (contacts.contact);
	INSERT INTO public.child (workspace_id, id, email_address, created_at, updated_at)
		VALUES (1, '0123456789abcdef01234567', 'child@example.com', '2020-01-01', '2020-01-01')),
	# that it had children is forgotten at an ANALYZE
	'DROP TABLE public.child; ANALYZE contacts.contact', 'contacts.contact: it is part of others, or they of it');
check_case('a partition',
	'CREATE TABLE public.parent (LIKE contacts.contact) PARTITION BY LIST (workspace_id);
	ALTER TABLE public.parent ATTACH PARTITION contacts.contact DEFAULT',
	'ALTER TABLE public.parent DETACH PARTITION contacts.contact; DROP TABLE public.parent',
	'contacts.contact: it is part of others, or they of it');
check_case('a partitioned table',
	'ALTER TABLE contacts.contact RENAME TO old_contact;
	CREATE TABLE contacts.contact (LIKE contacts.old_contact INCLUDING DEFAULTS) PARTITION BY LIST (workspace_id);
	ALTER TABLE contacts.contact ADD UNIQUE (workspace_id, email_address);
	CREATE TABLE public.part PARTITION OF contacts.contact DEFAULT;
	INSERT INTO contacts.contact SELECT * FROM contacts.old_contact',
	'DROP TABLE contacts.contact; ALTER TABLE contacts.old_contact RENAME TO contact', 'contacts.contact: it is no plain table');
check_case('a view', 'ALTER TABLE contacts.statistics RENAME TO old; CREATE VIEW contacts.statistics AS SELECT * FROM contacts.old',
	'DROP VIEW contacts.statistics; ALTER TABLE contacts.old RENAME TO statistics', 'contacts.statistics: it is no plain table');
check_case('a rule', 'CREATE RULE none AS ON DELETE TO contacts.contact DO INSTEAD NOTHING',
	# that it had rules is forgotten at a VACUUM
	'DROP RULE none ON contacts.contact; VACUUM contacts.contact', 'contacts.contact: it has rules', not_in_transaction => 1);
check_case('another table of the name',
	'ALTER TABLE contacts.contact RENAME TO old_contact; CREATE TABLE contacts.contact (LIKE contacts.old_contact INCLUDING ALL);
	INSERT INTO contacts.contact SELECT * FROM contacts.old_contact; UPDATE contacts.contact SET version = 9',
	'DROP TABLE contacts.contact; ALTER TABLE contacts.old_contact RENAME TO contact');
check_case('a table with another name', 'ALTER TABLE contacts.contact RENAME TO people',
	'ALTER TABLE contacts.people RENAME TO contact', 'there is no table contacts.contact', error => qr/relation "contacts.contact" does not exist/);
# no choice is made where nothing is installed
check_case('a schema with another name', 'ALTER SCHEMA contacts RENAME TO people', 'ALTER SCHEMA people RENAME TO contacts', undef,
	error => qr/The contact tables are not installed/);

# Rights, of a member
my @as_member = (role => 'member');
my $columns = 'workspace_id, id, email_address, status, tags, version, created_at, updated_at';
check_case('a column denied', "REVOKE SELECT ON contacts.contact FROM member; GRANT SELECT ($columns) ON contacts.contact TO member",
	"REVOKE SELECT ($columns) ON contacts.contact FROM member; GRANT SELECT ON contacts.contact TO member",
	'contacts.contact: the role may not read it', @as_member, error => qr/permission denied for table contact/);
check_case('all columns that are read allowed',
	"ALTER TABLE contacts.contact ADD secret text; REVOKE SELECT ON contacts.contact FROM member;
	GRANT SELECT ($columns, data) ON contacts.contact TO member",
	"REVOKE SELECT ($columns, data) ON contacts.contact FROM member; GRANT SELECT ON contacts.contact TO member;
	ALTER TABLE contacts.contact DROP secret", undef, @as_member);
check('who may read columns alone changes contacts', "SET client_min_messages = warning; ALTER TABLE contacts.contact ADD secret text;
	REVOKE SELECT ON contacts.contact FROM member; GRANT SELECT ($columns, data) ON contacts.contact TO member; SET client_min_messages = debug1;
	SET ROLE member;\n" . join("\n", map { qq(SELECT outcome FROM contacts.apply('{"email_address":"cersei\@example.com","partial_update":true,"fields":{"notes":"$_"}}');
	SELECT outcome FROM contacts.upsert_many('[{"email_address":"cersei\@example.com","partial_update":true,"fields":{"notes":"$_$_"}},
		{"email_address":"tyrion\@example.com","partial_update":true,"fields":{"notes":"$_"}}]');) } qw(x y)) . "
	RESET ROLE; REVOKE SELECT ($columns, data) ON contacts.contact FROM member; GRANT SELECT ON contacts.contact TO member;
	SET client_min_messages = warning; ALTER TABLE contacts.contact DROP secret;", $by_index);
check_case('the schema denied', 'REVOKE USAGE ON SCHEMA contacts FROM member', 'GRANT USAGE ON SCHEMA contacts TO member',
	'the role may not use the schema contacts', @as_member, error => qr/permission denied for schema contacts/);
check_case('a policy more', 'CREATE POLICY hide ON contacts.contact AS RESTRICTIVE USING (false)', 'DROP POLICY hide ON contacts.contact',
	'contacts.contact: policies apply that contacts.install() did not make', @as_member,
	error => qr/violates row-level security policy "hide"/);
check_case('a policy for others', 'CREATE POLICY hide ON contacts.contact AS RESTRICTIVE TO stranger USING (false)',
	'DROP POLICY hide ON contacts.contact', undef, @as_member);
check_case('a policy for others, of whom the role becomes one',
	'CREATE POLICY hide ON contacts.contact AS RESTRICTIVE TO stranger USING (false); GRANT stranger TO member',
	'REVOKE stranger FROM member; DROP POLICY hide ON contacts.contact',
	'contacts.contact: policies apply that contacts.install() did not make', @as_member,
	error => qr/violates row-level security policy "hide"/);
check_case('our policy altered', "ALTER POLICY members_only ON contacts.statistics USING (total_clicks = 0)",
	'ALTER POLICY members_only ON contacts.statistics USING (contacts_internal.is_member(workspace_id))',
	'contacts.statistics: policies apply that contacts.install() did not make', @as_member);
check_case('our policy dropped', 'DROP POLICY members_only ON contacts.workspace',
	'CREATE POLICY members_only ON contacts.workspace USING (contacts_internal.is_member(workspace_id))',
	'contacts.workspace: policies apply that contacts.install() did not make', @as_member, error => qr/Workspace 1 does not exist/);
check_case("our policy's function denied", 'REVOKE EXECUTE ON FUNCTION contacts_internal.is_member(bigint) FROM member',
	'GRANT EXECUTE ON FUNCTION contacts_internal.is_member(bigint) TO member',
	'contacts.workspace: policies apply that contacts.install() did not make', @as_member, error => qr/permission denied for function is_member/);
check_case("our policy's function is another",
	q(CREATE OR REPLACE FUNCTION contacts_internal.is_member(workspace_id bigint) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT false'),
	q(CREATE OR REPLACE FUNCTION contacts_internal.is_member(workspace_id bigint) RETURNS boolean LANGUAGE C STABLE STRICT PARALLEL SAFE
		AS 'contact_upsert', 'contacts_is_member'),
	'contacts.workspace: policies apply that contacts.install() did not make', @as_member, error => qr/Workspace 1 does not exist/);
check_case('no member any more', 'DELETE FROM contacts.member', "INSERT INTO contacts.member VALUES (1, 'member')", undef, @as_member,
	error => qr/Workspace 1 does not exist/);
check_case('row level security off', 'ALTER TABLE contacts.contact DISABLE ROW LEVEL SECURITY',
	'ALTER TABLE contacts.contact ENABLE ROW LEVEL SECURITY', undef, @as_member);
check('row_security is off', "SET ROLE member;\n$call\nSET row_security = off;\n$call\nRESET row_security;\n$call",
	$by_index, "${by_statement}contacts.workspace: row_security is off", $by_index);
like(check('roles change', "SET ROLE member;\n$call\nSET ROLE half;\n$call\nRESET ROLE;\n$call", $by_index,
	"${by_statement}contacts.statistics: the role may not read it", $by_index), qr/permission denied for table statistics/, 'roles change: the error');

# A function that runs as its owner reads as that.
check('SECURITY DEFINER', q(
	CREATE FUNCTION public.outcome() RETURNS text LANGUAGE sql SECURITY DEFINER
		AS $$ SELECT md5(contact_upsert('{"email_address":"cersei@example.com","partial_update":true}')::text) $$;
	SET ROLE half;
	SELECT public.outcome();
	RESET ROLE;
	ALTER FUNCTION public.outcome() OWNER TO half;
	SELECT public.outcome();
	DROP FUNCTION public.outcome();
), $by_index, "${by_statement}contacts.statistics: the role may not read it");

# Snapshots
my $version = q(SELECT version FROM contacts.preview('{"email_address":"arya@example.com","partial_update":true}');) . "\n";
my $rename = q(SELECT version FROM contacts.apply('{"email_address":"arya@example.com","fields":{"notes":"' || clock_timestamp() || '"}}');) . "\n";
$rename =~ s/'\{/('{/;
$rename =~ s/\}\}'/}}')::jsonb/;
for my $level ('READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE')
{
	my $seen;
	for my $fast_path (qw(on off))
	{
		$node->safe_psql('postgres', "DELETE FROM contacts.contact WHERE email_address LIKE 'arya%'; $rename");
		my ($out) = run_script("BEGIN ISOLATION LEVEL $level;\n$version" . other_session($rename) . $version
			. "SAVEPOINT s;\n$rename${version}ROLLBACK TO s;\n${version}COMMIT;\n$version", $fast_path);
		is($seen // $out, $out, "$level: the same with the fast path off");
		$seen //= $out;
	}
	like($seen, $level eq 'READ COMMITTED' ? qr/^1\n2\n3\n3\n2\n2\n/ : qr/^1\n1\n1\n2\n.*could not serialize/s, "$level: what is seen");
}

# A change goes through an index once, and is written where its contact was found: of an owner and of a member, whatever changes. With the
# statement, it goes through another index.
for my $fast_path (qw(on off))
{
	for my $role (qw(owner member))
	{
		my $script = q(SELECT contact_upsert('{"email_address":"sansa@example.com","status":"SUBSCRIBED"}') IS NULL;) . "\n";
		$script .= "SET ROLE $role;\n" unless $role eq 'owner';
		# The first change of a kind plans it. What the session has not reported yet counts as of its transaction.
		for my $status ('', '"status":"CLEANED",', '', '"status":"UNSUBSCRIBED",')
		{
			$script .= "BEGIN;\nSELECT idx_scan, seq_scan FROM pg_stat_xact_user_tables WHERE relid = 'contacts.contact'::regclass \\gset\n"
				. qq(SELECT outcome FROM contacts.apply(jsonb_build_object('email_address', 'sansa\@example.com')
					|| jsonb_build_object('fields', jsonb_build_object('notes', clock_timestamp())) || '{$status "partial_update":true}');\n)
				. "SELECT idx_scan - :idx_scan, seq_scan - :seq_scan FROM pg_stat_xact_user_tables WHERE relid = 'contacts.contact'::regclass;\nCOMMIT;\n";
		}
		my ($out) = run_script($script, $fast_path);
		my $indexes = $fast_path eq 'on' ? 1 : 2;
		like($out, qr/^f\n(?:updated\n\d+\|0\n){2}(?:updated\n$indexes\|0\n){2}/, "a change of the $role, fast path $fast_path: scans");
	}
}

# What a change finds by its place is the version that was found, and nothing else: a savepoint goes, a trigger has written a contact of
# the array before its turn. (Another session's change is not overwritten: partial_updates.spec.)
for my $level ('READ COMMITTED', 'REPEATABLE READ')
{
	my $note = sub { return qq(SELECT outcome, version FROM contacts.apply('{"email_address":"bran\@example.com","fields":{"notes":"$_[0]"}}');\n) };
	like(check("$level: savepoints", "DELETE FROM contacts.contact WHERE email_address = 'bran\@example.com';\n" . $note->('a')
		. "BEGIN ISOLATION LEVEL $level;\n" . $note->('b') . "SAVEPOINT s;\n" . $note->('c') . $note->('d') . "ROLLBACK TO s;\n" . $note->('e')
		. "SAVEPOINT s;\n" . $note->('f') . "RELEASE s;\n" . $note->('g')
		. "COMMIT;\nSELECT version, data FROM contacts.contact WHERE email_address = 'bran\@example.com';", $by_index),
		qr/^created\|1\nupdated\|2\nupdated\|3\nupdated\|4\nupdated\|3\nupdated\|4\nupdated\|5\n5\|\{"notes": "g"\}\n/, "$level: savepoints: the versions");
}
like(check('a trigger that writes other contacts of the array', q(
	SELECT contacts.define_field('echo', 'Echo') IS NULL;
	SELECT count(*) FROM contacts.upsert_many('[{"email_address":"a1@example.com"},{"email_address":"a2@example.com"},{"email_address":"a3@example.com"}]');
	CREATE FUNCTION public.echo() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF NOT NEW.data ? 'echo' THEN
			UPDATE contacts.contact SET data = data || '{"echo":"yes"}' WHERE email_address > NEW.email_address AND email_address LIKE 'a_@%';
		END IF;
		RETURN NULL;
	END $$;
	-- with a CHECK each contact is written alone
	ALTER TABLE contacts.contact ADD CONSTRAINT alone CHECK (id > '');
	CREATE CONSTRAINT TRIGGER echo AFTER UPDATE ON contacts.contact FOR EACH ROW EXECUTE FUNCTION public.echo();
	SELECT "position", outcome, version, contact -> 'data' FROM contacts.upsert_many('[
		{"email_address":"a1@example.com","fields":{"notes":"1"},"partial_update":true},
		{"email_address":"a2@example.com","fields":{"notes":"2"},"partial_update":true},
		{"email_address":"a3@example.com","fields":{"notes":"3"},"partial_update":true}]');
	SELECT email_address, version, data FROM contacts.contact WHERE email_address LIKE 'a_@%' ORDER BY 1;
	DROP FUNCTION public.echo CASCADE;
	ALTER TABLE contacts.contact DROP CONSTRAINT alone;
	SELECT contacts.drop_field('echo') IS NULL;
	DELETE FROM contacts.contact WHERE email_address LIKE 'a_@%';), $by_index), qr/^a3\@example.com\|3\|\{"echo": "yes", "notes": "3"\}$/m,
	'a trigger that writes other contacts of the array: nothing is lost');

# The row of a workspace is looked for where it was last: no index is read for it. It is found wherever it goes, also when its place is
# another workspace's, or lies behind the end of the table.
{
	my $scans = "SELECT sum(idx_scan) AS idx_scan, sum(seq_scan) AS seq_scan FROM pg_stat_xact_user_tables WHERE relid = 'contacts.workspace'::regclass";
	my $look = sub { return qq(SELECT outcome FROM contacts.preview('{"email_address":"cersei\@example.com","partial_update":true}', workspace_id => $_[0]);\n) };
	my ($out) = run_script($look->(1) . "BEGIN;\n$scans \\gset\n" . $look->(1) . "SELECT idx_scan - :idx_scan, seq_scan - :seq_scan FROM ($scans) s;\nCOMMIT;\n", 'on');
	like($out, qr/^unchanged\nunchanged\n0\|0\n/, 'a workspace is found in its place');

	for my $fast_path (qw(on off))
	{
		$node->safe_psql('postgres', q(
			DELETE FROM contacts.workspace WHERE workspace_id > 1;
			INSERT INTO contacts.workspace (workspace_id, name) SELECT n, n FROM generate_series(2, 400) n));
		my $session = $node->background_psql('postgres', on_error_stop => 0);
		my $answer = sub { return $session->query($look->($_[0])) . $session->{stderr} };
		$session->query("SET contact_upsert.fast_path = $fast_path");
		is($answer->($_), $_ == 1 ? 'unchanged' : 'created', "workspace $_, fast path $fast_path") for (1, 400, 399, 65);
		$node->safe_psql('postgres', q(
			DELETE FROM contacts.workspace WHERE workspace_id BETWEEN 2 AND 398 AND workspace_id <> 65;
			VACUUM FULL contacts.workspace));
		is($answer->($_), $_ == 1 ? 'unchanged' : 'created', "... workspace $_ has moved, and the table is shorter") for (1, 400, 399, 65);
		$node->safe_psql('postgres', q(
			DELETE FROM contacts.workspace WHERE workspace_id > 1;
			VACUUM (INDEX_CLEANUP on) contacts.workspace;
			INSERT INTO contacts.workspace (workspace_id, name) SELECT n, n FROM generate_series(400, 2, -1) n WHERE n <> 399));
		like($answer->(399), qr/Workspace 399 does not exist/, '... workspace 399 is gone, and another is in its place');
		$session->{stderr} = '';
		is($answer->($_), $_ == 1 ? 'unchanged' : 'created', "... workspace $_ is there") for (1, 65, 400);
		$session->quit;
	}
	$node->safe_psql('postgres', 'DELETE FROM contacts.workspace WHERE workspace_id > 1');
}

# A session that ends behind its look-up, in the same statement, leaves nothing: not even its locks.
my ($status, undef, $said) = $node->psql('postgres',
	q(SELECT contact_upsert('{"email_address":"cersei@example.com","partial_update":true}'), pg_terminate_backend(pg_backend_pid())));
is($status, 2, 'a session is terminated') or diag($said);
$node->safe_psql('postgres', "SET lock_timeout = '10s'; BEGIN; LOCK TABLE contacts.workspace, contacts.contact, contacts.statistics; COMMIT");
unlike(slurp_file($node->logfile), qr/WARNING:|PANIC|TRAP|terminated by signal/, 'nothing is left to be warned of');

# A choice that ends in an error is none: the role whose choice was made before makes its own again.
for my $fast_path (qw(on off))
{
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $holder = $node->background_psql('postgres', on_error_stop => 1);
	my $ask = q(SELECT outcome FROM contacts.preview('{"email_address":"cersei@example.com","partial_update":true}'));
	$session->query("SET contact_upsert.fast_path = $fast_path; SET ROLE member");
	is($session->query($ask), 'unchanged', "an error while choosing, fast path $fast_path: a member's look-up");
	$holder->query_safe('BEGIN; LOCK contacts.statistics IN ACCESS EXCLUSIVE MODE');
	$session->query("RESET ROLE; SET lock_timeout = '10ms'");
	$session->query($ask);
	like($session->{stderr}, qr/canceling statement due to lock timeout/, '... the owner\'s, which waits for a lock too long');
	$session->{stderr} = '';
	$holder->query_safe('ROLLBACK');
	is($session->query("SET ROLE member; $ask"), 'unchanged', '... and the member\'s again');
	is($session->{stderr}, '', '... without an error');
	$session->quit;
	$holder->quit;
}

# In a parallel query no command begins, which one that writes would notice.
check('a parallel query that writes', q(
	LOAD 'contact_upsert';
	CREATE TABLE many AS SELECT g FROM generate_series(1, 10000) g;
	CREATE FUNCTION public.outcome() RETURNS text LANGUAGE plpgsql STABLE PARALLEL RESTRICTED AS $$
	BEGIN
		RETURN (SELECT outcome FROM contacts.preview('{"email_address":"cersei@example.com","partial_update":true}'));
	END $$;
	SET parallel_setup_cost = 0;
	SET parallel_tuple_cost = 0;
	SET min_parallel_table_scan_size = 0;
	CREATE TABLE outcomes AS SELECT public.outcome() FROM many WHERE g % 1000 = 0;
	SELECT outcome, count(*) FROM outcomes GROUP BY 1;
	DROP TABLE many, outcomes;
	DROP FUNCTION public.outcome;
));

# That all tests in SQL expect the same where contacts are looked up by statements is for partitions.pl to show: on tables that are
# partitioned there is no fast path.

done_testing();
