# What the tests of test/files/ share: a database with the fields and tags that a person would have made for a file, its staging table
# as psql makes it, and the comparison of what is stored with what the file's .json says. test/files/README.md describes both.
package ContactFiles;

use strict;
use warnings;

use Encode qw(decode encode);
use Exporter 'import';
use JSON::PP ();
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(file_names read_spec make_database make_staging option_count import_arguments program_options literal compare_contacts compare_errors expected_errors
	expected_counts);

my $directory = 'test/files';
my $json = JSON::PP->new->utf8->canonical;

sub literal { my ($text) = @_; return defined $text ? "'" . $text =~ s/'/''/gr . "'" : 'NULL' }
sub identifier { my ($name) = @_; return '"' . $name =~ s/"/""/gr . '"' }
sub json_text { my ($value) = @_; return decode('UTF-8', $json->encode($value)) }

sub read_bytes
{
	my ($path) = @_;
	open my $in, '<:raw', $path or die "$path: $!";
	local $/;
	return scalar <$in>;
}

# The names of the files without their endings.
sub file_names { return sort map { m{([^/]*)\.json$} } glob "$directory/*.json" }

sub read_spec
{
	my ($name) = @_;
	my $text = read_bytes("$directory/$name.json");
	my $spec = $json->decode($text);
	$spec->{text} = decode('UTF-8', $text);
	$spec->{path} = "$directory/" . ($spec->{file} // "$name.csv");
	$spec->{psql} //= {};
	return $spec;
}

# A database for a file, which is named after it.
sub make_database
{
	my ($node, $name, $spec) = @_;
	my $sql = "CREATE EXTENSION contact_upsert; SELECT contacts.install(); SET search_path = contacts, public;\n";
	$sql .= "SELECT $_;\n" for @{ $spec->{definitions} };
	$sql .= 'SELECT public.contact_upsert(' . literal(json_text($_)) . ");\n" for @{ $spec->{before} // [] };
	$sql .= "DELETE FROM event;\n";
	$node->safe_psql('postgres', "CREATE DATABASE $name");
	$node->safe_psql($name, encode('UTF-8', $sql));
}

# The names in the first line of a text, trimmed.
sub header_names
{
	my ($text, $delimiter) = @_;
	my ($line) = $text =~ /\A\x{feff}?([^\r\n]*)/;
	my @names;
	while ($line =~ /\G\s*(?:"((?:[^"]|"")*)"|([^$delimiter]*))(?:$delimiter|\z)/g)
	{
		last if $-[0] == length $line && @names;
		push @names, defined $1 ? $1 =~ s/""/"/gr : $2 =~ s/\s+\z//r;
	}
	return @names;
}

# Loads a file as it is into the table "staging", whose columns are text and have the names of its header. What psql cannot read, as
# COPY knows no UTF-16 and no ragged lines, its user takes out before.
sub make_staging
{
	my ($node, $name, $spec) = @_;
	my %psql = %{ $spec->{psql} };
	my $path = "$ENV{TESTDIR}/$spec->{path}";
	my $bytes = read_bytes($spec->{path});
	my $encoding = $psql{iconv} // $psql{encoding} // 'UTF-8';
	my $text = decode({ WIN1252 => 'cp1252' }->{$encoding} // $encoding, $bytes);
	if ($psql{iconv} || $psql{without_lines})
	{
		my %without = map { $_ => 1 } @{ $psql{without_lines} // [] };
		my $number = 0;
		$path = "$ENV{TESTDATADIR}/$name.csv";
		open my $out, '>:raw', $path or die "$path: $!";
		print $out encode('UTF-8', join '', grep { !$without{ ++$number } } split /^/, $text);
		close $out;
	}
	my $delimiter = $psql{delimiter} // ',';
	my $columns = join ', ', map { identifier($_) . ' text' } header_names($text, $delimiter);
	my $copy_encoding = $psql{encoding} // 'UTF8';
	$node->safe_psql($name, encode('UTF-8', qq(
		CREATE TABLE staging ($columns);
		COPY staging FROM '$path' (FORMAT csv, HEADER, DELIMITER E'${\ ($delimiter =~ s/\t/\\t/r)}', ENCODING '$copy_encoding');)));
}

# How many options contact-import needs, which has one for each column.
sub option_count
{
	my ($spec) = @_;
	return scalar(grep { $_ ne 'columns' } keys %{ $spec->{options} }) + keys %{ $spec->{options}{columns} // {} };
}

# The options of a file as those of contact-import, in bytes.
sub program_options
{
	my ($spec) = @_;
	my %options = %{ $spec->{options} };
	my %columns = %{ $options{columns} // {} };
	my @options = map { ('--column', "$_=" . ($columns{$_} // '')) } sort keys %columns;
	push @options, '--ignore-unknown' if ($options{unknown} // '') eq 'ignore';
	push @options, '--create-tags' if $options{create_tags};
	push @options, '--date-format', $options{date_format} if defined $options{date_format};
	return map { encode('UTF-8', $_) } @options;
}

# The options of a file as arguments of contacts.import.
sub import_arguments
{
	my ($spec) = @_;
	my %options = %{ $spec->{options} };
	return join '', map { ", $_ => " . (
		ref $options{$_} eq 'HASH' ? literal(json_text($options{$_})) : JSON::PP::is_bool($options{$_}) ? ($options{$_} ? 'true' : 'false')
		: literal($options{$_})) } sort keys %options;
}

# Reports each contact that differs from what is expected, or is there without being expected, or is not there.
sub compare_contacts
{
	my ($node, $name, $spec, $title) = @_;
	my $differences = $node->safe_psql($name, encode('UTF-8', q~
		WITH expected AS (SELECT key AS address, value FROM jsonb_each(jsonb ~ . literal($spec->{text}) . q~ -> 'contacts')),
		stored AS (
			SELECT c.email_address AS address, to_char(c.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS created_at,
				c.created_at > now() - interval '1 hour' AS is_new,
				(SELECT h.source FROM contacts.history h WHERE h.contact_id = c.id ORDER BY h.history_id DESC LIMIT 1) AS source,
				jsonb_build_object('status', c.status, 'data', c.data,
					'tags', to_jsonb(ARRAY(SELECT t.name FROM contacts.tag t WHERE t.tag_id = ANY (c.tags) ORDER BY t.name COLLATE "C"))) AS value
			FROM contacts.contact c)
		SELECT format(E'%s\n  expected %s\n  stored   %s', address, e.value, s.value)
		FROM expected e FULL JOIN (
			SELECT s.address, s.value
				|| CASE WHEN e.value ? 'created_at' OR NOT s.is_new THEN jsonb_build_object('created_at', s.created_at) ELSE '{}' END
				|| CASE WHEN e.value ? 'source' THEN jsonb_build_object('source', s.source) ELSE '{}' END AS value
			FROM stored s LEFT JOIN expected e USING (address)) s USING (address)
		WHERE e.value IS DISTINCT FROM s.value ORDER BY address~));
	is($differences, '', "$title: the contacts are what a person expects");

	my $events = $node->safe_psql($name, "SELECT coalesce(jsonb_object_agg(type, n), '{}') FROM (SELECT type, count(*) AS n FROM contacts.event GROUP BY 1) e");
	is_deeply($json->decode($events), $spec->{events}, "$title: its events");
}

# The errors that a file has, each as one line. A row of blanks is one for COPY, and contact-import skips it.
sub expected_errors
{
	my ($spec, %options) = @_;
	return sort map { encode('UTF-8', join ' | ', $options{numbered} ? $_->{row} : (), $_->{column}, $_->{code} // '*', $_->{value} // '*') }
		grep { !$options{without_blank_rows} || !$_->{blank_row} } @{ $spec->{errors} };
}

sub expected_counts
{
	my ($spec, %options) = @_;
	my %counts = %{ $spec->{counts} };
	$counts{failed} -= grep { $_->{blank_row} } @{ $spec->{errors} } if $options{without_blank_rows};
	return join '|', @counts{qw(created updated unchanged skipped failed)};
}

# Compares the errors of the last import with those of a file: all of each row. Where the file does not say the code or value, any will do.
sub compare_errors
{
	my ($node, $name, $spec, $title, %options) = @_;
	my @expected = expected_errors($spec, %options);
	my $number = $options{numbered} ? 'row_number' : 'NULL';
	my $rows = $node->safe_psql($name, qq(SELECT jsonb_agg(jsonb_build_array($number, "column", code, value, hint, message))
		FROM contacts.import_error WHERE import_id = (SELECT max(import_id) FROM contacts.import_progress)));
	my (@got, @unhelpful);
	my %left;
	$left{$_}++ for @expected;
	for my $row (@{ $json->decode($rows || '[]') || [] })
	{
		my ($number, $column, $code, $value, $hint, $message) = @$row;
		# the most exact of the lines that this may be
		my @lines = map { encode('UTF-8', join ' | ', $options{numbered} ? $number : (), $column // '', @$_) }
			[ $code, $value // '' ], [ '*', $value // '' ], [ $code, '*' ], [ '*', '*' ];
		my ($line) = grep { $left{$_} } @lines;
		$left{$line}-- if defined $line;
		push @got, $line // $lines[0];
		push @unhelpful, "$lines[0]: $message" if ($hint // '') eq '';
	}
	is(join("\n", sort @got), join("\n", @expected), "$title: all errors of each bad row, by column");
	is(join("\n", @unhelpful), '', "$title: and each says what to do");
}

1;
