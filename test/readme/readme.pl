# Usage: readme.pl FILE - see check_readme.sh.
use strict;
use warnings;

my $file = shift;
my $text = do { local $/; open my $in, '<:raw', $file or die "$file: $!"; <$in> };

# A block of SQL, and the output that may follow it.
my $pattern = qr/^```sql\n(?<sql>.*?)^```\n(?:\n^```text\n(?<output>.*?)^```\n)?/ms;
my @blocks;
while ($text =~ /$pattern/g)
{
	my $line = 1 + (substr($text, 0, $-[0]) =~ tr/\n//);
	push @blocks, { line => $line, sql => $+{sql}, output => $+{output} // '' };
}

my $script = "\\set VERBOSITY default\n" . join '', map { "\\echo \@\@\n$_->{sql}" } @blocks;
open my $to_psql, '>:raw', "/tmp/readme.$$.sql" or die $!;
print $to_psql $script;
close $to_psql;
my $printed = qx(psql -X -q --no-psqlrc -f /tmp/readme.$$.sql 2>&1);
unlink "/tmp/readme.$$.sql";
# psql names the file and line of an error, which a reader of the document does not see.
$printed =~ s/^psql:[^\n]*?: (?=ERROR|NOTICE|WARNING)//mg;
my @printed = split /^\@\@\n/m, $printed;
shift @printed;
s/\n+\z/\n/ for @printed;

# What differs from run to run, by its form.
sub form
{
	my ($output) = @_;
	$output =~ s/\b[0-9a-f]{24}\b/<id>/g;
	$output =~ s/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/<time>/g;
	return $output;
}

if ($ENV{WRITE})
{
	my $i = 0;
	$text =~ s{$pattern}{
		my $output = $printed[$i++] // '';
		"```sql\n$+{sql}```\n" . ($output eq '' ? '' : "\n```text\n$output```\n")}gems;
	open my $out, '>:raw', $file or die "$file: $!";
	print $out $text;
	exit;
}

my $failed = 0;
printf "1..%d\n", scalar @blocks;
for my $i (0 .. $#blocks)
{
	my $got = $printed[$i] // '(nothing: psql ended before)';
	my $good = form($got) eq form($blocks[$i]{output});
	printf "%s %d - %s:%d\n", $good ? 'ok' : 'not ok', $i + 1, $file, $blocks[$i]{line};
	next if $good;
	$failed++;
	print map { "# $_\n" } 'got:', split(/\n/, $got), 'wanted:', split(/\n/, $blocks[$i]{output});
}
exit($failed ? 1 : 0);
