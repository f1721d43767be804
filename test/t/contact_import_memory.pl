# contact-import takes as much memory for a large file as for a small one, also with many bad rows.

use strict;
use warnings;

use ContactImport;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $node = start_server('main', "fsync = off\nshared_buffers = 256MB");

# The most memory that the program had, in KiB.
sub memory
{
	my ($rows) = @_;
	my $path = write_file("memory_$rows.csv", '');
	open my $file, '>', $path or die "$path: $!";
	print $file "email,First Name,Last Name\n";
	print $file $_ % 4 ? "c$_\@example.com,First$_,Last$_\n" : $_ % 8 ? "bad$_,x,y\n" : "ragged$_\n" for 1 .. $rows;
	close $file;
	my $reject = "$path.bad";
	my $run = start_import({}, '--yes', '--no-history', '--no-events', '--chunk', 10000, '--reject', $reject, $path);
	my $pid = $run->{run}{KIDS}[0]{PID};
	my $most = 0;
	while ($run->{run}->pumpable)
	{
		$run->{run}->pump_nb;
		if (open my $status, '<', "/proc/$pid/status") { while (<$status>) { $most = $1 if /^VmHWM:\s+(\d+)/ && $1 > $most } }
		sleep 0.02;
	}
	is(wait_import($run), 3, "$rows rows: exit status 3");
	is($node->safe_psql('postgres', 'SELECT count(*) FROM contacts.contact'), $rows * 3 / 4, 'the good rows are loaded');
	is(scalar(() = slurp_file($reject) =~ /\n/g), $rows / 4 + 1, 'the bad ones are written');
	$node->safe_psql('postgres', 'TRUNCATE contacts.contact CASCADE');
	note "$rows rows: $most KiB";
	return $most;
}

my $small = memory(8000);
my $large = memory(160000);
cmp_ok($large, '<', $small * 1.3 + 2000, 'twenty times the rows, the same memory');

done_testing();
