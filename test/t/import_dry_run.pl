# A dry run of contacts.import() counts what the import then does, whatever is in the file; it takes a few statements a chunk and not
# some for each row; and it leaves contacts, events, history, fields and tags as they are. SEED=n repeats a run.

use strict;
use warnings;
use utf8;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{SEED} // time;
srand($seed);
diag("SEED=$seed");

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding', 'UTF8', '--locale', 'C.UTF-8' ]);
$node->append_conf('postgresql.conf', "fsync = off\nshared_preload_libraries = 'pg_stat_statements'\npg_stat_statements.track = all");
$node->start;
$node->safe_psql('postgres', q(
	CREATE EXTENSION pg_stat_statements;
	CREATE EXTENSION contact_upsert;
	SELECT contacts.install();
	SELECT contacts.define_field('name', 'Name', tracked => true), contacts.define_field('age', 'Age', 'NUMBER'), contacts.define_field('seen', 'Seen', 'DATE'),
		contacts.define_field('size', 'Size', 'DROPDOWN_SINGLE', ARRAY['S', 'M'], '"M"'), contacts.define_field('likes', 'Likes', 'DROPDOWN_MULTIPLE', ARRAY['tea', 'wine', 'war']),
		contacts.define_field('need', 'Need', required => true), contacts.define_tag('vip'), contacts.define_tag('old');
	SELECT contacts.subscribe('mailer');
));

sub query { return $node->safe_psql('postgres', $_[0]) }
sub pick { return $_[ rand @_ ] }

# Cells good and bad, blank ones, and values that are there already.
my %cells = (
	status => [ '', '', 'active', 'UNSUBSCRIBED', 'cleaned', 'perhaps' ],
	tags => [ '', '', 'vip', 'vip,old', 'new1', 'new1,NEW2', 'old,"a, b"', '"' ],
	add_tags => [ '', '', 'old', 'new3' ],
	name => [ '', ' ', 'Ann', 'Bob ', 'x' x 300 ],
	age => [ '', '1', '1,234.50', '2', 'many', '-0.0' ],
	seen => [ '', '2024-02-29', '2024-02-30', '2024-02-29 10:00' ],
	size => [ '', 's', 'M', 'XL' ],
	likes => [ '', 'tea', 'tea,wine', '{war}', '["tea"]', 'beer' ],
	need => [ '', 'x', 'x', 'y' ],
	created_at => [ '', '', '2020-01-01', '2999-01-01' ],
	'Shoe Size' => [ '', '', '42', '43' ],
);
my @columns = sort keys %cells;

sub cell { my ($text) = @_; return $text eq '' && rand() < 0.5 ? 'NULL' : "'" . $text =~ s/'/''/gr . "'" }

sub make_table
{
	my ($name, $rows, $addresses) = @_;
	my @values = map {
		my $address = pick(map { "c$_\@example.com" } 1 .. $addresses);
		$address = pick('', 'no address', uc $address, "Ann <$address>", "mailto:$address") if rand() < 0.2;
		'(' . join(', ', map { cell($_) } $address, map { pick(@{ $cells{$_} }) } @columns) . ')'
	} 1 .. $rows;
	return "CREATE TABLE $name (email text, " . join(', ', map { qq("$_" text) } @columns) . "); INSERT INTO $name VALUES " . join(', ', @values) . ';';
}

my $counts = q(created, updated, unchanged, skipped, failed, values_cleared, tags_removed, statuses_changed);
my $all = q(SELECT (SELECT count(*) || ' ' || coalesce(sum(version), 0) || ' ' || coalesce(md5(string_agg(c::text, '' ORDER BY id)), '') FROM contacts.contact c),
	(SELECT count(*) FROM contacts.event), (SELECT count(*) FROM contacts.history), (SELECT count(*) FROM contacts.field), (SELECT count(*) FROM contacts.tag),
	(SELECT count(*) FROM contacts.suppression), (SELECT string_agg(definitions_version::text, '') FROM contacts.workspace));

for my $round (1 .. 12)
{
	my $rows = pick(3, 40, 700);
	my $table = "file_$round";
	query(make_table($table, $rows, pick(2, 20, 500)));
	query("SELECT contacts.define_workspace('default', status_policy => '" . pick('api', 'guarded') . "')");
	query('DELETE FROM contacts.contact WHERE random() < 0.2');
	my $mode = pick(qw(upsert upsert create update fill));
	my $replaces = rand() < 0.3;
	my $parameters = join ', ', "mode => '$mode'", 'partial_update => ' . ($replaces ? 'false' : 'true'), $replaces ? () : "blank => '" . pick('keep', 'clear') . "'",
		'create_tags => ' . pick('true', 'false'), q(unknown => ') . pick('ignore', 'define') . q(');
	my $before = query($all);
	query("CALL contacts.import('$table', dry_run => true, $parameters)");
	is(query($all), $before, "round $round: a dry run of $rows rows with $parameters leaves all as it is");
	my $tried = query("SELECT $counts FROM contacts.import_progress WHERE state = 'tried' ORDER BY import_id DESC LIMIT 1");
	my $errors = q(SELECT string_agg(concat_ws(' ', row_number, error_number, "column", value, code, message), E'\n' ORDER BY row_number, error_number)
		FROM contacts.import_error WHERE import_id = (SELECT max(import_id) FROM contacts.import_progress));
	my $tried_errors = query($errors);
	query("CALL contacts.import('$table', $parameters)");
	is($tried, query("SELECT $counts FROM contacts.import_progress WHERE state = 'finished' ORDER BY import_id DESC LIMIT 1"), 'counts what the import does');
	is($tried_errors, query($errors), 'and has its errors');
}

# Statements: as many for a chunk of 1,000 rows as for one of 250, give or take those of more batches.
query(q(CREATE TABLE good AS SELECT 'g' || i || '@example.com' AS email, i AS age, 'x' AS need FROM generate_series(1, 4000) i;
	CREATE TABLE bad AS SELECT 'b' || i || '@example.com' AS email, 'many' AS age, '2999-01-01' AS created_at FROM generate_series(1, 4000) i));
for my $table (qw(good bad))
{
	query('SELECT pg_stat_statements_reset()');
	query("CALL contacts.import('$table', dry_run => true)");
	# but for what the foreign key of each error asks
	my $calls = query(q(SELECT sum(calls) FROM pg_stat_statements WHERE query !~ 'FOR KEY SHARE OF x'));
	cmp_ok($calls, '<', 600, "a dry run of 4,000 $table rows takes $calls statements");
	is(query(q(SELECT coalesce(string_agg(query, E'\n'), '') FROM pg_stat_statements WHERE query ~* '^\\s*(insert into|update|delete from)\\s+contacts\\.(contact|event|history|tag|field)\\y')), '',
		'of which none writes a contact, an event, history or a definition');
}
done_testing();
