# A proxy and its partitions, each a server of its own, for tests of contact_upsert_proxy.
package ContactProxy;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(require_plproxy start_partition start_proxy_of connection_of answer_of);

# Skips the test where PL/Proxy is not installed: Debian has it for its own PostgreSQL alone.
sub require_plproxy
{
	my ($sharedir) = run_command([ 'pg_config', '--sharedir' ]);
	plan skip_all => 'PL/Proxy is not installed for this PostgreSQL' unless -e "$sharedir/extension/plproxy.control";
	return;
}

# A server with contact_upsert; without a number it is no partition.
sub start_partition
{
	my ($name, %as) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(%{ $as{init} // {} });
	$node->append_conf('postgresql.conf', $as{conf}) if $as{conf};
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION contact_upsert; SELECT contacts.install()');
	$node->safe_psql('postgres', "SELECT contacts.set_partition($as{number}, $as{of})") if defined $as{number};
	return $node;
}

sub connection_of
{
	my ($node) = @_;
	return sprintf 'host=%s port=%s dbname=postgres', $node->host, $node->port;
}

# A proxy of the partitions; the test's own role is the same everywhere.
sub start_proxy_of
{
	my ($name, @partitions) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	my $number = 0;
	my $options = join ', ', map { sprintf q(p%d '%s'), $number++, connection_of($_) } @partitions;

	$node->init;
	$node->start;
	$node->safe_psql('postgres', "CREATE EXTENSION contact_upsert_proxy CASCADE;
		CREATE SERVER contacts FOREIGN DATA WRAPPER plproxy OPTIONS ($options);
		CREATE USER MAPPING FOR CURRENT_USER SERVER contacts");
	return $node;
}

# What a statement returns or raises: rows, or all parts of the error, without what differs by the place alone.
sub answer_of
{
	my ($node, $sql, @options) = @_;
	my ($status, $out, $err) = $node->psql('postgres', $sql, on_error_die => 0, on_error_stop => 0,
		extra_params => [ '-v', 'VERBOSITY=verbose', '-v', 'SHOW_CONTEXT=never', @options ]);

	$err =~ s/^psql:<stdin>:\d+: //mg;
	$err =~ s/^LOCATION: .*\n?//mg; # a proxy raises in another place
	chomp $err;
	return $err eq '' ? $out : $out eq '' ? $err : "$out\n$err";
}

1;
