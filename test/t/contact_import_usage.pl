# contact-import's command line, and files that it cannot read: what is refused before anything is loaded, with which exit status.

use strict;
use warnings;

use ContactImport;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use POSIX ();
use Test::More;

my $node = start_server('main');
$node->safe_psql('postgres', q(CREATE ROLE nobody LOGIN; SELECT contacts.define_field('size_1', 'Size'), contacts.define_field('size_2', 'size')));
$node->safe_psql('postgres', 'CREATE DATABASE other');
my ($version) = slurp_file('contact_upsert.control') =~ /^default_version *= *'(.*)'/m;
my $good = write_file('good.csv', "email,First Name\nann\@example.com,Ann\n");
my $directory = PostgreSQL::Test::Utils::tempdir();
my $many = write_file('many.csv', join(',', 'email', map { "c$_" } 1 .. 1700) . "\nann\@example.com" . ',' x 1700 . "\n");
my $wide = write_file('wide.csv', join(',', 'email', map { "column number $_ of many with a long name" } 1 .. 200) . "\n");
my $other = $node->connstr('other');
my $homeless = $node->connstr('postgres') . q( options='-c search_path=nix');
my $nobody = $node->connstr('postgres') . ' user=nobody';

for (
	[ 0, qr/^contact-import loads a file/, '--help' ],
	[ 0, qr/^There are no imports\.$/, '--list' ],
	[ 0, qr/^contact-import \(contact_upsert\) \Q$version\E$/, '--version' ],
	[ 2, qr/Which file\?.*--help shows/s ],
	[ 2, qr/One file at a time/, 'a', 'b' ],
	[ 2, qr/unrecognized option.*--help shows/s, '--nonsense', $good ],
	[ 2, qr/There is no terminal to ask at: say --yes to load the file, or --dry-run/, $good ],
	[ 2, qr/--quiet does not ask: say --yes/, '--quiet', $good ],
	[ 2, qr/--stdin and a file exclude each other/, '--yes', '--stdin', $good ],
	[ 2, qr/--define and --ignore-unknown exclude each other/, '--define', '--ignore-unknown', $good ],
	[ 2, qr/--retry and --restart exclude each other/, '--retry', '--restart', $good ],
	[ 2, qr/--undo and --list take no file/, '--list', $good ],
	[ 2, qr/--undo is the number of an import; --list shows them, not "x"/, '--undo', 'x' ],
	[ 2, qr/There is no terminal to ask at: say --yes to undo/, '--undo', '1' ],
	[ 2, qr/--quiet does not ask: say --yes to undo the import, or --dry-run/, '--quiet', '--undo', '1' ],
	[ 2, qr/--chunk is a whole number from 1 to 100000, not "0"/, '--chunk', 0, $good ],
	[ 2, qr/--workspace is the number of a workspace, not "-1"/, '--workspace=-1', $good ],
	[ 2, qr/--mode is upsert, create, update or fill, not "merge"/, '--mode', 'merge', $good ],
	[ 2, qr/--blank is keep or clear, not ""/, '--blank', '', $good ],
	[ 2, qr/--separator is one character, such as ';', or "tab", not "::"/, '--separator', '::', $good ],
	[ 2, qr/--list-separator is one character.*not """/, '--list-separator', '"', $good ],
	[ 2, qr/--encoding: "nix" is no encoding that iconv knows/, '--yes', '--encoding', 'nix', $good ],
	[ 2, qr/--column is NAME=TARGET.*not "email"/, '--column', 'email', $good ],
	[ 2, qr/--column is given twice for "email"/, '--column', 'email=', '--column', 'email=status', $good ],
	[ 2, qr/--column: the file has no column "E-Mail"\. It has email, First Name\./, '--yes', '--column', 'E-Mail=', $good ],
	[ 2, qr/--reject is the file itself/, '--yes', '--reject', $good, $good ],
	[ 2, qr/--dbname: invalid connection option "hots"/, '--dbname', 'hots=x', $good ],

	[ 1, qr/no\/such\.csv: No such file/, '--yes', "$directory/no/such.csv" ],
	[ 1, qr/is a directory: name a file in it\./, '--yes', $directory ],
	[ 1, qr/empty\.csv is empty: its first line/, '--yes', write_file('empty.csv', '') ],
	[ 1, qr/blank\.csv is empty: its first line/, '--yes', write_file('blank.csv', "\n \n,,\n") ],
	[ 1, qr/standard input is empty/, '--yes', '--stdin' ],
	[ 1, qr/standard input is empty/, '--yes', '-' ],
	[ 1, qr/cannot write .*no\/such: No such file/, '--yes', '--reject', "$directory/no/such", $good ],
	[ 1, qr/line 1: "ann\@example\.com" is no name of a column\. The first line has to have the names/, '--yes', write_file('data.csv', "Ann,ann\@example.com\n") ],
	[ 1, qr/line 1: Columns 1 and 3 have the same name, "email"/, '--yes', write_file('twice.csv', "email,name,email\n") ],
	[ 1, qr/line 1: Column 2 has no name/, '--yes', write_file('unnamed.csv', "email,,name\n") ],
	[ 1, qr/the quote in the row that begins in line 3 is never closed/, '--yes', write_file('quote.csv', "email,First Name\nx\@y.org,x\nann\@example.com,\"Ann\nx\n") ],

	[ 4, qr/None of the columns is the address: say which with --column 'NAME=email_address'/, '--yes', write_file('none.csv', "first_name,age\nAnn,3\n") ],
	[ 4, qr/These columns are no field:\n  Shoe size\n  Lst name \(nearest: .*\)\nSay --define/, '--yes', write_file('unknown.csv', "email,Shoe size,Lst name\n") ],
	[ 4, qr/no field:\n  column number 1 of many with a long name\n.*\n  column number 200 of many.*\nSay --define to make fields of them/s, '--yes', $wide ],
	[ 4, qr/These columns cannot be loaded:\n  .*E-Mail.*\nSay what each is with --column/s, '--yes', write_file('same.csv', "email,E-Mail\n") ],
	[ 4, qr/These columns cannot be loaded:\n  SIZE: may be several fields, such as size_1\nSay what each is with --column/, '--yes', write_file('ambiguous.csv', "email,SIZE\n") ],
	[ 4, qr/These columns cannot be loaded:\n  email: --column names what is not there/, '--yes', '--column', 'email=e_mail', $good ],
	[ 4, qr/tables can have at most 1600 columns\nLeave some columns out, with --ignore-unknown or --column 'NAME='\./, '--yes', '--define', $many ],
	[ 4, qr/There is no schema "nix" for the staging table/, '--yes', '--schema', 'nix', $good ],
	[ 4, qr/There is no schema for the staging table: search_path names none\. Name one with --schema\./, '--yes', '--dbname', $homeless, $good ],
	[ 4, qr/--date-format|date_format/, '--yes', '--date-format', 'nonsense', $good ],
	[ 4, qr/Workspace 77 does not exist/, '--yes', '--workspace', 77, $good ],
	[ 4, qr/Is contact_upsert installed in this database\?/, '--yes', '--dbname', $other, $good ],
	[ 4, qr/permission denied/, '--yes', '--dbname', $nobody, $good ],
	[ 4, qr/There is no import 7/, '--yes', '--undo', 7 ],
	[ 5, qr/No such file or directory/, '--yes', '--dbname', 'host=/no/such', $good ])
{
	my ($expected, $message, @arguments) = @$_;
	my ($status, $out, $err) = run_import(@arguments);
	is($status, $expected, join ' ', "exit status $expected: contact-import", map { $_ eq $many ? 'many.csv' : $_ } @arguments);
	like($expected == 0 ? $out : $err, $message, 'and says why');
	unlike($err, qr/^LINE /m, 'in words for people');
}
is(contacts($node), '', 'nothing was loaded by any of them');
is(staging_tables($node), 0, 'and no table is left');

# A directory where a file is wanted.
{
	my ($status, undef, $err) = run_import({ before => [ 'sh', '-c', 'exec "$@" </', 'sh' ] }, '--yes', '--stdin');
	is($status, 1, 'standard input that is a directory: exit status 1');
	like($err, qr/standard input is a directory: name a file\./, 'says so');
}

# What is refused before it begins leaves no reject file, and leaves one from before as it was.
my $refused = write_file('refused.csv', "first_name,age\nAnn,3\n");
my $kept = write_file('kept.csv', "of another import\n");
is((run_import('--yes', '--reject', $_, $refused))[0], 4, 'a file that is refused, with --reject') for "$directory/new.csv", $kept;
ok(!-e "$directory/new.csv", 'no reject file is left');
is(slurp_file($kept), "of another import\n", 'and one that was there is as it was');

# A row that is too wide for a table comes out while the file is copied.
my @columns = map { "wide $_" } 1 .. 700;
my $row = write_file('row.csv', join(',', 'email', @columns) . "\nann\@example.com" . ',wide enough' x 700 . "\n");
{
	my ($status, undef, $err) = run_import('--yes', '--define', $row);
	is($status, 4, 'a row of 700 cells: exit status 4');
	like($err, qr/row is too big.*\nLeave some columns out, with --ignore-unknown or --column 'NAME='\./, 'says what, and what can be done');
	is(staging_tables($node), 0, 'no table is left');
}

# Standard input cannot be kept: the directory is not there, or there is no room in it, which a limit of 1 MiB stands for.
my $long = write_file('long.csv', "email\n" . "ann\@example.com\n" x 100000);
for (
	[ '/no/such', '', 'No such file or directory' ],
	[ $directory, 'trap "" XFSZ; ulimit -f 2048;', 'File too large' ])
{
	my ($where, $limit, $why) = @$_;
	my ($status, undef, $err) = run_import({ before => [ 'env', "TMPDIR=$where", 'sh', '-c', qq($limit cat $long | "\$@"), 'sh' ] }, '--yes', '--stdin');
	is($status, 1, 'no place for a copy of standard input: exit status 1');
	like($err, qr/cannot keep a copy of standard input in $where\/contact-import\.\w+ \(TMPDIR names another directory\): $why/, 'says why, and what can be done');
}
is(contacts($node) . staging_tables($node), '0', 'nothing of it is loaded');
is_deeply([ glob "$directory/contact-import.*" ], [], 'or left');

# What is left out need not fit into a table.
is((run_import('--yes', '--ignore-unknown', $many))[0], 0, '1,700 columns, of which one is a field');
is(contacts($node), 'ann@example.com|{}|', 'are loaded');

done_testing();
