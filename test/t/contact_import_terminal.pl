# contact-import at a terminal, through a pseudo-terminal: it shows what it would do, asks, shows how far it is, and can be stopped.

use strict;
use warnings;

use ContactImport;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('main');
my $file = write_file('people.csv', "email;First Name;Age\nann\@example.com;Ann;3\nbob\@example.com;Bob;old\ncat\@example.com;Cat;\nbad;Dan;\n");
my $terminal;

# What it shows, and no for an answer.
$terminal = start_terminal($file);
$terminal->expect(qr/Load 2 rows\? \[y\/N\] /, 'a question');
like($terminal->{shown}, qr/separator ;/, 'before it: how the file is written');
like($terminal->{shown}, qr/column +becomes +examples\r\n +email +email_address +ann\@example\.com \| bob\@example\.com \| cat\@example\.com\r\n +First Name +first_name +Ann \| Bob \| Cat/,
	'what each column is, with three examples');
like($terminal->{shown}, qr/4 rows: 2 would be created, 0 would be updated, 0 unchanged, 2 bad\.\r\n +line 3, Age "old": .*\r\n +line 5, email "bad": /,
	'what would be done, and which rows are bad');
$terminal->answer("n\n");
is($terminal->finish, 6, 'no: exit status 6');
is(contacts($node), '', 'nothing is loaded');
is(staging_tables($node), 0, 'and no table is left');

$terminal = start_terminal($file);
$terminal->expect(qr/\[y\/N\] /, 'asked again');
$terminal->answer("\n");
is($terminal->finish, 6, 'an empty line is no');
is(contacts($node), '', 'nothing is loaded');

# Nothing in the file would be loaded: this is said before the question.
$terminal = start_terminal(write_file('bad.csv', "email;First Name\nbad;Dan\neve\@example.com\n"));
$terminal->expect(qr/Load 0 rows\? \[y\/N\] /, 'a file of bad rows');
like($terminal->{shown}, qr/1 bad\.\r\n +line 2, email "bad": .*\r\n1 row of the file cannot be taken apart; see --reject\.\r\nNo row would be loaded\.\r\nLoad 0 rows/,
	'what is bad, and that nothing would be loaded');
$terminal->answer("n\n");
is($terminal->finish, 6, 'no: exit status 6');
is(staging_tables($node), 0, 'no table is left');

# Ctrl-C, as a key.
$terminal = start_terminal($file);
$terminal->expect(qr/\[y\/N\] /, 'asked again');
$terminal->answer("\cC");
is($terminal->finish, 6, 'Ctrl-C at the question: exit status 6');
is(contacts($node), '', 'nothing is loaded');
is(staging_tables($node), 0, 'and no table is left');

# Yes.
$terminal = start_terminal($file);
$terminal->expect(qr/\[y\/N\] /, 'asked again');
$terminal->answer("y\n");
is($terminal->finish, 3, 'yes: exit status 3, for two rows are bad');
like($terminal->{shown}, qr/Import \d+: 4 rows in .*2 created.*Take it back: contact-import --undo/s, 'says what became of it');
is(contacts($node), qq(ann\@example.com|{"age": 3, "first_name": "Ann"}|\ncat\@example.com|{"first_name": "Cat"}|), 'and has loaded them');

# The bad rows again, after the field has become another.
$terminal = start_terminal('--retry', $file);
$terminal->expect(qr/Try the bad rows of the last import of this file again\? \[y\/N\] /, '--retry asks, too');
$terminal->answer("y\n");
is($terminal->finish, 3, 'the rows are as bad as they were');

# Undoing.
my ($id) = $node->safe_psql('postgres', q(SELECT max(import_id) FROM contacts.import_progress WHERE state = 'finished'));
$terminal = start_terminal('--undo', $id);
$terminal->expect(qr/Undo import $id\? \[y\/N\] /, '--undo asks');
$terminal->answer("y\n");
is($terminal->finish, 0, 'and undoes');
is(contacts($node), '', 'the contacts are gone');

# An interrupted import, and --restart of a file that has changed since: no to it changes nothing, nor does a dry run.
$node->safe_psql('postgres', q(
	CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
	CREATE TRIGGER fail BEFORE INSERT ON contacts.contact FOR EACH ROW WHEN (new.email_address = 'c15@example.com') EXECUTE FUNCTION fail();
));
my $lines = "email,First Name\n" . join('', map { "c$_\@example.com,N$_\n" } 1 .. 20);
my $broken = write_file('broken.csv', $lines);
my @command = ('--chunk', 10, $broken);
is((run_import('--yes', @command))[0], 4, 'an import is interrupted');
my $table = q(SELECT c.oid, obj_description(c.oid) FROM pg_class c WHERE relname LIKE 'contact\_import\_%' AND relkind = 'r');
my $progress = q(SELECT import_id, state, done FROM contacts.import_progress WHERE state <> 'tried' ORDER BY started_at DESC, import_id DESC LIMIT 1);
my $kept = $node->safe_psql('postgres', $table);
my $stands = $node->safe_psql('postgres', $progress);
like($stands, qr/^\d+\|running\|10$/, 'after ten rows');
is((run_import('--dry-run', @command))[0], 4, 'a dry run of the same file is refused');
is($node->safe_psql('postgres', $table), $kept, 'and leaves its rows');
append_to_file($broken, "x\@example.com,X\n");
$terminal = start_terminal('--restart', @command);
$terminal->expect(qr/was interrupted: 10 of 20 rows are done\. Give it up, and begin anew\? \[y\/N\] /, '--restart asks');
is($node->safe_psql('postgres', $table), $kept, 'before it touches its rows');
$terminal->answer("n\n");
is($terminal->finish, 6, 'no: exit status 6');
my ($status, undef, $err) = run_import('--restart', '--dry-run', @command);
is($status, 4, 'a dry run of the file that has changed is refused');
like($err, qr/was interrupted with 10 of 20 rows done.*without --dry-run/s, 'and says why');
is($node->safe_psql('postgres', $table), $kept, 'the rows are there');
is($node->safe_psql('postgres', $progress), $stands, 'and the import is as it was');
$node->safe_psql('postgres', 'DROP TRIGGER fail ON contacts.contact');
truncate $broken, length $lines or die "truncate: $!";
$terminal = start_terminal(@command);
$terminal->expect(qr/10 of 20 rows are done\. Go on with the rest\? \[y\/N\] /, 'the command goes on');
$terminal->answer("y\n");
is($terminal->finish, 0, 'to the end');
is($node->safe_psql('postgres', 'SELECT count(*), max(version) FROM contacts.contact'), '20|1', 'each row is loaded once');
is(staging_tables($node), 0, 'and no table is left');

# A bar.
my $many = write_file('many.csv', "email,First Name\n" . join('', map { "c$_\@example.com,N$_\n" } 1 .. 30000));
$terminal = start_terminal('--yes', '--chunk', 200, $many);
is($terminal->finish, 0, 'a large file');
like($terminal->{shown}, qr/\r\e\[KLoading .*\d+%  [\d,]+ of 30,000 rows, [\d,]+\/s, \d+ s left/, 'how far it is: part, rows, rate, time left');
like($terminal->{shown}, qr/\r\e\[KImport/, 'and the bar is gone at the end');

done_testing();
