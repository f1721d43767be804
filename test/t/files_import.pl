# Each file of test/files/ is loaded by contacts.import from a staging table of text columns, as psql makes it of the file, with at most two
# parameters of its own; contacts, bad rows, counts and events are compared with what the file's .json expects.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use ContactFiles;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding', 'UTF8', '--locale', 'C.UTF-8' ]);
# Settings that must not matter.
$node->append_conf('postgresql.conf', "fsync = off\ndatestyle = 'German, DMY'\ntimezone = 'Asia/Kolkata'");
$node->start;

my $progress = 'FROM contacts.import_progress ORDER BY import_id DESC LIMIT 1';

for my $name (file_names())
{
	my $spec = read_spec($name);
	my $arguments = Encode::encode('UTF-8', import_arguments($spec));
	cmp_ok(option_count($spec), '<=', 2, "$name: at most two options");
	make_database($node, $name, $spec);
	make_staging($node, $name, $spec);

	my $before = $node->safe_psql($name, 'SELECT coalesce(string_agg(c::text, $$;$$ ORDER BY id), $$none$$) FROM contacts.contact c');
	my ($status, $out, $err) = $node->psql($name, "CALL contacts.import('staging'$arguments, dry_run => true)");
	is($status, 0, "$name: a dry run") or do { diag($err); next };
	is($node->safe_psql($name, "SELECT created, updated, unchanged, skipped, failed $progress"), expected_counts($spec), "$name: says what will be");
	is($node->safe_psql($name, 'SELECT coalesce(string_agg(c::text, $$;$$ ORDER BY id), $$none$$) FROM contacts.contact c'), $before,
		"$name: and writes no contact");

	($status, $out, $err) = $node->psql($name, "CALL contacts.import('staging'$arguments)");
	is($status, 0, "$name: contacts.import loads it") or do { diag($err); next };
	is($node->safe_psql($name, "SELECT created, updated, unchanged, skipped, failed $progress"), expected_counts($spec), "$name: counts");
	compare_contacts($node, $name, $spec, $name);
	compare_errors($node, $name, $spec, $name, numbered => 1);
}
done_testing();
