# contact-import through pipes: files as people have them become contacts; bad rows come out as they were, mended they go in again;
# what cannot be loaded is said, and nothing is lost.

use strict;
use warnings;

use ContactImport;
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('main');

# Separator, quotes, ends of lines, byte order mark and encoding are found out.
my $people = "E-Mail;First Name;Birthday\r\nann\@example.com;\"An;n\";2001-02-03\r\n\r\nz\xFCrs\@example.com;J\xFCrg;\r\n";
my ($status, $out, $err) = run_import('--yes', write_file('people.csv', $people));
is($status, 2 * 0, 'a file with semicolons in Windows-1252');
like($out, qr/separator ;, Windows-1252, for it is not UTF-8; --encoding names another one/, 'says what was found out');
like($out, qr/E-Mail +email_address +ann\@example\.com \| /, 'and what the columns are, with examples');
like($out, qr/Import \d+: 2 rows in .*: \d+ created, 0 updated, 0 unchanged, \d bad\./, 'and what became of it');
like(contacts($node, q(WHERE email_address LIKE 'ann%')), qr/^ann\@example\.com\|\{.*"first_name": "An;n"/, 'the contact');
is($err, '', 'standard error has nothing');
is(staging_tables($node), 0, 'the staging table is gone');
$node->safe_psql('postgres', 'DELETE FROM contacts.contact');

# The same file again, and from standard input.
my $file = write_file('again.csv', "email,First Name\nann\@example.com,Ann\nbad,Bad\n");
($status, $out) = run_import('--yes', $file);
is($status, 3, 'a file with a bad row: exit status 3');
like($out, qr/line 3, email "bad": .*not valid/, 'says the line, the column, the cell and the reason');
($status, $out) = run_import('--yes', $file);
is($status, 3, 'again: the exit status is the same');
like($out, qr/has loaded this file already\. --restart loads it again, --retry the bad rows\./, 'and says that it did nothing');
($status, $out) = run_import('--yes', '--restart', $file);
like($out, qr/2 rows in .*: 0 created, 0 updated, 1 unchanged, 1 bad/, '--restart loads it again');
($status, $out, $err) = run_import({ in => "email,First Name\nbob\@example.com,Bob\n" }, '--yes', '--stdin');
is("$status$err", '0', 'standard input');
is(contacts($node, q(WHERE email_address LIKE 'bob%')), 'bob@example.com|{"first_name": "Bob"}|', 'is loaded');
my $pipe = PostgreSQL::Test::Utils::tempdir() . '/pipe';
POSIX::mkfifo($pipe, 0600) or die "mkfifo: $!";
my $run = start_import({}, '--yes', $pipe);
open my $in, '>', $pipe or die "$pipe: $!";
print $in "email,First Name\ncat\@example.com,Cat\n";
close $in;
is(wait_import($run), 0, 'a pipe with a name');
is(contacts($node, q(WHERE email_address LIKE 'cat%')), 'cat@example.com|{"first_name": "Cat"}|', 'is loaded');

# A dry run writes nothing.
my $before = $node->safe_psql('postgres', 'SELECT count(*), max(version) FROM contacts.contact');
($status, $out) = run_import('--dry-run', write_file('dry.csv', "email,First Name\nann\@example.com,Anna\ndan\@example.com,Dan\nbad,x\n"));
is($status, 3, 'a dry run of a file with a bad row');
like($out, qr/3 rows: 1 would be created, 1 would be updated, 0 unchanged, 1 bad\.\n  line 4, email "bad"/, 'says what would be done');
is($node->safe_psql('postgres', 'SELECT count(*), max(version) FROM contacts.contact'), $before, 'and does nothing');
is(staging_tables($node), 0, 'and leaves no table');

# Bad rows, as they were.
my $mixed = "\xEF\xBB\xBFEmail;First Name;Age\r\nann\@example.com;Anne;3\r\nno address;\"x;\"\"y\"\"\";4\r\nbob\@example.com;Bob\r\n"
	. "cat\@example.com;Cat;old\r\ndan\@example.com;D\x{FF}n;5\r\neve\@example.com;E\0e;6\r\n"
	. "\"fay\@example.com\";\"Fay\r\nRay\";7\r\n\xC3\xA9\xC3\xA9;\xC3\xA9;8";
my $reject = PostgreSQL::Test::Utils::tempdir() . '/reject.csv';
($status, $out) = run_import('--yes', '--reject', $reject, write_file('mixed.csv', $mixed));
is($status, 3, 'a file with bad rows of many kinds');
like($out, qr/reject\.csv has 6 bad rows/, 'says how many it has written');
my $rejected = slurp_file($reject);
my @lines = split /(?<=\r\n)/, $rejected;
is($lines[0], "\xEF\xBB\xBFEmail;First Name;Age;contact_import_column;contact_import_reason\r\n", 'the header, with two columns behind');
like($lines[1], qr/^no address;"x;""y""";4;"Email";"The email address you provided is not valid\..*"\r\n$/, 'a row that the server refused, in its own bytes');
is($lines[2], qq(bob\@example.com;Bob;"";"Line 4 has 2 cells, and the header has 3."\r\n), 'a ragged row');
like($lines[3], qr/^cat\@example\.com;Cat;old;"Age";".+"\r\n$/, 'a cell that is no number');
is($lines[4], qq(dan\@example.com;D\xFFn;5;"";"Line 6 has bytes that are not UTF-8."\r\n), 'bytes of another encoding');
is($lines[5], qq(eve\@example.com;E\0e;6;"";"Line 7 has a NUL byte."\r\n), 'a NUL byte');
like($lines[6], qr/^\xC3\xA9\xC3\xA9;\xC3\xA9;8;"Email";".*"\r\n$/, 'a last line without an end');
is(scalar @lines, 7, 'and no other');
is(contacts($node, q(WHERE data ? 'age')), "ann\@example.com|{\"age\": 3, \"first_name\": \"Anne\"}|\nfay\@example.com|{\"age\": 7, \"first_name\": \"Fay\\r\\nRay\"}|", 'the good rows are loaded');

# Unmended they are bad again, for the same reasons; mended they are loaded.
my $again = PostgreSQL::Test::Utils::tempdir() . '/again.csv';
($status) = run_import('--yes', '--reject', $again, $reject);
is($status, 3, 'the bad rows, unmended');
my $first = slurp_file($again);
is(scalar(() = $first =~ /\r\n/g), 7, 'are bad again');
is((split /(?<=\r\n)/, $first)[1], $lines[1], 'with one pair of reasons');
s/^no address/gus\@example.com/, s/^(bob\@example.com;Bob)/$1;9/, s/;old;/;10;/, s/\xFF/a/, s/\0/v/, s/^\xC3\xA9\xC3\xA9/hal\@example.com/ for @lines;
($status, $out) = run_import('--yes', '--reject', $again, write_file('mended.csv', join '', @lines));
is($status, 0, 'mended');
like($out, qr/again\.csv has 0 bad rows/, 'no row is bad');
is(slurp_file($again), $lines[0], 'a reject file without rows has the header');
is($node->safe_psql('postgres', q(SELECT string_agg(email_address || (data ->> 'age'), ',' ORDER BY email_address) FROM contacts.contact WHERE data ? 'age')),
	'ann@example.com3,bob@example.com9,cat@example.com10,dan@example.com5,eve@example.com6,fay@example.com7,gus@example.com4,hal@example.com8', 'all are loaded');

# What is wrong with many rows is said once for each kind, most frequent first, and for no more than ten kinds.
my @numbers = map { "number_$_" } 1 .. 12;
$node->safe_psql('postgres', join ';', map { "SELECT contacts.define_field('$_', '$_', 'NUMBER')" } @numbers);
my $kinds = join(',', 'email', @numbers) . "\n";
for my $kind (1 .. 12)
{
	$kinds .= "kind$kind\@example.com" . ',' x $kind . 'x' . ',' x (12 - $kind) . "\n" for 1 .. ($kind == 7 ? 3 : 1);
}
($status, $out) = run_import('--yes', write_file('kinds.csv', $kinds));
is($status, 3, 'a file with rows that are bad in twelve ways');
my @said = grep { /^  / } $out =~ /14 bad\.\n(.*)/s ? split /(?<=\n)/, $1 : ();
like($said[0], qr/^  line 8 and 2 more, number_7 "x": /, 'the way in which most of them are bad comes first');
like($said[1], qr/^  line 2, number_1 "x": /, 'then the others, in the order of the file');
is(scalar(@said), 11, 'ten of them are said');
is($said[10], "  ... and 2 other things\n", 'and how many are not');

# A file that is not ASCII in its smallest pieces.
my $wide = join '', map { pack 'v', ord } split //, "\x{FEFF}email\tFirst Name\r\nivy\@example.com\tIv\x{FC}\r\nbad\tx\r\n";
($status, $out) = run_import('--yes', '--reject', $reject, write_file('wide.txt', $wide));
like($out, qr/separator tab, UTF-16LE, by its byte order mark/, 'a file in UTF-16');
is(contacts($node, q(WHERE email_address LIKE 'ivy%')), qq(ivy\@example.com|{"first_name": "Iv\xC3\xBC"}|), 'is loaded');
like(slurp_file($reject), qr/^\xFF\xFEe\0m\0.*\r\0\n\0b\0a\0d\0\t\0x\0\t\0"\0e\0m\0/s, 'and its bad rows are written in UTF-16');

# Options.
my $events = $node->safe_psql('postgres', 'SELECT count(*) FROM contacts.event');
my $options = write_file('options.csv', "Mail,Name,Born,Labels,Shoe size\njon\@example.com,Jon,02/03/2001,vip|new,42\n");
($status, $out, $err) = run_import('--yes', '--column', 'Mail=email_address', '--column', 'Name=first_name', '--column', 'Born=birthday',
	'--column', 'Labels=add_tags', '--define', '--create-tags', '--date-format', 'DD/MM/YYYY', '--list-separator', '|', '--source', 'fair',
	'--chunk', '1', '--no-events', $options);
is("$status$err", '0', 'many options');
is($node->safe_psql('postgres', q(SELECT data ->> 'first_name', data ->> 'birthday', data ->> 'shoe_size',
	ARRAY(SELECT t.name FROM contacts.tag t WHERE t.tag_id = ANY (c.tags) ORDER BY 1) FROM contacts.contact c WHERE email_address = 'jon@example.com')),
	'Jon|2001-03-02|42|{new,vip}', 'do what they say');
is($node->safe_psql('postgres', q(SELECT DISTINCT h.source FROM contacts.history h JOIN contacts.contact c ON c.workspace_id = h.workspace_id AND c.id = h.contact_id WHERE c.email_address = 'jon@example.com')),
	'fair', '--source is in the history');
is($node->safe_psql('postgres', 'SELECT count(*) FROM contacts.event'), $events, '--no-events raises none');
($status, $out) = run_import('--yes', '--blank', 'clear', write_file('clear.csv', "email,First Name\njon\@example.com,\n"));
like($out, qr/Of what was there, 1 value cleared/, '--blank clear says what is lost');
is($node->safe_psql('postgres', q(SELECT data ? 'first_name' FROM contacts.contact WHERE email_address = 'jon@example.com')), 'f', 'and clears it');
($status, $out) = run_import('--yes', '--mode', 'create', write_file('mode.csv', "email,First Name\njon\@example.com,Jonny\nkim\@example.com,Kim\n"));
like($out, qr/1 created, 0 updated, 0 unchanged, 1 skipped, 0 bad/, '--mode create');
is((run_import('--yes', '--quiet', write_file('quiet.csv', "email,First Name\nkim\@example.com,Kimmy\n")))[1], '', '--quiet shows nothing');
{
	my ($code, $shown, $said) = run_import('--yes', '--quiet', write_file('bad.csv', "email,First Name\nkim\@example.com,Kim\nkim,Kim\na,b,c\n"));

	is("$code$shown", '3', '--quiet with bad rows ends with 3');
	like($said, qr/\Acontact-import: \S*bad\.csv: 2 of 3 rows are bad\. --reject FILE writes them, and why\.\n\z/, '... and says how many they are, and nothing else');
}
($status, $out) = run_import('--yes', '--separator', 'tab', '--encoding', 'koi8-r', write_file('koi.csv', "email\tFirst Name\nlev\@example.com\t\xEC\xC5\xD7\n"));
is(contacts($node, q(WHERE email_address LIKE 'lev%')), qq(lev\@example.com|{"first_name": "\xD0\x9B\xD0\xB5\xD0\xB2"}|), '--encoding and --separator');

# What the server says of the parameters of contacts.import(), the program says of its options.
($status, $out) = run_import('--yes', '--reject', $reject, write_file('hints.csv', "email,Birthday,Tags\nkim\@example.com,02/03/2001,vip\nkim\@example.com,,VIPP\n"));
is($status, 3, 'cells that an option would help with');
for ([ $out, 'the output' ], [ slurp_file($reject), 'the reject file' ])
{
	my ($text, $name) = @$_;
	like($text, qr/--date-format 'DD\/MM\/YYYY'/, "$name speaks of --date-format");
	like($text, qr/--create-tags/, "$name speaks of --create-tags");
	unlike($text, qr/=>/, "$name speaks of no parameter");
}

# Names that no table can have.
my $long = 'x' x 100;
($status, $out, $err) = run_import('--yes', '--column', "$long=first_name", '--column', 'ctid=last_name',
	write_file('names.csv', "email,$long,ctid\nmia\@example.com,Mia,M\n"));
is("$status$err", '0', 'a name of 100 letters and one of a system column');
is(contacts($node, q(WHERE email_address LIKE 'mia%')), 'mia@example.com|{"last_name": "M", "first_name": "Mia"}|', 'are loaded');

# A cell of 10 MiB is a bad row or a contact, not the end.
my $huge = 'x' x (10 * 1024 * 1024);
($status, $out, $err) = run_import('--yes', write_file('huge.csv', "email,First Name\nned\@example.com,$huge\nola\@example.com,Ola\n"));
like($status, qr/^[03]$/, 'a cell of 10 MiB');
is(contacts($node, q(WHERE email_address LIKE 'ola%')), 'ola@example.com|{"first_name": "Ola"}|', 'the row behind it is loaded');

# The last row for an address wins, as in the file.
run_import('--yes', write_file('order.csv', "email,First Name\n" . join('', map { "pat\@example.com,Pat$_\n" } 1 .. 3000)));
is(contacts($node, q(WHERE email_address LIKE 'pat%')), 'pat@example.com|{"first_name": "Pat3000"}|', 'the rows go in the order of the file');

# A file without rows.
($status, $out) = run_import('--yes', write_file('header.csv', "email,First Name\n"));
is($status, 0, 'a header alone: exit status 0');
like($out, qr/has no rows/, 'and says so');

# --list and --undo.
$node->safe_psql('postgres', 'DELETE FROM contacts.contact');
($status, $out) = run_import('--yes', write_file('undo.csv', "email,First Name\nqi\@example.com,Qi\n"));
my ($id) = $out =~ /contact-import --undo (\d+)/;
ok($id, 'it says how to take it back');
($status, $out) = run_import('--list');
like($out, qr/^  $id +public\.contact_import_undo_csv_[0-9a-f]{8} +finished +1 +1 +1 +0 +0 /m, '--list');
($status, $out) = run_import('--undo', $id, '--dry-run');
is($status, 0, '--undo --dry-run');
isnt(contacts($node), '', 'undoes nothing');
($status, $out) = run_import('--undo', $id, '--dry-run', '--yes');
is($status, 0, 'with --yes as well');
isnt(contacts($node), '', 'nothing either');
($status, $out) = run_import('--undo', $id, '--yes');
is($status, 0, '--undo --yes');
is(contacts($node), '', 'takes it back');

# A member needs CREATE on a schema, and no more than contacts.grant_access gives.
$node->safe_psql('postgres', q(CREATE ROLE app LOGIN; SELECT contacts.grant_access('app', workspace_id => 1); CREATE SCHEMA own AUTHORIZATION app));
my $app = $node->connstr('postgres') . ' user=app';
($status, $out, $err) = run_import({ dbname => $app }, '--yes', '--schema', 'own', $file);
is($status, 3, 'a member with a schema');
like($out, qr/1 created, 0 updated, 0 unchanged, 1 bad/, 'loads a file');
($status, undef, $err) = run_import({ dbname => $app }, '--yes', '--schema', 'public', write_file('member.csv', "email\nx\@example.com\n"));
is($status, 4, 'a member without the right to create a table');
like($err, qr/permission denied for schema public\n.*--schema/s, 'is told what helps');

done_testing();
