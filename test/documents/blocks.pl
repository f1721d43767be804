# Usage: blocks.pl FILE... - see check_blocks.sh. PGDATABASE names the database that is made for each file.
use strict;
use warnings;

use File::Temp qw(tempdir);

# A block of SQL, and the output that may follow it; a block of shell, if an output follows.
my $pattern = qr/^```sql\n(?<sql>.*?)^```\n(?:\n^```text\n(?<output>.*?)^```\n)?|^```sh\n(?<sh>(?:(?!^```).)*?)^```\n\n^```text\n(?<output>.*?)^```\n/ms;
my $number = 0;
my $failed = 0;

sub read_file
{
	my ($file) = @_;
	open my $in, '<:raw', $file or die "$file: $!";
	local $/;
	return scalar <$in>;
}

sub run
{
	my (@command) = @_;
	system(@command) == 0 or die "@command failed\n";
}

# The roles of the server, which a database does not take with it.
sub roles
{
	return map { chomp; $_ => 1 } qx(psql -XAt -d template1 -c "SELECT quote_ident(rolname) FROM pg_roles");
}

# Shell runs in a copy of test/documents/files, so that a page's blocks have files of their own.
my $directory;
my $calls = 0;

sub shell_call
{
	my ($commands) = @_;
	if (!$directory)
	{
		$directory = tempdir(CLEANUP => 1);
		run('cp', '-R', 'test/documents/files/.', $directory);
	}
	my $script = sprintf '%s/.%d.sh', $directory, ++$calls;
	open my $out, '>:raw', $script or die "$script: $!";
	print $out "cd $directory\nexec 2>&1 </dev/null\n$commands";
	close $out;
	return "\\! sh $script\n";
}

# What psql prints for each of the blocks.
sub outputs
{
	my (@blocks) = @_;
	my %before = roles();
	my $script = "/tmp/blocks.$$.sql";

	undef $directory;
	open my $to_psql, '>:raw', $script or die "$script: $!";
	print $to_psql "\\set VERBOSITY default\n";
	for my $block (@blocks)
	{
		print $to_psql "\\echo \@\@\n", defined $block->{sh} ? shell_call($block->{sh}) : $block->{sql};
	}
	close $to_psql;
	run('createdb', $ENV{PGDATABASE});
	my $printed = qx(psql -X -q -f $script 2>&1);
	run('dropdb', $ENV{PGDATABASE});
	unlink $script;
	my %after = roles();
	run('psql', '-Xq', '-d', 'template1', '-c', "DROP ROLE $_") for grep { !$before{$_} } sort keys %after;

	# psql names the file and line of an error, which a reader of the page does not see.
	$printed =~ s/^psql:[^\n]*?: (?=ERROR|NOTICE|WARNING)//mg;
	my (undef, @printed) = split /^\@\@\n/m, $printed;
	s/\n+\z/\n/ for @printed;
	return @printed;
}

# What differs from run to run, by its form.
sub form
{
	my ($output) = @_;
	$output =~ s/\b[0-9a-f]{24}\b/<id>/g;
	$output =~ s/\b(contact_import_\w+)_[0-9a-f]{8}\b/$1_<id>/g;
	$output =~ s/\b\d+(\.\d)? s:/<seconds>/g;
	$output =~ s/\b\d{4}-\d\d-\d\d \d\d:\d\d\b/<time>/g;
	$output =~ s/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/<time>/g;
	return $output;
}

sub write_outputs
{
	my ($file, $text, @printed) = @_;
	$text =~ s{$pattern}{
		my $output = shift @printed // '';
		my $old = $+{output} // '';
		$output = $old if form($output) eq form($old);
		(defined $+{sh} ? "```sh\n$+{sh}```\n" : "```sql\n$+{sql}```\n") . ($output eq '' ? '' : "\n```text\n$output```\n")}gems;
	open my $out, '>:raw', $file or die "$file: $!";
	print $out $text;
	close $out;
}

sub compare
{
	my ($file, $blocks, @printed) = @_;
	for my $i (0 .. $#$blocks)
	{
		my $got = $printed[$i] // '(nothing: psql ended before)';
		my $good = form($got) eq form($blocks->[$i]{output});
		printf "%s %d - %s:%d\n", $good ? 'ok' : 'not ok', ++$number, $file, $blocks->[$i]{line};
		next if $good;
		$failed++;
		print map { "# $_\n" } 'got:', split(/\n/, $got), 'wanted:', split(/\n/, $blocks->[$i]{output});
	}
}

for my $file (@ARGV)
{
	my $text = read_file($file);
	my @blocks;
	while ($text =~ /$pattern/g)
	{
		my $line = 1 + (substr($text, 0, $-[0]) =~ tr/\n//);
		push @blocks, { line => $line, sql => $+{sql}, sh => $+{sh}, output => $+{output} // '' };
	}
	next unless @blocks;
	my @printed = outputs(@blocks);
	if ($ENV{WRITE}) { write_outputs($file, $text, @printed) }
	else { compare($file, \@blocks, @printed) }
}
print "1..$number\n" unless $ENV{WRITE};
exit($failed ? 1 : 0);
