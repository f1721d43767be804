# contacts.request_schema() is a schema by the rules of JSON Schema 2020-12, for python3-jsonschema, which knows them: each request
# that the call accepts validates, of random ones, of those in test/sql and test/clients, and of a table here; what is plainly
# wrong does not. A value that no longer fits its field and is sent again is no part of this: what is stored is accepted, and
# no schema knows what is stored.
#
# SCHEMA_SEED=n repeats a run; SCHEMA_WORKSPACES=n makes it longer.

use strict;
use warnings;
use utf8;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RandomContacts qw(chance pick literal random_workspace random_request);
use Test::More;

system('/usr/bin/python3', '-c', 'import jsonschema; jsonschema.Draft202012Validator') == 0
	or plan skip_all => 'python3-jsonschema does not know JSON Schema 2020-12';

my $seed = $ENV{SCHEMA_SEED} || time ^ $$;
my $workspaces = $ENV{SCHEMA_WORKSPACES} || 8;
srand($seed);
diag("SCHEMA_SEED=$seed");

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "fsync = off\nclient_min_messages = error");
$node->start;

# In the last workspace are fields of the names that tests use, of all types.
my $script = "CREATE EXTENSION contact_upsert; SELECT contacts.install();\n";
my @requests;
for my $id (1 .. $workspaces)
{
	my ($workspace, $definitions) = random_workspace($id);
	$script .= $definitions;
	push @requests, map { [ $id, random_request($workspace, pick(0, 0.3, 1)) ] } 1 .. 300;
}
my $last = $workspaces + 1;
$script .= sprintf <<'SQL', ($last) x 12;
SELECT contacts.define_workspace('tests');
SELECT contacts.define_field('name', 'Name', workspace_id => %d), contacts.define_field('age', 'Age', 'NUMBER', workspace_id => %d),
	contacts.define_field('active', 'Active', 'BOOLEAN', workspace_id => %d), contacts.define_field('born', 'Born', 'DATE', workspace_id => %d),
	contacts.define_field('land', 'Land', 'COUNTRY', workspace_id => %d), contacts.define_field('must', 'Must', required => true, workspace_id => %d),
	contacts.define_field('country', 'Country', 'COUNTRY', default_value => '"DE"', required => true, workspace_id => %d),
	contacts.define_field('plan', 'Plan', 'DROPDOWN_SINGLE', ARRAY['Free', 'Gold', ' a ', 'x"y\z', '1'], workspace_id => %d),
	contacts.define_field('topics', 'Topics', 'DROPDOWN_MULTIPLE', ARRAY['News', 'Jobs', 'Art'], workspace_id => %d),
	contacts.define_field('note', 'Note', workspace_id => %d), contacts.define_field('first_name', 'First Name', workspace_id => %d);
SELECT contacts.define_tag('vip', workspace_id => %d);
SQL
# What the tests ask for, as it is, and with the field that must be there.
my $texts = join "\n", map { slurp_file($_) } sort glob("$ENV{TESTDIR}/test/sql/*.sql"), "$ENV{TESTDIR}/test/clients/requests.json";
utf8::decode($texts);
for my $request ($texts =~ /(?<=['\s])(\{"email_address".*?\})(?='|, "data"|, "sqlstate")/gs)
{
	$request =~ s/''/'/g;
	next unless eval { JSON::PP->new->decode($request); 1 } && $request !~ /\\u(0000|d[89a-f])/i;
	push @requests, [ $last, $request ];
	push @requests, [ $last, $requests[-1][1] =~ s/"fields": ?\{(\s*\})?/$1 ? '"fields":{"must":1}' : '"fields":{"must":1,'/er ];
}
# Values by the rules of docs/api.md, "Fields", and those that break one.
my %values = (
	name => [ [ '"x"', '7', '1.5', 'true', 'null', '""', '"  "', '"' . 'x' x 65535 . '"', '"' . ' ' x 70000 . '"', '1e400' ], [ '{}', '[]', '["x"]', '"' . 'x' x 65536 . '"' ] ],
	age => [ [ '1', '-0', '"1.50"', '" -1e3\n"', '"1E+2"', 'null', '""', '"\u2003"', '"0"', '"\u3000 7\u0085"' ], [ '"x"', '"01"', '"+1"', '"1."', '".5"', '"1 2"', 'true', '[]', '{}', '"Infinity"' ] ],
	active => [ [ 'true', 'false', '"TRUE"', '" fAlse "', 'null', '""' ], [ '"yes"', '1', '0', '"t"', '[]', '"true false"' ] ],
	born => [ [ '"2024-02-29"', '" 2024-02-29\t"', '"2024-02-29T10:00:00Z"', '"2024-02-29t23:59:59.999+14:00"', '"0001-01-01"', '""', 'null' ],
		[ '"29.02.2024"', '"2024-13-01"', '"2024-01-32"', '"2024-1-1"', '"today"', '20240229', '"2024-02-29 10:00:00Z"', '"2024-02-29T24:00:00Z"', '"2024-02-29T10:00:60Z"', '"2024-02-29T10:00Z"', '[]' ] ],
	land => [ [ '"DE"', '"de"', '" gB "', 'null', '""' ], [ '"DEU"', '"Germany"', '"D"', '49', '[]' ] ],
	plan => [ [ '"Free"', '" Gold "', '"\u00a0Free"', '" a "', '"x\"y\\\\z"', '"1"', 'null', '""', '" "' ], [ '"free"', '"Silver"', '"Free,Gold"', '1', '["Free"]', '[]', 'true' ] ],
	topics => [ [ '["News"]', '["Jobs","News","Jobs"]', '[" Art "]', '"News, Art"', '","', '[]', 'null', '""' ], [ '["Sports"]', '["News","news"]', '[null]', '[1]', '[""]', '7', '{}', 'true' ] ],
	email_address => [ [ '"other@example.com"', '7', '[{}]', 'null' ], [] ],
	unknown => [ [], [ '1', 'null' ] ],
);
my @bad;
for my $field (sort keys %values)
{
	my ($good, $wrong) = map { [ map { [ $last, qq({"email_address":"t\@example.com","fields":{"must":"x","$field":$_}}) ] } @$_ ] } @{ $values{$field} };
	push @requests, @$good, @$wrong;
	push @bad, @$wrong;
}
# The rest of a request, likewise.
my $fields = '"fields":{"must":"x"}';
my @good = map { [ $last, qq({"email_address":"t\@example.com",$_}) ] } $fields, "$fields,\"tags\":null", "$fields,\"tags\":[]",
	'"partial_update":true', '"partial_update":true,"fields":[]', '"partial_update":true,"fields":null', "$fields,\"partial_update\":null",
	"$fields,\"status\":\"CLEANED\"", "$fields,\"status\":null", "$fields,\"other\":{\"a\":[1]}", "$fields,\"Email\":1", "$fields,\"" . ('_' x 61) . 'tags":1',
	"$fields,\"add_tags\":[\"VIP\"],\"remove_tags\":[\" vip\"]", "$fields,\"create_tags\":true,\"resubscribe\":false,\"tags\":[\"Ünew\"]",
	(map { "$fields,$_" } '"mode":"upsert"', '"mode":null', '"mode":"fill"', '"mode":"update"', '"if_version":null', '"source":"form"', '"source":""', '"source":null',
		'"evidence":{"a":[{}]}', '"evidence":[]', '"evidence":null'),
	'"mode":"create"', '"mode":"fill"', '"mode":"update","partial_update":true';
my @wrong = map { [ $last, qq({"email_address":"t\@example.com",$_}) ] } "$fields,\"tags\":7", "$fields,\"tags\":[1.5]", "$fields,\"tags\":[true]", "$fields,\"tags\":[0]",
	"$fields,\"tags\":\"vip\"", "$fields,\"add_tags\":{}", "$fields,\"remove_tags\":[null]", "$fields,\"tags\":[" . join(',', (1) x 1001) . ']',
	"$fields,\"status\":\"subscribed\"", "$fields,\"status\":7", "$fields,\"partial_update\":\"true\"", "$fields,\"create_tags\":1", "$fields,\"resubscribe\":\"no\"",
	'"fields":"x"', '"fields":7', '"fields":[1]', '"fields":{}', '"fields":null', '"tags":[]', '"fields":{"must":null}', '"fields":{"must":""}',
	"$fields,\"partialUpdate\":true", "$fields,\"Status\":\"CLEANED\"", "$fields,\"TAGS\":[]", "$fields,\"add-tags\":[]",
	(map { "$fields,$_" } '"mode":"Create"', '"mode":""', '"mode":7', '"if_version":"1"', '"if_version":-1', '"if_version":1.5', '"if_version":9223372036854775808',
		'"source":7', '"source":"' . 'x' x 256 . '"', '"evidence":"x"', '"evidence":[1]');
push @wrong, map { [ $last, $_ ] } '{}', '[]', 'null', '"x"', '{"email_address":null}', '{"email_address":7}', '{"email_address":""}', '{"email_address":"nobody"}', '{"email_address":"a@b@c.example"}';
push @requests, @good, @wrong;
push @bad, @wrong;

# Each request by itself, in order, so that later ones find the contacts of earlier ones. What is accepted is told from the rest.
$script .= "CREATE TABLE public.request (n int, workspace_id bigint, request jsonb, accepted boolean);\n";
my $n = 0;
for (@requests)
{
	$script .= sprintf "INSERT INTO public.request VALUES (%d, %d, %s);\n", ++$n, $_->[0], literal($_->[1]);
}
$script .= q(
DO $$
DECLARE
	r record;
BEGIN
	FOR r IN SELECT * FROM public.request ORDER BY n LOOP
		BEGIN
			PERFORM contacts.upsert(r.request, workspace_id => r.workspace_id);
			UPDATE public.request q SET accepted = true WHERE q.n = r.n;
		EXCEPTION WHEN data_exception THEN
			UPDATE public.request q SET accepted = false WHERE q.n = r.n;
		END;
	END LOOP;
END $$;
);
utf8::encode($script);
my $file = $node->basedir . '/requests.sql';
append_to_file($file, $script);
my ($stdout, $stderr) = ('', '');
IPC::Run::run([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-f', $file, '-d', $node->connstr('postgres') ], '2>', \$stderr);
is($stderr, '', 'the call runs all requests');

my $lines = $node->safe_psql('postgres', q(
	SELECT jsonb_build_object('schema', w.workspace_id, 'is', contacts.request_schema(w.workspace_id)) FROM contacts.workspace w;
	SELECT jsonb_build_object('schema', workspace_id, 'request', request) FROM public.request ORDER BY n));
my $input = $node->basedir . '/lines.json';
append_to_file($input, $lines);
IPC::Run::run([ '/usr/bin/python3', "$ENV{TESTDIR}/test/t/request_schema.py" ], '<', $input, '>', \$stdout, '2>', \$stderr);
is($stderr, '', 'the schemas are schemas');
my @verdicts = split /\n/, $stdout;
my @accepted = split /\n/, $node->safe_psql('postgres', 'SELECT accepted FROM public.request ORDER BY n');
is(scalar(@verdicts), scalar(@requests), 'each request has a verdict');

my %is_bad = map { ($_ => 1) } @bad;
my %is_good = map { ($_ => 1) } @good;
my (@refused, @let_pass, @not_good);
my %count;
for my $i (0 .. $#requests)
{
	my $about = substr($requests[$i][1], 0, 200) . " in $requests[$i][0]: $verdicts[$i]";
	$count{"$accepted[$i] " . ($verdicts[$i] =~ /^(\w+)/)[0]}++;
	push @refused, $about if $accepted[$i] eq 't' && $verdicts[$i] ne 'valid';
	push @let_pass, $about if $is_bad{ $requests[$i] } && ($accepted[$i] eq 't' || $verdicts[$i] eq 'valid');
	push @not_good, $about if $is_good{ $requests[$i] } && $accepted[$i] ne 't';
}
diag(join ', ', map { "$_: $count{$_}" } sort keys %count);
utf8::encode($_) for @refused, @let_pass, @not_good;
is(join("\n", splice @refused, 0, 10), '', 'what the call accepts validates');
is(join("\n", splice @let_pass, 0, 10), '', 'what is plainly wrong does not, nor does the call accept it');
is(join("\n", splice @not_good, 0, 10), '', 'and the call accepts what this test believes to be good');
cmp_ok($count{'t valid'}, '>', 500, 'there are many that the call accepts');
cmp_ok($count{'f invalid'}, '>', 100, 'and many that neither does');

done_testing();
