# Names of workspaces at a proxy: no partition sees those of another, and yet no two workspaces get one name, whoever asks for it at once.

use strict;
use warnings;

use ContactProxy;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

require_plproxy();

my @partitions = map { start_partition("partition_$_", number => $_, of => 2) } 0, 1;
my $proxy = start_proxy_of('proxy', @partitions);
sub sql { my ($sql) = @_; return $proxy->safe_psql('postgres', $sql); }
sub everywhere { my ($sql) = @_; return map { split /\n/ } map { $_->safe_psql('postgres', $sql) } @partitions; }
my $locks = q(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory');

# Eight workspaces, four in each partition, and a ninth name for those that only ask by name.
my @workspaces;
for (my $i = 0; @workspaces < 8; $i++)
{
	my $id = sql("SELECT contacts.define_workspace('workspace $i')");
	push @workspaces, $id if (grep { $_ % 2 == $id % 2 } @workspaces) < 4;
}

# Every client gives its own workspace the round's name, or asks for the workspace of that name. What comes second is an error, which ends no
# client: the block is no transaction that matters.
my $refused = 'EXCEPTION WHEN unique_violation THEN NULL;';
my $script = $proxy->basedir . '/race.sql';
append_to_file($script, join "\n", '\set mine :client_id', (map { ($_ ? '\elif' : '\if') . " :mine = $_\n\\set id $workspaces[$_]" } 0 .. 7), '\endif',
	'\if :mine < 8', qq(DO 'BEGIN PERFORM contacts.define_workspace(\$\$:round\$\$, workspace_id => :id); $refused END';),
	'\else', qq(DO 'BEGIN PERFORM contacts.define_workspace(\$\$:round\$\$); $refused END';), '\endif', '');
my ($rounds, @twice, @none, %won) = (15);
for my $round (1 .. $rounds)
{
	local $ENV{PGOPTIONS} = '-c contact_upsert_proxy.allow_in_transaction=on -c client_min_messages=error';
	my ($out, $err);
	IPC::Run::run([ 'pgbench', '--no-vacuum', '--file', $script, '--client', $round % 3 ? 8 : 10, '--jobs', 2, '--transactions', 1, '--define', "round=round $round",
		'--host', $proxy->host, '--port', $proxy->port, 'postgres' ], '>', \$out, '2>', \$err) or BAIL_OUT($err);
	my @named = everywhere("SELECT workspace_id FROM contacts.workspace WHERE name = 'round $round'");
	push @twice, "$round: @named" if @named > 1;
	push @none, $round if @named == 0;
	$won{ $named[0] }++ if @named == 1;
}
is("@twice", '', 'no name is given twice by sessions that ask for it at once');
is("@none", '', 'one of them gets it');
note 'won: ', join ', ', map { "$_: $won{$_} times" } sort keys %won;
is_deeply([ everywhere($locks) ], [ 0, 0 ], 'no name stays held');

# A name is held by one session: another one waits, for that name alone. Refusals let it go.
my $home = sql("SELECT contacts_internal.partition_of_name('held')");
my $holder = $proxy->background_psql('postgres', on_error_stop => 0) if $proxy->can('background_psql');
SKIP:
{
	skip 'this PostgreSQL has no background_psql', 8 unless $holder && $holder->can('query_safe');
	$holder->query_safe("SELECT contacts_internal.hold_name($home, 'held')");
	$partitions[$home]->safe_psql('postgres', q(ALTER DATABASE postgres SET lock_timeout = '500ms'));
	like(answer_of($proxy, "SELECT contacts.define_workspace('held')"), qr/^ERROR:  55P03: Another session is giving the name "held" to a workspace\.\nHINT:  Try again\./,
		'a name that another session holds is waited for');
	$partitions[$home]->safe_psql('postgres', 'ALTER DATABASE postgres RESET lock_timeout');
	is_deeply([ everywhere($locks) ], [ $home == 0 ? (1, 0) : (0, 1) ], 'which alone holds it');
	is(sql("SELECT contacts.define_workspace('free') > 0"), 't', 'another one is not');
	is(sql("SELECT contacts.define_workspace('free', 'guarded') = contacts.define_workspace('free')"), 't', 'nor one that is there');
	$holder->query_safe("SELECT contacts_internal.hold_name($home, 'held')"); # as a call that was cancelled leaves it
	is($holder->query_safe("SELECT contacts_internal.release_name($home, 'held')"), 't', 'it was held');
	is_deeply([ everywhere($locks) ], [ 0, 0 ], 'and is held no more, however often it was');
	my ($zero, $one) = map { my $n = $_; grep { $_ % 2 == $n } @workspaces } 0, 1;
	$holder->query("SELECT contacts.define_workspace('free', workspace_id => $_)") for $zero, $one;
	like($holder->{stderr}, qr/workspace_name_key/, 'a name that is taken');
	$holder->{stderr} = '';
	is_deeply([ everywhere($locks) ], [ 0, 0 ], 'is let go by a session that goes on');
	$holder->quit;
}

# One whose partition is down is not held on to, nor is it one that its holder has lost.
is(sql("SELECT contacts_internal.release_name($home, 'never held')"), 'f', 'a name that was not held');
$partitions[1]->safe_psql('postgres', q(ALTER EXTENSION contact_upsert DROP FUNCTION contacts_internal.release_name(text)));
$_->safe_psql('postgres', q(CREATE OR REPLACE FUNCTION contacts_internal.release_name(name text) RETURNS boolean LANGUAGE sql AS 'SELECT false')) for $partitions[1];
my ($elsewhere) = grep { sql("SELECT contacts_internal.partition_of_name('$_')") == 1 } map { "lost $_" } 1 .. 20;
like(answer_of($proxy, "SELECT contacts.define_workspace('$elsewhere') > 0"), qr/^WARNING:  01000: Whether workspace \d+ is the only one of the name "$elsewhere" is not certain\.\nDETAIL:  The connection to partition 1 was made anew/m, 'a hold that was lost on the way is told');

# What nothing would end
like(answer_of($proxy, 'SELECT number FROM contacts.partitions()'), qr/WARNING:  01000: A call to a partition that goes silent waits for ever: the server contacts has no query_timeout, and this session has no statement_timeout\.\n.*HINT:  ALTER SERVER contacts OPTIONS \(ADD query_timeout/s, 'partitions() warns of calls without an end');
sql("ALTER SERVER contacts OPTIONS (ADD query_timeout '0')");
like(answer_of($proxy, "SET statement_timeout = '10s'; SELECT number FROM contacts.partitions()"), qr/waits for ever: the server contacts has no query_timeout\.\n/, 'a query_timeout of 0 is none');
sql("ALTER SERVER contacts OPTIONS (SET query_timeout '60')");
like(answer_of($proxy, 'SELECT number FROM contacts.partitions()'), qr/waits for ever: this session has no statement_timeout\.\nDETAIL:  .*\nHINT:  ALTER ROLE \S+ SET statement_timeout/, 'nor is it enough alone');
is(answer_of($proxy, "SET statement_timeout = '10s'; SELECT number FROM contacts.partitions()"), "0\n1", 'with both there is no warning');

$_->stop for $proxy, @partitions;
done_testing();
