# A copy of PostgreSQL's installation, for tests that change its files: there is no right to change those of the machine, and others use them.
package Installation;

use strict;
use warnings;

use Exporter 'import';
use File::Basename qw(dirname);
use File::Path qw(make_path);

our @EXPORT = qw(copy_installation put_file pg_config);

sub pg_config { my $dir = qx("$ENV{PG_CONFIG}" --$_[0]); chomp $dir; return $dir; }

# Makes the copy; returns its bindir, sharedir and pkglibdir.
sub copy_installation
{
	# A server finds its files where they lie relative to its program.
	my $prefix = "$ENV{TESTDATADIR}/installation";
	my %dir = map { $_ => $prefix . pg_config($_) } qw(bindir sharedir pkglibdir);

	for my $name (keys %dir)
	{
		my $from = pg_config($name);

		make_path(dirname($dir{$name}));
		# real programs, links for the rest
		system('cp', $name eq 'bindir' ? '-RL' : '-Rs', $from, $dir{$name}) == 0 or die "cannot copy $from";
	}
	return %dir;
}

sub put_file
{
	my ($path, $content) = @_;

	# A new file: a server that runs has the old one open.
	unlink $path;
	open my $file, '>', $path or die "$path: $!";
	binmode $file;
	print $file $content;
	close $file or die "$path: $!";
	return;
}

1;
