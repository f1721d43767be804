# No request of 1 MiB costs more than 64 MiB of memory or a second of a processor, a cancel ends any call within 0.2 s, and an idle session
# keeps none of it, and of the definitions little. A number in jsonb is the trap: 16 bytes can stand for 131,072 digits.

use strict;
use warnings;

use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

# What is kept: what malloc has not given back, and what a session needs for the first time.
my $max_kib = 64 * 1024;
my $max_kept_kib = 8 * 1024;
# Others may be using the machine: what they take is not counted, but they share its caches, and the threads of its cores.
my $max_seconds = 1 * ($ENV{COST_PATIENCE} // 5);
# Fewer of everything, to see what code costs that knows no limit.
my $scale = $ENV{COST_SCALE} // 1;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\njit = off");
$node->start;
$node->safe_psql('postgres', q(
	CREATE EXTENSION contact_upsert;
	SELECT contacts.install();
	SELECT contacts.define_field('n' || i, 'N ' || i, 'NUMBER') FROM generate_series(1, 1000) i;
	SELECT contacts.define_field('t' || i, 'T ' || i) FROM generate_series(1, 1000) i;
	SELECT contacts.define_field('m1', 'M 1', 'DROPDOWN_MULTIPLE', options => ARRAY['a', 'b']);
	CREATE TABLE request (name text PRIMARY KEY, request jsonb);
	ALTER TABLE request ALTER request SET STORAGE EXTERNAL;
	CREATE FUNCTION request(members text) RETURNS jsonb LANGUAGE sql AS
		$$ SELECT ('{"email_address":"a@example.com",' || members || '}')::jsonb $$;
	-- an array of so many elements, an object of so many members
	CREATE FUNCTION list(element text, count numeric) RETURNS text LANGUAGE sql AS
		$$ SELECT '[' || rtrim(repeat(element || ',', count::int), ',') || ']' $$;
	CREATE FUNCTION members(prefix text, value text, count numeric) RETURNS text LANGUAGE sql AS
		$$ SELECT '{' || string_agg(format('"%s%s":%s', prefix, i, value), ',') || '}' FROM generate_series(1, count::int) i $$;
));

# name, SQL of the request
my @cases = (
	[ 'numbers in an unknown key', q(request('"x":' || list('1e131000', 60000 * :scale))) ],
	[ 'numbers in many unknown keys', q(request(trim(members('x', '1e131000', 30000 * :scale), '{}'))) ],
	[ 'numbers in tags', q(request('"tags":' || list('1e131000', 60000 * :scale))) ],
	[ 'a thousand numbers in tags', q(request('"tags":' || list('1e131000', 1000))) ],
	[ 'numbers of 65,000 digits in tags', q(request('"remove_tags":' || list('1e65000', 1000))) ],
	[ 'numbers with zeros behind the point in tags', q(request('"remove_tags":' || list('1.' || repeat('0', 16000), 1000 * :scale))) ],
	[ 'numbers in NUMBER fields', q(request('"fields":' || members('n', '1e131000', 1000))) ],
	[ 'numbers of 65,000 digits in NUMBER fields', q(request('"fields":' || members('n', '1e65000', 1000))) ],
	[ 'numbers in TEXT fields', q(request('"fields":' || members('t', '1e131000', 1000))) ],
	[ 'numbers of 65,000 digits in TEXT fields', q(request('"fields":' || members('t', '1e65000', 1000))) ],
	[ 'arrays of numbers in TEXT fields', q(request('"fields":' || members('t', list('1e131000', 60 * :scale), 1000))) ],
	[ 'an array of numbers in a DROPDOWN_MULTIPLE', q(request('"fields":{"m1":' || list('1e131000', 60000 * :scale) || '}')) ],
	[ 'numbers in fields without a definition', q(request('"fields":' || members('x', '1e131000', 30000 * :scale))) ],
	[ 'numbers in email_address', q(request('"email_address":' || list('1e131000', 60000 * :scale))) ],
	[ 'numbers in status', q(request('"status":' || list('1e131000', 60000 * :scale))) ],
	[ 'numbers in partial_update', q(request('"partial_update":' || list('1e131000', 60000 * :scale))) ],
	[ 'numbers as the request', q(list('1e131000', 60000 * :scale)::jsonb) ],
	[ 'nested numbers', q(request('"x":' || list(repeat('[', 6) || '1e131000' || repeat(']', 6), 10000 * :scale))) ],
	[ 'deep nesting', q(request('"x":' || repeat('[', 4000) || repeat(']', 4000))) ],
	[ 'empty arrays', q(request('"tags":' || list('[]', 125000))) ],
	[ 'nulls', q(request('"tags":' || list('null', 250000))) ],
	[ 'nulls in a DROPDOWN_MULTIPLE', q(request('"fields":{"m1":' || list('null', 250000) || '}')) ],
	[ 'options', q(request('"fields":{"m1":' || list('"a"', 200000) || '}')) ],
	[ 'a list of options', q(request('"fields":{"m1":"' || repeat('a,', 500000) || '"}')) ],
	[ 'commas', q(request('"fields":{"m1":"' || repeat(',', 1000000) || '"}')) ],
	[ 'unknown keys', q(request(trim(members('x', 'null', 60000), '{}'))) ],
	[ 'unknown fields', q(request('"fields":' || members('x', 'null', 60000))) ],
	[ 'white space', q(request('"email_address":' || to_json(repeat(' ', 1000000))::text)) ],
	[ 'blank text', q(request('"fields":' || members('t', to_json(repeat(U&'\2003', 340))::text, 1000))) ],
	[ 'text', q(request('"fields":' || members('t', to_json(repeat('x', 1000))::text, 1000))) ],
	[ 'names of tags', q(request('"create_tags":true,"tags":' || list(to_json(repeat('x', 1000))::text, 1000))) ],
	[ 'a request with a text of 100 MB', q(request('"x":"' || repeat('x', 100000000) || '"')) ]);
$node->safe_psql('postgres', "INSERT INTO request VALUES ('$_->[0]', $_->[1] )" =~ s/:scale/$scale/gr) for @cases;

sub memory
{
	my ($pid, $what) = @_;
	slurp_file("/proc/$pid/status") =~ /^$what:\s+(\d+) kB/m or die "no $what";
	return $1;
}

# The seconds that a processor has worked for it: what a busy machine lets it wait is not its cost.
sub worked
{
	my ($pid) = @_;
	my ($user, $system) = (split / /, slurp_file("/proc/$pid/stat") =~ s/^.*\) //sr)[ 11, 12 ];
	return ($user + $system) / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

# Runs a statement in a session that has done such things in small, and returns what it cost, with its answer.
sub cost
{
	my ($statement, $timeout) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query(q(SELECT contact_upsert('{"email_address":"a@example.com","fields":{"n1":1,"t1":"x"}}');
		SELECT count(*) FROM contacts.upsert_many(requests => '[{"email_address":"a@example.com","fields":{"n1":1,"t1":"x"}}]')));
	my $pid = $session->query('SELECT pg_backend_pid()');
	my ($before, $kept_before) = (memory($pid, 'VmHWM'), memory($pid, 'RssAnon'));
	$session->query("SET statement_timeout = $timeout") if $timeout;
	my ($start, $worked) = (time, worked($pid));
	my $answer = $session->query($statement);
	my $seconds = time - $start;
	my %cost = (
		kib => memory($pid, 'VmHWM') - $before,
		kept => memory($pid, 'RssAnon') - $kept_before,
		seconds => $seconds,
		worked => worked($pid) - $worked,
		answer => $answer . ($session->{stderr} // ''));
	$session->quit;
	return \%cost;
}

sub is_cheap
{
	my ($cost, $name) = @_;
	note sprintf '%s: %.1f MiB, %.1f MiB kept, %.3f s', $name, $cost->{kib} / 1024, $cost->{kept} / 1024, $cost->{worked};
	ok($cost->{kib} <= $max_kib && $cost->{kept} <= $max_kept_kib && $cost->{worked} <= $max_seconds, $name)
	  or diag(explain({ %$cost, answer => substr($cost->{answer}, 0, 500) }));
}

# What comes out is not sent: that is the caller's to ask for.
my $try = q(DO $try$ BEGIN PERFORM %s; EXCEPTION WHEN data_exception OR check_violation THEN NULL; END $try$);
for (@cases)
{
	my $name = $_->[0];
	is_cheap(cost(sprintf $try, "contact_upsert(request) FROM request WHERE name = '$name'"), $name);
	is_cheap(cost("SELECT outcome FROM request, contacts.preview(request => request) WHERE name = '$name'"), "$name: preview");
}
is_cheap(cost(q(SELECT count(*) FROM request, contacts.upsert_many(requests => request) WHERE name = 'numbers as the request')),
	'numbers as the requests of an array');

# requests of a few hundred bytes, each with a megabyte of digits, and of a tree many times as large as they are
$node->safe_psql('postgres', q(
	INSERT INTO request SELECT 'digits in an array ' || n, jsonb_agg(jsonb_build_object('email_address', i || '@example.com', 'partial_update', true,
			'fields', f.fields || jsonb_build_object('t1', n))) FROM generate_series(1, 250) i, generate_series(1, 2) n,
		(SELECT jsonb_object_agg('n' || j, 1e60000) AS fields FROM generate_series(1, 16) j) f GROUP BY n;
	INSERT INTO request SELECT 'zeros in an array ' || n, jsonb_agg(jsonb_build_object('email_address', i || '@example.com', 'partial_update', true,
			'fields', f.fields || jsonb_build_object('t1', n))) FROM generate_series(1, 250) i, generate_series(1, 2) n,
		(SELECT jsonb_object_agg('n' || j, ('1.' || repeat('0', 16000))::numeric) AS fields FROM generate_series(1, 60) j) f GROUP BY n;
	INSERT INTO request SELECT 'small numbers in an array ' || n, jsonb_agg(jsonb_build_object('email_address', i || '@example.com', 'partial_update', true,
			'fields', f.fields || jsonb_build_object('t1', n))) FROM generate_series(1, 250) i, generate_series(1, 2) n,
		(SELECT jsonb_object_agg('n' || j, 1e-16000) AS fields FROM generate_series(1, 60) j) f GROUP BY n;
	INSERT INTO request SELECT 'empty arrays in an array', jsonb_agg(jsonb_build_object('email_address', i || '@example.com', 'tags', r.request -> 'tags'))
		FROM generate_series(1, 8) i, request r WHERE r.name = 'empty arrays'));
for my $name ('digits in an array 1', 'digits in an array 2', 'zeros in an array 1', 'zeros in an array 2', 'small numbers in an array 1', 'small numbers in an array 2',
	'empty arrays in an array')
{
	my $cost = cost("SELECT count(*) FROM request, contacts.upsert_many(requests => request) WHERE name = '$name'");
	note sprintf '%s: %.1f MiB, %.3f s', $name, $cost->{kib} / 1024, $cost->{worked};
	cmp_ok($cost->{kib}, '<=', $max_kib, "$name: memory");
	# Written out, the digits would take 4 s and more on an idle machine.
	cmp_ok($cost->{worked}, '<=', 0.2 * $max_seconds, "$name: time") if $name =~ /digits|zeros|small/;
}

# the rules of the tables
for my $name ('numbers in an unknown key', 'nested numbers', 'numbers in many unknown keys')
{
	is_cheap(cost(sprintf $try, "contacts_internal.is_field_value('TEXT', NULL, request) FROM request WHERE name = '$name'"), "$name: default_value");
}
is_cheap(cost(q(UPDATE contacts.contact SET data = r.request - 'email_address' FROM request r WHERE r.name = 'numbers in many unknown keys')),
	'numbers in contact.data');

# what a session keeps of a workspace with 200,000 tags
$node->safe_psql('postgres', q(
	SELECT contacts.define_workspace('tags');
	INSERT INTO contacts.tag (workspace_id, name) SELECT 2, 'Tag number ' || i FROM generate_series(1, 200000) i;
	ANALYZE contacts.tag));
is($node->safe_psql('postgres', q(
		SELECT outcome FROM contacts.preview(request => '{"email_address":"a@example.com","tags":["TAG number 77777"]}', workspace_id => 2);
		SELECT outcome FROM contacts.preview(request => '{"email_address":"a@example.com","tags":["TAG number 200001"]}', workspace_id => 2);
		SELECT sum(total_bytes) <= 12 * 1024 * 1024 FROM pg_backend_memory_contexts WHERE name LIKE 'contact_upsert definitions%')),
	"created\nfailed\nt", '200,000 tags are 12 MiB at most');

# a cancel: of an array that takes long, and of one request that did
$node->safe_psql('postgres', q(
	INSERT INTO request SELECT 'many large requests', jsonb_agg(request || jsonb_build_object('tags', 1, 'create_tags', i % 2 = 0))
		FROM request, generate_series(1, 40) i WHERE name = 'options';
	INSERT INTO request SELECT 'many small requests', jsonb_agg(jsonb_build_object('email_address', i || '@example.com', 'fields',
		jsonb_build_object('t1', repeat('x', 10), 'n1', i))) FROM generate_series(1, 100000) i));
for (
	[ 'many large requests', 'SELECT count(*) FROM request, contacts.upsert_many(requests => request) WHERE name = %s' ],
	[ 'many small requests', 'SELECT count(*) FROM request, contacts.upsert_many(requests => request) WHERE name = %s' ],
	[ 'numbers in tags', 'SELECT count(contacts.preview(request => request)) FROM request, generate_series(1, 1000) WHERE name = %s' ],
	[ 'numbers as the requests of an array',
		q(SELECT count(*) FROM (SELECT jsonb_agg(request) AS requests FROM request, generate_series(1, 20) WHERE %s <> '' AND name = 'numbers as the request') r,
			contacts.upsert_many(requests => requests)) ])
{
	my ($name, $statement) = @$_;
	my $cost = cost(sprintf($statement, "'$name'"), 100);
	my $late = $cost->{seconds} - 0.1;
	note sprintf '%s: cancelled %.3f s after its timeout', $name, $late;
	like($cost->{answer}, qr/canceling statement due to statement timeout|^\d/, "$name: is cancelled, or was fast");
	ok($late <= 0.2 * ($ENV{COST_PATIENCE} // 5), "$name: is cancelled in time") or diag($late);
	cmp_ok($cost->{kept}, '<=', 4 * $max_kept_kib, "$name: leaves no memory behind");
}

done_testing();
