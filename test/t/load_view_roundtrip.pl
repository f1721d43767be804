# What an import view writes to a file changes nothing when it is loaded again, whatever the contacts hold: values that were stored
# past the functions, options and tags that are gone by now, any text. SEED=n repeats a run.

use strict;
use warnings;
use utf8;

use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use RandomContacts qw(chance pick literal random_workspace define_contacts change_definitions);

my $seed = $ENV{SEED} // time;
srand($seed);
diag("SEED=$seed");

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding', 'UTF8', '--locale', 'C.UTF-8' ]);
$node->append_conf('postgresql.conf', "fsync = off");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION contact_upsert; SELECT contacts.install()');

# Texts that mean something to JSON, COPY, CSV or SQL.
my @odd = ('', ' ', "\t", 'NULL', '\N', '{}', '{NULL}', '"', '\\', "a,b;\"c\" 'd'", "two\nlines\r\n", "\\.", 'true', '1e3', '2024-02-29', '[]', 'ä漢🙂',
	"\x{feff}x", 'x' x 70_000);
my @values = ('null', 'true', '0', '-1.50', '1e300', '12345678901234567890.000000000000000000001', '[]', '{}', '[""]', '["a",null]', '["a",1]', '["a",["b"]]',
	'[" a ","a","a"]', '[1]', '{"a":[1]}', '""', '"t"', '" red"', '"2024-02-30"', '"de"');

sub json_text { my ($text) = @_; return '"' . $text =~ s/(["\\])/\\$1/gr =~ s/([\x00-\x1f])/sprintf '\\u%04x', ord $1/ger . '"' }

for my $id (1 .. 12)
{
	my ($workspace, $sql) = random_workspace($id);
	$sql .= define_contacts($workspace) . change_definitions($workspace);
	# more contacts, with values that no request could have stored
	for my $n (1 .. 40)
	{
		my %data = map { $_ => chance(0.5) ? json_text(pick(@odd)) : pick(@values) } grep { chance(0.6) } keys %{ $workspace->{fields} };
		my @tags = grep { chance(0.3) } keys %{ $workspace->{tags} }, 999_998;
		$sql .= sprintf "INSERT INTO contacts.contact (workspace_id, email_address, status, tags, data) VALUES (%d, 'odd%d\@example.com', '%s', '{%s}', %s);\n",
			$id, $n, pick(qw(SUBSCRIBED UNSUBSCRIBED UNCONFIRMED CLEANED COMPLAINED)), join(',', sort { $a <=> $b } @tags),
			literal('{' . join(',', map { json_text($_) . ':' . $data{$_} } sort keys %data) . '}');
	}
	my $format = pick('csv', 'text', 'binary');
	my $file = $node->basedir . "/roundtrip_$id";
	# a contact that the tables do not take is not there
	$sql =~ s/^(INSERT INTO contacts\.contact \(.*);$/DO \$do\$ BEGIN $1; EXCEPTION WHEN check_violation THEN END \$do\$;/mg;
	my $create_tags = pick('true', 'false');
	# columns may be called otherwise, and say more
	my $columns = pick('NULL', q('{"E-Mail": "email_address", "Joined": "created_at", "Skip": null, "More": "add_tags"}'));
	$sql .= "SELECT contacts.create_import_view('view_$id', create_tags => $create_tags, columns => $columns, workspace_id => $id);\n";
	$sql .= "CREATE TABLE before_$id AS SELECT * FROM contacts.contact WHERE workspace_id = $id;\n";
	utf8::encode($sql);
	my ($status, $out, $err) = $node->psql('postgres', $sql, on_error_stop => 0);
	unlike($err, qr/ERROR/, "workspace $id is there");
	my $contacts = $node->safe_psql('postgres', "SELECT count(*) FROM before_$id");
	($status, $out, $err) = $node->psql('postgres', qq(
		COPY (SELECT * FROM view_$id) TO '$file' (FORMAT $format, ENCODING 'UTF8');
		COPY view_$id FROM '$file' (FORMAT $format, ENCODING 'UTF8');));
	is($err, '', "workspace $id: what was written as $format is read again, $contacts contacts");
	is($node->safe_psql('postgres', qq(
		SELECT count(*), string_agg(format('%s %s => %s, %s => %s', b.email_address, b.data, c.data, b.tags, c.tags), '; ')
		FROM before_$id b FULL JOIN (SELECT * FROM contacts.contact WHERE workspace_id = $id) c USING (id)
		WHERE b IS DISTINCT FROM c)), '0|', "workspace $id: and changes nothing");
	is($node->safe_psql('postgres', "SELECT count(*) FROM contacts.event WHERE workspace_id = $id"), '0', "workspace $id: nor raises an event");
}
done_testing();
