# A splitter sends reads to a standby and writes to the primary (Pgpool-II). It tells them apart by the volatility of functions, and so
# finds where ours belong; one that takes each SELECT for a read is told by the call what is wrong.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($pgpool) = grep { -x } map { "$_/pgpool" } split(/:/, $ENV{PATH}), '/usr/sbin', '/usr/local/sbin';
plan skip_all => 'pgpool2 is not installed' unless $pgpool;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->start;
$primary->safe_psql('postgres', q(
	CREATE EXTENSION contact_upsert;
	SELECT contacts.install(), contacts.define_field('name', 'Name', tracked => true), contacts.subscribe('mailer');));
$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->start;
my $user = $primary->safe_psql('postgres', 'SELECT current_user');

# Starts a Pgpool-II with settings more; returns it, and where it listens.
sub start_splitter
{
	my ($more) = @_;
	my $dir = PostgreSQL::Test::Utils::tempdir_short();
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	my $control_port = PostgreSQL::Test::Cluster::get_free_port();

	append_to_file("$dir/conf", join "\n", "backend_clustering_mode = 'streaming_replication'", "listen_addresses = ''",
		"port = $port", "pcp_port = $control_port",
		# The first is older versions' name for the second, and each ignores the other.
		(map { "$_ = '$dir'" } qw(socket_dir unix_socket_directories pcp_socket_dir wd_ipc_socket_dir logdir work_dir)),
		"pid_file_name = '$dir/pid'", "sr_check_user = '$user'", 'sr_check_period = 1', 'num_init_children = 4',
		'load_balance_mode = on', $more, map { my ($number, $node, $weight) = @$_; (
			"backend_hostname$number = '" . $node->host . "'", "backend_port$number = " . $node->port, "backend_weight$number = $weight",
			"backend_flag$number = 'DISALLOW_TO_FAILOVER'") } [ 0, $primary, 0 ], [ 1, $standby, 1 ]);
	append_to_file("$dir/conf", "\n");
	append_to_file("$dir/$_", '') for qw(hba pcp);
	my $splitter = IPC::Run::start([ $pgpool, '-n', '-f', "$dir/conf", '-a', "$dir/hba", '-F', "$dir/pcp" ], '<', '/dev/null', '>', "$dir/log", '2>&1',
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	my $target = "host=$dir port=$port dbname=postgres user=$user";
	for (my $try = 0; $try < 10 * $PostgreSQL::Test::Utils::timeout_default; $try++)
	{
		my ($out) = split_psql($target, "SELECT current_setting('port')");
		return ($splitter, $target) if $out eq $standby->port;
		select(undef, undef, undef, 0.1);
	}
	$splitter->kill_kill;
	die "no statement comes to the standby through pgpool:\n" . slurp_file("$dir/log");
}

sub split_psql
{
	my ($target, $statement) = @_;
	my ($out, $err);

	IPC::Run::run([ 'psql', '-XAtq', '-d', $target, '-c', $statement ], '<', '/dev/null', '>', \$out, '2>', \$err);
	chomp $out;
	return ($out, $err);
}

my $request = q('{"email_address": "%s@example.com", "fields": {"name": "%s"}}');
my $reads = q(contacts.get('a@example.com'));
my @writes = (
	sprintf("contact_upsert($request)", 'a', 1),
	sprintf("contacts.upsert($request)", 'a', 2),
	sprintf("(contacts.apply($request)).outcome", 'a', 3),
	sprintf("(contacts.upsert_many(jsonb_build_array($request\::jsonb))).outcome", 'a', 4),
	q((contacts.claim('mailer', 10)).event_id),
	q(contacts.erase('nobody@example.com')));

my ($splitter, $target) = start_splitter('');
my ($port, $err) = split_psql($target, "SELECT current_setting('port')");
is($port, $standby->port, 'a SELECT goes to the standby');
for my $write (@writes)
{
	($port, $err) = split_psql($target, "SELECT current_setting('port') FROM (SELECT $write) w LIMIT 1");
	is("$port$err", $primary->port, "to the primary goes $write");
}
$primary->wait_for_catchup($standby);
for my $read (q(contacts.get('a@example.com')), q((contacts.search('{}')).id), q(contacts.export('a@example.com')), 'contacts.request_schema()')
{
	($port, $err) = split_psql($target, "SELECT current_setting('port') FROM (SELECT $read) r LIMIT 1");
	is("$port$err", $standby->port, "to the standby goes $read");
}
$splitter->kill_kill;

# Those that a list calls reads go to the standby, whatever they are: as with a library that takes every SELECT for one.
($splitter, $target) = start_splitter("read_only_function_list = '.*'");
my $before = $primary->safe_psql('postgres', 'TABLE contacts.contact');
for my $write (@writes)
{
	($port, $err) = split_psql($target, "SELECT current_setting('port') FROM (SELECT $write) w LIMIT 1");
	like($err, qr/ERROR:  cannot execute .* in a read-only transaction\n(?:.*\n)*?HINT:  This server is a standby: connect to the primary\./, "the cure is named by $write");
}
is($primary->safe_psql('postgres', 'TABLE contacts.contact'), $before, 'nothing is written');
$splitter->kill_kill;
done_testing;
