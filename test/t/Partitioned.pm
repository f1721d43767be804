# For "perl -MPartitioned test/t/NAME.pl": in each server that the test starts, install() without a number makes partitioned tables. The file
# fails unless one has done so. A database of template0 has plain ones, and tables that are there, of a dump or a backup, stay as they are.
package Partitioned;

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my @nodes;

my $start = \&PostgreSQL::Test::Cluster::start;
my $after_start = sub {
	my ($node, @options) = @_;
	my $result = $start->($node, @options);
	push @nodes, $node unless grep { $_ == $node } @nodes;
	return $result if !$result || $node->safe_psql('postgres', 'SELECT pg_is_in_recovery()') eq 't';
	for my $database (qw(template1 postgres))
	{
		next if $node->safe_psql($database, q(SELECT to_regnamespace('always_partitioned'))) ne '';
		$node->safe_psql($database, slurp_file("$ENV{TESTDIR}/test/t/partitions.sql"));
	}
	return $result;
};
{
	no warnings 'redefine';
	*PostgreSQL::Test::Cluster::start = $after_start;
}

END
{
	# The logs are there until the cluster's own END has run, and longer.
	if ($? == 0 && Test::More->builder->is_passing && !grep { -e $_->logfile && slurp_file($_->logfile) =~ /contact_upsert: the tables are partitioned/ } @nodes)
	{
		print STDERR "no server of this test had partitioned tables\n";
		$? = 1;
	}
}

1;
