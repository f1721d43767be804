# What the tests with Citus share: a coordinator and workers on loopback, and statements of which two databases say the same.
package ContactCitus;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(start_server start_cluster add_worker query answers same_answers fails);

# A server that has loaded Citus. No call waits for ever, and none is late because others use the machine.
sub start_server
{
	my ($name, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name, own_host => 0);
	$node->init;
	$node->append_conf('postgresql.conf', <<'CONF');
listen_addresses = '127.0.0.1'
fsync = off
wal_level = logical
max_prepared_transactions = 50
max_connections = 100
max_wal_senders = 20
max_replication_slots = 20
max_worker_processes = 20
timezone = 'UTC'
CONF
	$node->append_conf('postgresql.conf', "shared_preload_libraries = '" . ($options{libraries} // 'citus, contact_upsert') . "'\n"
		. "statement_timeout = '${PostgreSQL::Test::Utils::timeout_default}s'\n"
		. "citus.enable_statistics_collection = off\ncitus.local_hostname = '127.0.0.1'\n");
	open my $hba, '>', $node->data_dir . '/pg_hba.conf' or die;
	print $hba "local all all trust\nhost all all 127.0.0.1/32 trust\nhost replication all 127.0.0.1/32 trust\n";
	close $hba;
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION citus');
	return $node;
}

sub add_worker
{
	my ($coordinator, $worker) = @_;
	$coordinator->safe_psql('postgres', "SELECT citus_add_node('127.0.0.1', " . $worker->port . ')');
	return;
}

# A coordinator and so many workers.
sub start_cluster
{
	my ($count) = @_;
	my $coordinator = start_server('coordinator');
	$coordinator->safe_psql('postgres', "SELECT citus_set_coordinator_host('127.0.0.1', " . $coordinator->port . ')');
	my @workers = map { start_server("worker$_") } 1 .. $count;
	add_worker($coordinator, $_) for @workers;
	return ($coordinator, @workers);
}

sub query
{
	my ($node, $sql, %options) = @_;
	my ($status, $out, $said) = $node->psql($options{database} // 'postgres', $sql, extra_params => $options{user} ? [ '-U', $options{user} ] : []);
	return $status == 0 ? $out : "failed: $said";
}

# What is different on every installation: ids of contacts, numbers that servers draw, times, the names of shards.
sub mask
{
	my ($text) = @_;
	for ($text)
	{
		s/\b[0-9a-f]{24}\b/<id>/g;
		s/\b(?:2814749767\d{5}|562949953\d{6})\b/<number>/g;
		s/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00)?/<time>/g;
		s/(_\d{6})(?=["_ ])//g;
		s/("+id"+: )(?:\d+|<number>)(, "+name"+)/$1<number>$2/g;
		s/((?:event|tag)_id":")[^"]+/$1<number>/g;
		s/(import |import_id = |undo_import\()\d+/$1<number>/gi;
		s/with PID \d+/with PID <number>/g;
		s/^psql:<stdin>:\d+: //mg;
	}
	return $text;
}

# What a database says to each of some statements, in one session.
sub answers
{
	my ($node, $database, $user, @statements) = @_;
	my $script = "\\set SHOW_CONTEXT never\n" . join('', map { "\\echo <<$_>>\n\\warn <<$_>>\n$statements[$_];\n" } 0 .. $#statements);
	my ($status, $out, $said) = $node->psql($database, $script, on_error_stop => 0, extra_params => [ '-U', $user, '-v', 'VERBOSITY=verbose' ]);
	my (undef, @out) = split /^<<\d+>>\n?/m, $out;
	my (undef, @said) = split /^<<\d+>>\n?/m, $said;
	return map { mask(($out[$_] // '') . join "\n", grep { !/^(?:LOCATION|SCHEMA NAME|TABLE NAME|COLUMN NAME|CONSTRAINT NAME|LINE|QUERY|\s+\^)/ } split /\n/, $said[$_] // '') } 0 .. $#statements;
}

# Two databases say the same to all statements; a test for each.
sub same_answers
{
	my ($node, $user, $plain, $distributed, @statements) = @_;
	my @expected = answers($node, $plain, $user, @statements);
	my @got = answers($node, $distributed, $user, @statements);
	is($got[$_], $expected[$_], "$user: " . substr($statements[$_] =~ s/\s+/ /gr, 0, 110)) for 0 .. $#statements;
	return;
}

# A statement fails with that SQLSTATE and message, and has a hint.
sub fails
{
	my ($node, $sql, $sqlstate, $message, $what, %options) = @_;
	my ($status, $out, $said) = $node->psql($options{database} // 'postgres', $sql, extra_params => [ '-v', 'VERBOSITY=verbose', $options{user} ? ('-U', $options{user}) : () ]);
	like($said, qr/ERROR:  $sqlstate: $message.*?^HINT:  /ms, $what);
	return;
}

1;
