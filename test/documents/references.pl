# Usage: references.pl DOCUMENT... -- SOURCE... - see check_references.sh.
use strict;
use warnings;
use File::Basename qw(dirname);

my $number = 0;
my $failed = 0;
my %page_of; # a file's headings and anchors

sub read_file
{
	my ($file) = @_;
	open my $in, '<:encoding(UTF-8)', $file or die "$file: $!";
	local $/;
	return scalar <$in>;
}

# A heading without its Markdown.
sub plain
{
	my ($heading) = @_;
	$heading =~ s/\[([^]]*)\]\([^)]*\)/$1/g;
	$heading =~ s/[`*]//g;
	return $heading;
}

# The anchor that GitHub makes of a heading.
sub anchor
{
	my ($heading) = @_;
	$heading = lc plain($heading);
	$heading =~ s/[^\w\- ]//g;
	$heading =~ s/ /-/g;
	return $heading;
}

sub page
{
	my ($file) = @_;
	return $page_of{$file} //= do {
		my $text = read_file($file);
		my (%headings, %anchors, %count);
		$text =~ s/^```.*?^```$//gms;
		while ($text =~ /^#{1,6} +(.+?)\s*$/gm)
		{
			my $anchor = anchor($1);
			my $n = $count{$anchor}++;
			$headings{plain($1)} = 1;
			$anchors{$n ? "$anchor-$n" : $anchor} = 1;
		}
		{ headings => \%headings, anchors => \%anchors };
	};
}

sub report
{
	my ($what, @wrong) = @_;
	printf "%s %d - %s\n", @wrong ? 'not ok' : 'ok', ++$number, $what;
	print map { "# $_\n" } @wrong;
	$failed += @wrong > 0;
}

# The path that a link in a file means, without . and ..
sub path
{
	my ($file, $link) = @_;
	return $file if $link eq '';
	my @parts;
	for my $part (split m{/}, dirname($file) . "/$link")
	{
		if ($part eq '..') { pop @parts }
		elsif ($part ne '.') { push @parts, $part }
	}
	return join '/', @parts;
}

sub broken_links
{
	my ($file) = @_;
	my $text = read_file($file);
	my @broken;
	$text =~ s/^```.*?^```$//gms;
	$text =~ s/`[^`\n]*`//g;
	while ($text =~ /\]\(([^)\s]+)\)/g)
	{
		my $link = $1;
		next if $link =~ /^[a-z]+:/;
		my ($to, $anchor) = $link =~ /^([^#]*)(?:#(.*))?$/;
		my $path = path($file, $to);
		if (!-e $path) { push @broken, "$link: there is no $path" }
		elsif (defined $anchor && !page($path)->{anchors}{$anchor}) { push @broken, "$link: $path has no such heading" }
	}
	return @broken;
}

# One form: docs/PAGE.md, "Heading". It may be broken over lines of a comment.
sub broken_citations
{
	my ($file) = @_;
	my $text = eval { local $SIG{__WARN__} = sub { die }; read_file($file) } // return;
	my @broken;
	# Rules stand in docs/; a contract that is not in the repository cannot be looked up.
	push @broken, "cites $1" if $text =~ /(\bthe contract\b)/;
	$text =~ s{\n[ \t]*(?:\*(?!/)|//|--|\#)?[ \t]*}{ }g;
	while ($text =~ m{\bdocs/([\w.-]+\.md)\b(?=(.{0,120}))}gs)
	{
		my ($page, $behind) = ($1, $2);
		if (!-e "docs/$page") { push @broken, "docs/$page: there is no such page" }
		elsif ($behind =~ /^,? *"([^"]*)"/ && !page("docs/$page")->{headings}{$1}) { push @broken, "docs/$page has no heading \"$1\"" }
		elsif ($behind =~ /^(?:#|, *[*_']|,? section )/) { push @broken, "docs/$page$behind: write docs/$page, \"Heading\"" }
	}
	return @broken;
}

# The files of ours that a page names in code, and that are not there.
sub missing_files
{
	my ($page, @files) = @_;
	my %have = map { s{.*/}{}r => 1 } @files, 'postgres.h';
	my %missing;
	my $text = read_file($page);
	while ($text =~ m{`(?:[\w.-]+/)*([\w.-]+\.(?:c|h|cpp|hpp|inc|sql|spec|pl|pm|sh))`}g)
	{
		$missing{$1} = 1 unless $have{$1};
	}
	return map { "there is no $_" } sort keys %missing;
}

my ($separator) = grep { $ARGV[$_] eq '--' } 0 .. $#ARGV;
my @documents = @ARGV[0 .. $separator - 1];
my @sources = grep { !m{^test/documents/} } @ARGV[$separator + 1 .. $#ARGV];

report("the links of $_", broken_links($_)) for @documents;
report("the files that $_ names", missing_files($_, @ARGV)) for grep { m{^docs/} } @documents;
my @broken = map { my $file = $_; map { "$file: $_" } broken_citations($file) } @sources;
report('the headings that sources, scripts and tests cite', @broken);
print "1..$number\n";
exit($failed ? 1 : 0);
