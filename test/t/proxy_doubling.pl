# From two partitions to four, by the commands of docs/scale-out.md, "Twice as many partitions", as they stand there, while writers and a
# consumer of all workspaces are at work: what was acknowledged is there, once, and each event is delivered. Then one server becomes two partitions.

use strict;
use warnings;

use ContactProxy;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

require_plproxy();

# The commands of the page, by the words behind "# split: ".
my %commands = map { /\A# split: ([^\n]*)\n(.*)\z/s ? ($1 => $2) : () } slurp_file('docs/scale-out.md') =~ /^```sh\n(.*?)^```$/msg;
is(join(', ', sort keys %commands), 'copy, switch, tell the proxies', 'the page has the commands');

my $logical = { init => { allows_streaming => 'logical' } };
my @partitions = map { start_partition("partition_$_", number => $_, of => 2, %$logical) } 0, 1;
my $proxy = start_proxy_of('proxy', @partitions);
sub sql { my ($sql) = @_; return $proxy->safe_psql('postgres', $sql); }

# A server for a new partition: with PostgreSQL and nothing else.
sub start_empty
{
	my $node = PostgreSQL::Test::Cluster->new($_[0]);
	$node->init(%{ $logical->{init} });
	$node->start;
	return $node;
}

# Runs the commands in one shell, as who reads the page does.
sub run_commands
{
	my ($name, $commands, %variables) = @_;
	my $script = $proxy->basedir . '/commands.sh';
	unlink $script;
	append_to_file($script, join "\n", 'set -euo pipefail', (map { "$_='$variables{$_}'" } sort keys %variables), $commands);
	$proxy->command_ok([ 'timeout', 120, 'bash', $script ], $name);
	return;
}

# Some workspaces in each of the four that are to be; things of all kinds in them.
my @workspaces = split /\n/, sql(q(SELECT contacts.define_workspace('w' || i, history => 'all') FROM generate_series(1, 16) i));
my %quarters;
$quarters{ $_ % 4 }++ for @workspaces;
is(scalar(keys %quarters), 4, 'each future partition has a workspace');
sql(q(SELECT contacts.subscribe('all', workspace_id => 0)));
my $list = join ',', @workspaces;
sql("SELECT contacts.define_field('value', 'Value', tracked => true, workspace_id => w), contacts.define_tag('vip', workspace_id => w), contacts.subscribe('own', workspace_id => w) FROM unnest('{$list}'::bigint[]) w");
$_->safe_psql('postgres', 'ALTER TABLE contacts.contact ADD COLUMN crm integer DEFAULT 7; CREATE INDEX mine ON contacts.contact (crm)') for @partitions;
sql(qq(SELECT count(contacts.upsert(jsonb_build_object('email_address', 'c' || i || '\@example.com', 'fields', '{"value":"0"}'::jsonb, 'tags', '["vip"]'::jsonb), w))
	FROM unnest('{$list}'::bigint[]) w, generate_series(1, 5) i));
sql(qq(SELECT contacts.erase('c5\@example.com', true, w) FROM unnest('{$list}'::bigint[]) w));

# A writer: new contacts and changes, one call each; notes what was acknowledged. What is refused meanwhile it tries no more.
my $writer_script = $proxy->basedir . '/writer.pl';
my $written = $proxy->basedir . '/written';
my $stop = $proxy->basedir . '/stop';
append_to_file($writer_script, <<'END');
use strict; use warnings;
my ($connection, $written, $stop, @workspaces) = @ARGV;
open STDERR, '>', "$written.err" or die;
open my $out, '>', $written or die;
$out->autoflush;
for (my $i = 1; !-e $stop; $i++)
{
	my $workspace = $workspaces[rand @workspaces];
	my $json = qq({"email_address":"n$i\@example.com"});
	$json = sprintf '{"email_address":"c%d@example.com","partial_update":true,"fields":{"value":"%d"}}', 1 + $i / 2 % 4, $i if $i % 2;
	open my $psql, '-|', 'psql', '-XAtq', '-d', $connection, '-c', "SELECT contacts.upsert('$json', $workspace) IS NOT NULL" or die;
	my $answer = join '', <$psql>;
	close $psql;
	print $out "$workspace $i\n" if $answer eq "t\n";
}
END
my $writer = IPC::Run::start([ 'perl', $writer_script, connection_of($proxy), $written, $stop, @workspaces ], '<', '/dev/null');
my $worker = IPC::Run::start([ 'contact-worker', '--dbname', connection_of($proxy), '--consumer', 'all', '--workspace', 0, '--lease', 3, '--poll', 200, '--batch', 20 ],
	'<', '/dev/null', '>', $proxy->basedir . '/delivered', '2>', $proxy->basedir . '/worker.err');

my @new = map { start_empty("partition_$_") } 2, 3;
for my $n (0, 1)
{
	run_commands("partition $n of 2 is split", "$commands{copy}\n$commands{switch}", OLD => connection_of($partitions[$n]), NEW => connection_of($new[$n]), NUMBER => $n, COUNT => 2);
}
like(answer_of($proxy, "SELECT contacts.get('c1\@example.com', $workspaces[0])"), qr/08004: This database was called as partition [01] of 2, and is partition [01] of 4/,
	'until the proxy is told, calls are refused');
run_commands('the proxy is told', $commands{'tell the proxies'}, PROXY => connection_of($proxy), THIRD => connection_of($new[0]), FOURTH => connection_of($new[1]));
my @all = (@partitions, @new);

# Some more, by all four
my $acknowledged = () = slurp_file($written) =~ /\n/g;
$proxy->poll_query_until('postgres', "SELECT length(pg_read_file('$written')) > length(repeat('x', " . (-s $written) . ')) + 200');
append_to_file($stop, '');
$writer->finish;
my @written = map { [ split / / ] } split /\n/, slurp_file($written);
cmp_ok(scalar(@written), '>', $acknowledged, "the writer goes on: $acknowledged acknowledged before, " . @written . ' together');
is(sql('SELECT string_agg(number || coalesce(problem, \'\'), \' \' ORDER BY number) FROM contacts.partitions()'), '0 1 2 3', 'four partitions, and nothing wrong with any');

# What there is, and where
for my $n (0 .. 3)
{
	is($all[$n]->safe_psql('postgres', "SELECT count(*) FROM (SELECT workspace_id FROM contacts.workspace UNION SELECT workspace_id FROM contacts.contact UNION SELECT workspace_id FROM contacts.event
		UNION SELECT workspace_id FROM contacts.delivery UNION SELECT workspace_id FROM contacts.history UNION SELECT workspace_id FROM contacts.tag UNION SELECT workspace_id FROM contacts.suppression) w
		WHERE workspace_id % 4 <> $n"), 0, "partition $n has what is its own, and nothing else");
}
my %rows;
$rows{$_}++ for map { split /\n/, $_->safe_psql('postgres', 'SELECT workspace_id, email_address FROM contacts.contact') } @all;
is(join(' ', grep { $rows{$_} > 1 } keys %rows), '', 'no contact is in two places');
my @missing = grep { $_->[1] % 2 == 0 && !$rows{"$_->[0]|n$_->[1]\@example.com"} } @written;
is(join(' ', map { "@$_" } @missing), '', 'no acknowledged contact is lost');
is(scalar(grep { /\|c\d\@/ } keys %rows), 4 * @workspaces, 'those from before are there');
my %changes;
$changes{$_}++ for map { split /\n/, $_->safe_psql('postgres', q(SELECT workspace_id, detail #>> '{field,new}' FROM contacts.event WHERE type = 'FIELD_UPDATED')) } @all;
is(join(' ', grep { $changes{$_} > 1 } keys %changes), '', 'no event is there twice');
is(join(' ', map { "@$_" } grep { $_->[1] % 2 && !$changes{"$_->[0]|$_->[1]"} } @written), '', 'none is lost');
is(join('|', map { $_->safe_psql('postgres', q(SELECT count(*) > 0, bool_and(crm = 7), (SELECT count(*) FROM pg_indexes WHERE indexname = 'mine') FROM contacts.contact)) } @all), join('|', ('t|t|1') x 4),
	'columns and indexes of yours are in each');
is(sql("SELECT count(*) FROM unnest('{$list}'::bigint[]) w WHERE contacts.get('c1\@example.com', w) -> 'data' ->> 'id' IS NOT NULL AND contacts.lift_suppression('c5\@example.com', w)"), scalar(@workspaces), 'suppressions, too');

# Deliveries: at least once, all of them
ok($proxy->poll_query_until('postgres', q(SELECT coalesce(sum(pending + leased + dead), 0) = 0 FROM contacts.event_lag WHERE consumer = 'all')), 'the worker delivers what waits in all four');
$worker->signal('TERM');
$worker->finish;
my %delivered = map { /"workspace_id":"(\d+)".*"new": ?"(\d+)"/ ? ("$1|$2" => 1) : () } split /\n/, slurp_file($proxy->basedir . '/delivered');
is(join(' ', grep { !$delivered{$_} } keys %changes), '', 'each event was delivered');

# Ids go on without meeting.
sql(qq(SELECT contacts.define_tag('after', workspace_id => w), contacts.upsert('{"email_address":"c1\@example.com","partial_update":true,"fields":{"value":"after"}}', w) IS NOT NULL FROM unnest('{$list}'::bigint[]) w));
for my $table ('tag' => 'event', 'history', 'consumer')
{
	my %ids;
	$ids{$_}++ for map { split /\n/, $_->safe_psql('postgres', "SELECT ${table}_id FROM contacts.$table" . ($table eq 'consumer' ? ' WHERE workspace_id <> 0' : '')) } @all;
	is(join(' ', grep { $ids{$_} > 1 } keys %ids), '', "no id of contacts.$table is there twice");
}
is(sql(q(SELECT contacts.define_workspace('w1'))), $workspaces[0], 'a workspace is found by its name, wherever it is by now');
is(sql(qq(SELECT count(*) FROM unnest('{$list}'::bigint[]) w, contacts.claim('own', 100, workspace_id => w))) > 0, 1, 'consumers of one workspace go on');

# One server becomes two partitions.
my $single = start_partition('single', %$logical);
$single->safe_psql('postgres', q(SELECT contacts.define_workspace('second'); SELECT contacts.define_tag('vip', workspace_id => w), contacts.upsert('{"email_address":"a@example.com"}', w) FROM generate_series(1, 2) w));
my $half = start_empty('half');
run_commands('one server becomes two partitions', "$commands{copy}\n$commands{switch}", OLD => connection_of($single), NEW => connection_of($half), NUMBER => 0, COUNT => 1);
my $second = start_proxy_of('second_proxy', $single, $half);
is($second->safe_psql('postgres', q(SELECT contacts.get('a@example.com', 1) IS NOT NULL, contacts.get('a@example.com', 2) IS NOT NULL, contacts.define_tag('vip', workspace_id => 1), contacts.define_tag('new', workspace_id => 1) % 2,
	contacts.define_tag('new', workspace_id => 2) % 2)), 't|t|1|1|0', 'and serves a proxy');

$_->stop for $second, $single, $half, $proxy, @all;
done_testing();
