# The same cell means the same at each door for files: an import view, contacts.import and contact-import. A table of cells, which has every
# row of docs/files.md, "Cells", is loaded by each of the three; what each contact is afterwards, or the code of the error that it gets,
# is what the table says, and so the same at each door.

use strict;
use warnings;
use utf8;

use FindBin;
use lib $FindBin::RealBin;
use Encode qw(decode encode);
use IPC::Run;
use JSON::PP ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use ContactFiles qw(literal);

my $json = JSON::PP->new->canonical->allow_nonref;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding', 'UTF8', '--locale', 'C.UTF-8' ]);
$node->append_conf('postgresql.conf', "fsync = off\ndatestyle = 'SQL, DMY'\ntimezone = 'America/St_Johns'");
$node->start;

my $definitions = q(
	CREATE EXTENSION contact_upsert;
	SELECT contacts.install();
	SET search_path = contacts, public;
	SELECT define_field('words', 'Some Words'), define_field('amount', 'Amount', 'NUMBER'), define_field('yes', 'Yes or no', 'BOOLEAN'),
		define_field('day', 'Day', 'DATE'), define_field('country', 'Country', 'COUNTRY'),
		define_field('one', 'One', 'DROPDOWN_SINGLE', ARRAY['Small', 'Large', 'LARGE', 'Año nuevo']),
		define_field('many', 'Many', 'DROPDOWN_MULTIPLE', ARRAY['Red', 'Green', 'Light, blue']);
	SELECT define_tag('a'), define_tag('b'), define_tag('c d'), define_tag('x, y'), define_tag('old'););

# What the contacts of the cells with "before" have.
my $full = { words => 'before', amount => 1, yes => JSON::PP::false, day => '2020-01-01', country => 'NL', one => 'Small', many => ['Red'] };

# Groups of cells, each a file with one option or none. A cell: the column, the text of the cell (undef: not quoted, and blank), and what the
# contact has then: a value of the field; or what differs from a new contact's status and tags; or the code of the error. The fourth
# element is what is there before.
my @groups = (
	{
		name => 'texts',
		cells => [
			[ words => "  Ann Lee\t", 'Ann Lee' ], [ words => "\x{feff}Ann", 'Ann' ], [ words => "\x{feff} Ann", 'Ann' ], [ words => "\x{a0}Ann\x{3000}", 'Ann' ],
			[ words => 'NULL', 'NULL' ], [ words => '007', '007' ], [ words => '{a}', '{a}' ], [ words => '["a"]', '["a"]' ], [ words => '"a"', '"a"' ],
			[ words => "two\nlines", "two\nlines" ], [ words => "a,b;c|d\te", "a,b;c|d\te" ], [ words => 'true', 'true' ], [ words => "back\\slash \\N", "back\\slash \\N" ],
			# a cell that is the stored value changes nothing, white space and all
			[ words => '  as it is ', '  as it is ', { words => '  as it is ' } ],
		] },
	{
		name => 'blanks',
		cells => [
			(map { my $blank = $_; map { [ $_ => $blank, $full->{$_}, $full ] } sort keys %$full } undef, '', ' ', "\t\x{a0}\n", "\x{feff}"),
			(map { my $blank = $_; map { [ $_ => $blank, { status => 'UNSUBSCRIBED', tags => ['old'] }, $full ] } qw(status tags add_tags remove_tags created_at source) }
				undef, '', '  '),
		] },
	{
		name => 'booleans',
		cells => [
			(map { [ yes => $_, JSON::PP::true ] } qw(true TRUE True t T yes Yes YES y Y on On ON 1), ' yes '),
			(map { [ yes => $_, JSON::PP::false ] } qw(false FALSE False f F no No NO n N off Off OFF 0), "\tno"),
			(map { [ yes => $_, 'FIELD_INVALID' ] } qw(maybe 2 yess ja x -), '1.0'),
		] },
	{
		name => 'numbers',
		cells => [
			[ amount => '12', 12 ], [ amount => ' -12.50 ', -12.5 ], [ amount => '0', 0 ], [ amount => '1e3', 1000 ], [ amount => '1.234', 1.234 ],
			[ amount => '1,234.50', 1234.5 ], [ amount => '$1,234.50', 1234.5 ], [ amount => '1,234,567', 1234567 ], [ amount => '-1,234,567.891', -1234567.891 ],
			[ amount => '€ 9.99', 9.99 ], [ amount => '9.99 €', 9.99 ], [ amount => '£5', 5 ], [ amount => '12%', 12 ], [ amount => '12.5 %', 12.5 ],
			[ amount => '1.234,50', 1234.5 ], [ amount => '12,5', 12.5 ], [ amount => '1.234.567', 1234567 ], [ amount => "1\x{a0}234,50", 1234.5 ],
			(map { [ amount => $_, 'FIELD_INVALID' ] } '1,234', '$1,234', 'many', '1,23,4', '12,34.5', '$$5', '1 2', '--1', 'NaN', 'Infinity', '0x10'),
		] },
	{
		name => 'dates',
		cells => [
			[ day => '2024-02-29', '2024-02-29' ], [ day => ' 2024-02-29 ', '2024-02-29' ], [ day => '2024-02-29T10:00:00Z', '2024-02-29T10:00:00Z' ],
			[ day => '2024-02-29T10:00:00+02:00', '2024-02-29T08:00:00Z' ], [ day => '2024-02-29 10:00', '2024-02-29T10:00:00Z' ],
			[ day => '2024-02-29 10:00:30', '2024-02-29T10:00:30Z' ],
			(map { [ day => $_, 'FIELD_INVALID' ] } '02/15/2024', '15.02.2024', '2023-02-29', '2024-02-30 10:00', 'today', 'now', 'infinity', '20240229', '2024-02-29 25:00', 'Feb 15, 2024'),
		] },
	{
		name => 'dates by a format',
		options => { date_format => 'DD/MM/YYYY' },
		cells => [
			[ day => '15/02/2024', '2024-02-15' ], [ day => ' 29/02/2024 ', '2024-02-29' ], [ day => '02/03/2024', '2024-03-02' ], [ day => '2024-02-29', '2024-02-29' ],
			(map { [ day => $_, 'FIELD_INVALID' ] } '02/15/2024', '29/02/2023', '15.02.2024', '15/02/24', 'today'),
		] },
	{
		name => 'times by a format',
		options => { date_format => 'MM/DD/YYYY HH24:MI' },
		cells => [
			[ day => '02/15/2024 13:45', '2024-02-15T13:45:00Z' ], [ day => '2/5/2024 00:00', '2024-02-05T00:00:00Z' ],
			[ created_at => '02/15/2021 13:45', { created_at => '2021-02-15T13:45:00Z' } ],
			(map { [ day => $_, 'FIELD_INVALID' ] } '15/02/2024 13:45', '02/15/2024 24:45'),
		] },
	{
		name => 'countries',
		cells => [
			(map { [ country => $_, 'DE' ] } qw(DE de DEU deu Germany germany GERMANY), ' de '),
			(map { [ country => $_, 'CI' ] } q(Côte d'Ivoire), q(cote d'ivoire), 'CIV'),
			[ country => 'Bolivia', 'BO' ], [ country => 'South Korea', 'KR' ], [ country => 'Vietnam', 'VN' ], [ country => 'Viet Nam', 'VN' ], [ country => 'United States', 'US' ],
			(map { [ country => $_, 'FIELD_INVALID' ] } qw(Deutschland ZZ Neverland 49)),
		] },
	{
		name => 'dropdowns',
		cells => [
			[ one => 'Small', 'Small' ], [ one => 'SMALL', 'Small' ], [ one => ' small ', 'Small' ], [ one => 'Large', 'Large' ], [ one => 'LARGE', 'LARGE' ], [ one => 'AÑO NUEVO', 'Año nuevo' ],
			[ one => 'large', 'FIELD_INVALID' ], [ one => 'tiny', 'FIELD_INVALID' ],
		] },
	{
		name => 'statuses',
		cells => [
			(map { my $status = $_; map { [ status => $_, { status => $status } ] } $status, lc $status, ucfirst lc $status, " $status " }
				qw(SUBSCRIBED UNSUBSCRIBED UNCONFIRMED CLEANED COMPLAINED)),
			(map { [ status => $_, { status => 'SUBSCRIBED' } ] } qw(active Active confirmed)),
			(map { [ status => $_, { status => 'UNSUBSCRIBED' } ] } 'opted out', 'Opted Out', 'unsubscribed'),
			[ status => 'pending', { status => 'UNCONFIRMED' } ],
			(map { [ status => $_, { status => 'CLEANED' } ] } qw(bounced unreachable Cleaned)),
			(map { [ status => $_, { status => 'COMPLAINED' } ] } qw(spam Abuse)),
			(map { [ status => $_, 'STATUS_INVALID' ] } qw(whatever yes 1 never_subscribed)),
		] },
	{
		name => 'lists',
		cells => [
			(map { my $column = $_; (
				(map { [ $column => $_, { tags => [ 'a', 'b' ] } ] } 'a,b', ' a , b ', '"a","b"', '["a","b"]', '[ "b", "a" ]', '{a,b}', '{"a", b}', 'a,,b,', ',a,b', 'A,B', 'a,b,a'),
				(map { [ $column => $_, { tags => ['c d'] } ] } 'c d', '"c d"', '["c d"]', '{c d}', '{"c d"}', ' c d ,'),
				[ $column => '"x, y",a', { tags => [ 'a', 'x, y' ] } ], [ $column => '["x, y"]', { tags => ['x, y'] } ], [ $column => 'new', 'TAG_NOT_FOUND' ],
			) } qw(tags add_tags)),
			[ tags => 'a', { tags => ['a'], status => 'UNSUBSCRIBED' }, $full ], [ add_tags => 'a', { tags => [ 'a', 'old' ], status => 'UNSUBSCRIBED' }, $full ],
			[ remove_tags => 'a, old', { tags => [], status => 'UNSUBSCRIBED' }, $full ], [ tags => '{}', { tags => [], status => 'UNSUBSCRIBED' }, $full ], [ tags => '[]', { tags => [], status => 'UNSUBSCRIBED' }, $full ],
			(map { [ many => $_, [ 'Red', 'Green' ] ] } 'Red,Green', 'green, RED', '["Green","Red"]', '{Green,Red}', '"Red","Green"', 'Red,Green,,Red'),
			(map { [ many => $_, ['Light, blue'] ] } '"Light, blue"', '["light, blue"]', '{"Light, blue"}', 'Light, blue'),
			(map { [ many => $_, 'FIELD_INVALID' ] } 'Red,Yellow', '["Red"'),
		] },
	{
		name => 'lists with semicolons',
		cells => [
			[ tags => 'a;b', { tags => [ 'a', 'b' ] } ], [ tags => ' a ; "x, y" ;', { tags => [ 'a', 'x, y' ] } ], [ add_tags => 'a;c d', { tags => [ 'a', 'c d' ] } ],
			[ many => 'green;red', [ 'Red', 'Green' ] ], [ many => '"Light, blue";Red', [ 'Red', 'Light, blue' ] ],
		] },
	{
		name => 'lists with bars',
		cells => [ [ tags => 'a|b', { tags => [ 'a', 'b' ] } ], [ many => 'green | red', [ 'Red', 'Green' ] ] ] },
	{
		name => 'moments of creation',
		cells => [
			[ created_at => '2019-05-04', { created_at => '2019-05-04T00:00:00Z' } ], [ created_at => '2019-05-04 03:02:01', { created_at => '2019-05-04T03:02:01Z' } ],
			[ created_at => '2019-05-04T03:02:01.5-05:00', { created_at => '2019-05-04T08:02:01Z' } ],
			# a contact that is there has been created already
			[ created_at => '2019-05-04', { status => 'UNSUBSCRIBED', tags => ['old'] }, $full ],
			[ created_at => '2999-01-01', 'INVALID_REQUEST' ], [ created_at => 'once', 'INVALID_REQUEST' ],
		] },
	{
		name => 'addresses',
		with => { words => 'x' }, # a row without anything is none to contact-import
		cells => [
			(map { [ email_address => $_->[0], { address => $_->[1] } ] }
				[ 'Ann Lee <ann1@example.com>', 'ann1@example.com' ], [ '"Lee, Ann" <ann2@example.com>', 'ann2@example.com' ], [ 'mailto:ann3@example.com', 'ann3@example.com' ],
				[ '<ann4@example.com>', 'ann4@example.com' ], [ ' ANN5@Example.COM ', 'ann5@example.com' ], [ "\x{feff}ann6\@example.com", 'ann6@example.com' ],
				[ 'MAILTO:Ann7@example.com', 'ann7@example.com' ]),
			(map { [ email_address => $_, 'EMAIL_INVALID' ] } 'ann', 'ann@', 'a@example.com, b@example.com', 'a@example.com;b@example.com', 'Ann <ann8@example.com', 'a b@example.com'),
			[ email_address => undef, 'EMAIL_REQUIRED' ], [ email_address => '', 'EMAIL_REQUIRED' ], [ email_address => '  ', 'EMAIL_REQUIRED' ],
		] },
	# In a file with blank => 'clear', the blanks of every column clear: each column has a file of its own.
	(map { my $column = $_; {
		name => "blanks that clear $column",
		options => { blank => 'clear' },
		clears => 1,
		cells => [ map { [ $column => $_, exists $full->{$column} ? $full->{$column} : { tags => [] }, $full ] } undef, '', ' ', "\x{feff}" ] } }
		sort(keys %$full), 'tags'),
);


my %database = (view => 'door_view', import => 'door_import', program => 'door_program');
my @doors = qw(view import program);

sub quoted_csv { my ($cell) = @_; return defined $cell ? '"' . $cell =~ s/"/""/gr . '"' : '' }
sub identifier { my ($name) = @_; return qq("$name") }

# Runs SQL that may have any characters.
sub sql
{
	my ($database, $sql) = @_;
	return decode('UTF-8', $node->safe_psql($database, encode('UTF-8', $sql)));
}

# A group as it is loaded: its columns, and its rows, which have a cell for each column.
sub rows_of
{
	my ($group, $number) = @_;
	my %with = %{ $group->{with} // {} };
	my @columns = ('email_address', do { my %seen; grep { $_ ne 'email_address' && !$seen{$_}++ } (map { $_->[0] } @{ $group->{cells} }), sort keys %with });
	my @rows;
	for my $cell (@{ $group->{cells} })
	{
		my ($column, $text, $expected, $before) = @$cell;
		my $address = sprintf 'cell-%d-%d@example.com', $number, scalar @rows;
		push @rows, {
			column => $column, text => $text, before => $before, address => $address,
			cells => { email_address => $address, %with, $column => $text },
			expected => expectation($cell, $address, $group) };
	}
	return (\@columns, \@rows);
}

# What a cell is to become: the code of an error, or the contact as JSON.
sub expectation
{
	my ($cell, $address, $group) = @_;
	my ($column, undef, $expected, $before) = @$cell;
	return $expected if !ref $expected && $expected =~ /^[A-Z]+_(?:INVALID|REQUIRED|NOT_FOUND|REQUEST)$/;
	my $is_full = defined $before && $before == $full;
	my %contact = (address => $address, status => 'SUBSCRIBED', tags => [], $is_full ? (status => 'UNSUBSCRIBED', tags => ['old']) : (),
		fields => { %{ $before // {} }, %{ $group->{with} // {} } });
	if (!exists $full->{$column}) { %contact = (%contact, %$expected) }
	elsif ($group->{clears}) { delete $contact{fields}{$column} }
	else { $contact{fields}{$column} = $expected }
	return $json->encode(\%contact);
}

# Makes the contacts that are there before.
sub make_contacts
{
	my ($database, @rows) = @_;
	my @requests = map { { email_address => $_->{address}, fields => $_->{before}, $_->{before} == $full ? (status => 'UNSUBSCRIBED', tags => ['old']) : () } }
		grep { $_->{before} } @rows;
	sql($database, 'SELECT count(*) FROM contacts.upsert_many(' . literal($json->encode(\@requests)) . ", 'stop')") if @requests;
}

# The rows of an import that were rejected, by number from 0, with the first error of each.
sub rejected
{
	my ($database) = @_;
	return map { my ($row, $code) = split /\|/; ($row - 1 => $code) } split /\n/, sql($database, q(SELECT row_number, code FROM contacts.import_error
		WHERE error_number = 1 AND import_id = (SELECT max(import_id) FROM contacts.import_progress)));
}

my %load = (
	view => sub {
		my ($database, $group, $columns, $rows) = @_;
		my $options = join '', map { ", $_ => " . literal($group->{options}{$_}) } sort keys %{ $group->{options} // {} };
		# The view has the columns that the group has: those that only "columns" can name, and where blanks clear, no others.
		my %given = map { $_ => 1 } @$columns;
		my %columns = map { $_ => $_ } grep { $given{$_} } qw(add_tags remove_tags source created_at);
		%columns = (%columns, map { $_ => undef } grep { !$given{$_} } sort(keys %$full), qw(status tags)) if $group->{clears};
		$options .= ', columns => ' . literal($json->encode(\%columns)) if %columns;
		sql($database, "DROP TABLE IF EXISTS rejected; CREATE TABLE rejected (row int, code text); SELECT contacts.create_import_view('door', replace => true$options)");
		my $number = 0;
		my $script = '';
		for my $row (@$rows)
		{
			my @given = grep { defined $row->{cells}{$_} || $_ eq $row->{column} } @$columns;
			$script .= sprintf "DO \$do\$ DECLARE detail text; BEGIN INSERT INTO door (%s) VALUES (%s);
				EXCEPTION WHEN data_exception THEN GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
				INSERT INTO rejected VALUES (%d, detail::jsonb ->> 'code'); END \$do\$;\n",
				join(', ', map { identifier($_) } @given), join(', ', map { literal($row->{cells}{$_}) } @given), $number++;
		}
		sql($database, $script);
		return map { split /\|/ } split /\n/, sql($database, 'SELECT row, code FROM rejected');
	},
	import => sub {
		my ($database, $group, $columns, $rows) = @_;
		my $options = join '', map { ", $_ => " . literal($group->{options}{$_}) } sort keys %{ $group->{options} // {} };
		sql($database, 'DROP TABLE IF EXISTS staging; CREATE TABLE staging (' . join(', ', map { identifier($_) . ' text' } @$columns) . ');'
			. join '', map { my $row = $_; 'INSERT INTO staging VALUES (' . join(', ', map { literal($row->{cells}{$_}) } @$columns) . ");\n" } @$rows);
		sql($database, "CALL contacts.import('staging'$options, restart => true)");
		return rejected($database);
	},
	program => sub {
		my ($database, $group, $columns, $rows) = @_;
		my $path = "$ENV{TESTDATADIR}/cells.csv";
		my @options = map { ('--' . tr/_/-/r => $group->{options}{$_}) } sort keys %{ $group->{options} // {} };
		open my $file, '>:encoding(UTF-8)', $path or die "$path: $!";
		print $file join(',', @$columns), "\n";
		for my $row (@$rows) { print $file join(',', map { quoted_csv($row->{cells}{$_}) } @$columns), "\n" }
		close $file;
		my ($out, $err) = ('', '');
		IPC::Run::run([ 'contact-import', '--yes', '--restart', '--dbname', $node->connstr($database), @options, $path ], '<', '/dev/null', '>', \$out, '2>', \$err,
			IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
		diag($out, $err) unless ($? >> 8) =~ /^[03]$/;
		return rejected($database);
	},
);

# What has become of each row, where that is not what was expected.
sub differences
{
	my ($database, $rows, %rejected) = @_;
	my (@checks, @differences);
	for my $i (0 .. $#$rows)
	{
		my $row = $rows->[$i];
		my $is_error = $row->{expected} !~ /^\{/;
		my $cell = sprintf '%s %s', $row->{column}, defined $row->{text} ? $json->encode($row->{text}) : 'NULL';
		if (defined $rejected{$i}) { push @differences, "$cell: $rejected{$i}, expected $row->{expected}" if $rejected{$i} ne $row->{expected} }
		elsif ($is_error) { push @differences, "$cell: taken, expected $row->{expected}" }
		else { push @checks, sprintf '(%s, %s, %s::jsonb)', map { literal($_) } $cell, $json->decode($row->{expected})->{address}, $row->{expected} }
	}
	push @differences, split /\n/, sql($database, q~
		SELECT format('%s: %s, expected %s', cell, coalesce(stored::text, 'no contact'), expected)
		FROM (VALUES ~ . join(', ', @checks) . q~) v (cell, address, expected) LEFT JOIN (
			SELECT email_address AS address, jsonb_build_object('address', email_address, 'status', status, 'fields', data,
				'tags', to_jsonb(ARRAY(SELECT name FROM contacts.tag t WHERE t.tag_id = ANY (c.tags) ORDER BY name COLLATE "C")))
				|| CASE WHEN created_at < now() - interval '1 day'
					THEN jsonb_build_object('created_at', to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')) ELSE '{}' END AS stored
			FROM contacts.contact c) s USING (address)
		WHERE stored IS DISTINCT FROM expected~) if @checks;
	return encode('UTF-8', join "\n", @differences);
}

for my $door (@doors)
{
	$node->safe_psql('postgres', "CREATE DATABASE $database{$door}");
	sql($database{$door}, $definitions);
}

my $number = 0;
for my $group (@groups)
{
	my ($columns, $rows) = rows_of($group, $number++);
	for my $door (@doors)
	{
		make_contacts($database{$door}, @$rows);
		my %rejected = $load{$door}->($database{$door}, $group, $columns, $rows);
		is(differences($database{$door}, $rows, %rejected), '', "$group->{name}: $door, " . @$rows . ' cells');
	}
}

# Columns of SQL's own types say what their text says, in any DateStyle at the import, in ISO at the view.
my $typed = q(
	CREATE TABLE typed (email_address varchar(40), words char(10), amount numeric, yes boolean, day date, one name, many text[], tags text[], add_tags jsonb);
	INSERT INTO typed VALUES ('typed1@example.com', 'Ann', 1234.50, true, '2024-02-29', 'SMALL', '{Red,"Light, blue"}', '{a,"x, y"}', '["b"]');
	CREATE TABLE timed (email_address text, day timestamp, created_at timestamptz);
	INSERT INTO timed VALUES ('typed2@example.com', '2024-02-29 10:00', '2019-05-04 03:02:01+02');
	CREATE TABLE zoned (email_address text, amount double precision, day timestamptz);
	INSERT INTO zoned VALUES ('typed3@example.com', 0.5, '2024-02-29 10:00+02'););
my @typed = map { { column => 'typed', text => undef, expected => $json->encode($_) } }
	{ address => 'typed1@example.com', status => 'SUBSCRIBED', tags => [ 'a', 'b', 'x, y' ],
		fields => { words => 'Ann', amount => 1234.5, yes => JSON::PP::true, day => '2024-02-29', one => 'Small', many => [ 'Red', 'Light, blue' ] } },
	{ address => 'typed2@example.com', status => 'SUBSCRIBED', tags => [], fields => { day => '2024-02-29T10:00:00Z' }, created_at => '2019-05-04T01:02:01Z' },
	{ address => 'typed3@example.com', status => 'SUBSCRIBED', tags => [], fields => { amount => 0.5, day => '2024-02-29T08:00:00Z' } };
sql($database{import}, "SET datestyle = ISO; $typed");
sql($database{import}, "CALL contacts.import('$_')") for qw(typed timed zoned);
is(differences($database{import}, \@typed), '', 'columns of other types: import');
sql($database{view}, qq(SET datestyle = ISO; $typed
	SELECT contacts.create_import_view('door', replace => true, columns => '{"add_tags": "add_tags", "created_at": "created_at"}');));
for my $table (qw(typed timed zoned))
{
	my $list = sql($database{view}, "SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute WHERE attrelid = '$table'::regclass AND attnum > 0");
	sql($database{view}, "SET datestyle = ISO; INSERT INTO door ($list) SELECT $list FROM $table");
}
is(differences($database{view}, \@typed), '', 'columns of other types: view');
done_testing();
