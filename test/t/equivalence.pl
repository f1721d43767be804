# upsert_many does what the single call does: the same random definitions, contacts and requests in several databases, in one as
# single calls, each after its preview, in the others as arrays of random length. The answers, the tables, the events and the
# deliveries must be the same. Ids and times cannot be: tags that create_tags made are compared by name, times by the call
# that they are of, and that ids agree with the tables is checked in each database by itself. The single calls of an array come
# after the tags that it creates, for that is what an array does.
#
# EQUIVALENCE_SEED=n repeats a run; EQUIVALENCE_WORKSPACES=n makes it longer.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RandomContacts qw(chance pick literal random_workspace define_contacts change_definitions random_request);
use Test::More;

my $seed = $ENV{EQUIVALENCE_SEED} || time ^ $$;
my $workspaces = $ENV{EQUIVALENCE_WORKSPACES} || 8;
my $arrays = 8;
srand($seed);
diag("EQUIVALENCE_SEED=$seed");

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\ntimezone = UTC\nstatement_timeout = 60s\nclient_min_messages = warning");
$node->start;

# The same script for all databases; its variables alone differ.
my $functions = slurp_file("$ENV{TESTDIR}/test/t/equivalence.sql");
my $script = '';
my @requests;
my $n = 0;
for my $id (1 .. $workspaces)
{
	my ($workspace, $definitions) = random_workspace($id);
	$script .= "BEGIN;\n$definitions" . define_contacts($workspace) . "COMMIT;\n";
	$script .= "INSERT INTO contacts.contact (workspace_id, email_address, created_at, updated_at)"
		. " VALUES ($id, 'tags\@example.com', '2001-02-03', '2001-02-03');\n";
	for (1 .. $arrays)
	{
		# one of them is more than a batch
		my $length = $n == 20 ? 1000 : 1 + int(chance(0.4) ? 300**rand() : rand 300);
		my $bad = pick(0, 0.3, 1);
		# now and then an array on few addresses
		local $workspace->{hot} = chance(0.3) ? [ @{ $workspace->{addresses} }[ 0 .. rand 4 ] ] : undef;
		my @array;
		push @array, @array && chance(0.1) ? pick(@array) : random_request($workspace, $bad) for 1 .. $length;
		$requests[ ++$n ] = \@array;
		$script .= sprintf "INSERT INTO call (n, workspace_id, on_error, requests) VALUES (%d, %d, '%s', %s);\n",
			$n, $id, chance(0.2) ? 'stop' : 'continue', literal('[' . join(",\n", @array) . ']');
		$script .= "SELECT run($n, :arrays);\n";
		$script .= "BEGIN;\n" . change_definitions($workspace) . "COMMIT;\n" if chance(0.4);
	}
}
utf8::encode($script);

# What the user has added to the table of contacts, too, must make no difference: nothing, a trigger that refuses some of them,
# and beside it one on INSERT, for which arrays are written in another way. Nor does it make a difference whether contacts are looked up
# by index or by a statement: each way is compared with the other.
my %variables = (
	one_by_one => [qw(false false false off)],
	arrays => [qw(true false false on)],
	refused_one_by_one => [qw(false true false on)],
	refused_arrays => [qw(true true false off)],
	refused_arrays_on_insert => [qw(true true true on)]);
my %result;
for my $database (sort keys %variables)
{
	my $file = $node->basedir . "/$database.sql";
	append_to_file($file,
		sprintf("\\set arrays %s\n\\set refuses %s\n\\set acts_on_insert %s\nSET contact_upsert.fast_path = %s;\n", @{ $variables{$database} }) . $functions . $script);
	$node->safe_psql('postgres', "CREATE DATABASE $database TEMPLATE template0 ENCODING 'UTF8'");
	my ($out, $error) = run_command(
		[ 'psql', '-Xqo', '/dev/null', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($database), '-f', $file ]);
	is($error, '', "$database: runs, and its answers are what it leaves behind") or die "seed $seed";
	my $lines = sub { [ split /\n/, $node->safe_psql($database, shift) ] };
	$result{$database} = {
		answers => $lines->('SELECT n, "position", answer FROM same_answer ORDER BY n, "position"'),
		state => $lines->('ANALYZE; SELECT line FROM same_state ORDER BY line COLLATE "C"') };
}

# Shows the first difference with what led to it.
sub first_difference
{
	my ($of, @databases) = @_;
	my ($single, $many) = map { $result{$_}{$of} } @databases;
	for my $i (0 .. ($#$single > $#$many ? $#$single : $#$many))
	{
		my ($expected, $got) = map { $_ // 'nothing' } $single->[$i], $many->[$i];
		next if $expected eq $got;
		my $text = "seed: $seed\none by one: $expected\nin an array: $got\n";
		if ($expected =~ /^(\d+)\|(\d+)\|/)
		{
			my $request = $requests[$1][ $2 - 1 ];
			utf8::encode($request);
			$text .= "request:    $request\n";
		}
		return $text;
	}
	return '';
}

for my $pair ([qw(one_by_one arrays)], [qw(refused_one_by_one refused_arrays)], [qw(refused_one_by_one refused_arrays_on_insert)])
{
	is(first_difference('answers', @$pair), '', "$pair->[1]: the same answers");
	is(first_difference('state', @$pair), '', "$pair->[1]: the same contacts, statistics, tags, events and deliveries");
}

# The run was worth it: there was enough of everything.
my $counts = $node->safe_psql('refused_one_by_one', q(
	SELECT string_agg(k || '=' || count, ' ' ORDER BY k) FROM (
		SELECT coalesce(error ->> 'code', outcome::text, 'raised') AS k, count(*) FROM answer GROUP BY 1
		UNION ALL SELECT type::text, count(*) FROM contacts.event GROUP BY 1
		UNION ALL SELECT 'again', count(*) - count(DISTINCT (n, email_address)) FROM answer WHERE outcome <> 'failed'
		UNION ALL SELECT 'created tags', count(*) FROM contacts.tag WHERE known(tag_id) IS NULL) s));
note($counts);
for my $kind (
	qw(created updated unchanged skipped raised again TAG_ADDED TAG_REMOVED FIELD_UPDATED CONTACT_SUBSCRIBED_PENDING INVALID_REQUEST
	AB001 EMAIL_REQUIRED EMAIL_INVALID FIELD_NOT_FOUND STATUS_INVALID FIELD_INVALID TAG_NOT_FOUND FIELD_REQUIRED VERSION_CONFLICT))
{
	like($counts, qr/\b$kind=\d/, "there was $kind");
}

done_testing();
