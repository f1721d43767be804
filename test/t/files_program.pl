# Each file of test/files/ is loaded as it is by contact-import --yes with at most two options; contacts, bad rows, counts, events and the
# reject file are compared with what the file's .json expects. docs/file-recipes.md has the same command.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use ContactFiles;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding', 'UTF8', '--locale', 'C.UTF-8' ]);
$node->append_conf('postgresql.conf', "fsync = off\ndatestyle = 'German, DMY'\ntimezone = 'Asia/Kolkata'");
$node->start;

my $counts = 'SELECT created, updated, unchanged, skipped, failed FROM contacts.import_progress ORDER BY import_id DESC LIMIT 1';

# The exit status of contact-import, and what it has written.
sub contact_import
{
	my ($database, @arguments) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'contact-import', '--yes', '--dbname', $node->connstr($database), @arguments ], '<', '/dev/null', '>', \$out, '2>', \$err,
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return ($? >> 8, "$out$err");
}

sub quoted { my ($word) = @_; return $word =~ m{^[\w./=:-]+$}a ? $word : "'$word'" }

my $recipes = slurp_file('docs/file-recipes.md');

for my $name (file_names())
{
	my $spec = read_spec($name);
	my $reject = "$ENV{TESTDATADIR}/$name.bad.csv";
	my $ragged = scalar @{ $spec->{ragged_lines} // [] };
	my $bad = (split /\|/, expected_counts($spec, without_blank_rows => 1))[4];
	make_database($node, $name, $spec);

	cmp_ok(option_count($spec), '<=', 2, "$name: at most two options");
	my $command = join ' ', 'contact-import', map { quoted($_) } program_options($spec), $spec->{path} =~ m{([^/]*)$};
	like($recipes, qr/^\Q$command\E$/m, "$name: the command is in the recipes");
	my ($exit, $said) = contact_import($name, '--reject', $reject, program_options($spec), $spec->{path});
	is($exit, $bad + $ragged ? 3 : 0, "$name: contact-import --yes loads it") or do { diag($said); next };
	is($node->safe_psql($name, $counts), expected_counts($spec, without_blank_rows => 1), "$name: counts") or diag($said);
	compare_contacts($node, $name, $spec, $name);
	compare_errors($node, $name, $spec, $name, without_blank_rows => 1);
	next unless $bad + $ragged;

	# Nobody has mended anything: the same rows are bad for the same reasons, and there are no others in it.
	($exit, $said) = contact_import($name, program_options($spec), $reject);
	is($exit, 3, "$name: the reject file can be loaded") or do { diag($said); next };
	is($node->safe_psql($name, $counts), "0|0|0|0|$bad", "$name: it has the bad rows alone") or diag($said);
	compare_errors($node, $name, $spec, "$name, the reject file", without_blank_rows => 1);
}
done_testing();
