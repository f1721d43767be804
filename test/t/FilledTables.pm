# Tables with rows of every kind, for tests that take them to another version or another PostgreSQL, and whether all of them arrive. Which
# tables there are is asked of the catalogue: a new one is compared too, and fill() fails a test until it leaves a row in it.
#
# differences() says in what two lists of texts differ.
#
# fill() runs on older versions of the extension, too: what a later one brings is to be asked for there before it is used.
package FilledTables;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(differences);

# What the database is about: workspaces, one of them deleted; fields of each type; tags; consumers of one workspace and of all.
my $definitions = q(
	SELECT contacts.define_workspace('default', 'guarded', 'all'), contacts.define_workspace('second'), contacts.define_workspace('closed');
	DELETE FROM contacts.workspace WHERE name = 'closed';
	SELECT contacts.define_field('name', 'Name', tracked => true), contacts.define_field('born', 'Born', 'DATE'),
		contacts.define_field('size', 'Size', 'DROPDOWN_SINGLE', ARRAY['S', 'L'], tracked => true),
		contacts.define_field('likes', 'Likes', 'DROPDOWN_MULTIPLE', ARRAY['tea', 'coffee']), contacts.define_field('points', 'Points', 'NUMBER'),
		contacts.define_field('paid', 'Paid', 'BOOLEAN', default_value => 'false'), contacts.define_field('country', 'Country', 'COUNTRY'),
		contacts.define_field('size', 'Their size', required => true, workspace_id => 2);
	SELECT contacts.define_tag('vip', 'Very important'), contacts.define_tag('theirs', workspace_id => 2);
	SELECT contacts.subscribe('mailer', max_attempts => 3), contacts.subscribe('hasty', max_attempts => 1),
		contacts.subscribe('tagger', ARRAY['TAG_ADDED']::contacts.event_type[], workspace_id => 2),
		contacts.subscribe('everywhere', workspace_id => 0), contacts.subscribe('paused');
	UPDATE contacts.consumer SET active = false WHERE name = 'paused');

# 500 contacts of version 2, and what calls leave behind: counters, evidence, suppressions, an address that was changed, a merge.
my $contacts = q(
	SELECT count(*) FROM generate_series(1, 500) i, contact_upsert(jsonb_build_object('email_address', 'contact' || i || '@example.com',
		'status', CASE i % 3 WHEN 0 THEN 'UNCONFIRMED' ELSE 'SUBSCRIBED' END, 'tags', '["vip"]'::jsonb,
		'fields', jsonb_build_object('size', 'S', 'born', '2001-02-03', 'likes', '["tea", "coffee"]'::jsonb, 'points', i / 8.0, 'country', 'DE')));
	SELECT count(*) FROM generate_series(1, 500) i, contact_upsert(jsonb_build_object('email_address', 'contact' || i || '@example.com',
		'partial_update', true, 'fields', jsonb_build_object('size', 'L')));
	SELECT count(contacts.upsert(jsonb_build_object('email_address', 'contact' || i || '@example.com', 'tags', '["theirs"]'::jsonb,
		'fields', '{"size":"any"}'::jsonb), workspace_id => 2)) FROM generate_series(1, 20) i;
	SELECT count(contacts.record(c.id, 'total_opens', 3, workspace_id => 1)) FROM contacts.contact c WHERE c.workspace_id = 1 AND c.id < '8';
	SELECT contacts.record(c.id, 'total_bounces', workspace_id => 2) FROM contacts.contact c WHERE c.workspace_id = 2 LIMIT 1;
	SELECT contact_upsert('{"email_address":"agreed@example.com","source":"form","evidence":{"ip":"192.0.2.7","text":"I agree — yes"}}');
	SELECT count(contact_upsert(jsonb_build_object('email_address', name || '@example.com', 'status', 'UNSUBSCRIBED')))
		FROM unnest(ARRAY['gone', 'erased', 'former', 'duplicate']) name;
	DELETE FROM contacts.contact WHERE email_address = 'gone@example.com';
	SELECT contacts.erase('erased@example.com', suppress => true), contacts.change_address('former@example.com', 'present@example.com'),
		contacts.merge('duplicate@example.com', 'agreed@example.com') IS NOT NULL);

# Events that are claimed, failed and dead, behind those that wait.
my $deliveries = q(
	SELECT contacts.fail('mailer', c.lease, c.event_id, 'later') FROM contacts.claim('mailer', 1) c;
	SELECT contacts.fail('hasty', c.lease, c.event_id, 'never') FROM contacts.claim('hasty', 1) c;
	SELECT contacts.ack('hasty', c.lease, ARRAY[c.event_id]) FROM contacts.claim('hasty', 1) c;
	SELECT count(*) FROM contacts.claim('hasty', 5, '1 day'));

# Imports: whole but for a bad row, tried, taken back but for a contact that has changed since, and interrupted behind its first chunk; a view.
my $imports = q(
	CREATE SCHEMA app;
	CREATE TABLE app.staging AS SELECT 'staged' || i || '@example.com' AS email_address, i AS points FROM generate_series(1, 50) i
		UNION ALL SELECT 'nobody', 0;
	CALL contacts.import('app.staging', dry_run => true);
	CALL contacts.import('app.staging');
	CREATE TABLE app.mistaken AS SELECT 'mistaken' || i || '@example.com' AS email_address FROM generate_series(1, 5) i;
	CALL contacts.import('app.mistaken');
	SELECT contact_upsert('{"email_address":"mistaken2@example.com","fields":{"name":"No mistake"}}');
	SELECT import_id FROM contacts.import_progress WHERE staging_table = 'app.mistaken' \gset
	CALL contacts.undo_import(:import_id);
	CREATE TABLE app.interrupted AS SELECT 'interrupted' || i || '@example.com' AS email_address FROM generate_series(1, 3) i;
	CREATE FUNCTION app.accident() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'accident' USING ERRCODE = '58030'; END $$;
	CREATE TRIGGER accident BEFORE INSERT ON contacts.contact FOR EACH ROW
		WHEN (NEW.email_address = 'interrupted2@example.com') EXECUTE FUNCTION app.accident();
	SELECT contacts.create_import_view('app.people'));

# Lets roles in, which are there then. A fresh installation has the same privileges after it.
sub grant_roles
{
	my ($class, $node, $database) = @_;

	$node->safe_psql('postgres', "CREATE ROLE $_ LOGIN")
		for split /\n/, $node->safe_psql('postgres', q(SELECT name FROM unnest(ARRAY['member', 'monitor']) name WHERE to_regrole(name) IS NULL));
	$node->safe_psql($database, q(SELECT contacts.grant_access('member', 1), contacts.grant_monitoring('monitor')));
	return;
}

# Fills the tables of a database, which install() has just made; returns what is in them.
sub fill
{
	my ($class, $node, $database) = @_;

	$class->grant_roles($node, $database);
	$node->safe_psql($database, $_) for $definitions, $contacts, $deliveries, $imports;
	my ($status, $out, $err) = $node->psql($database, q(CALL contacts.import('app.interrupted', chunk => 1)), on_error_stop => 1);
	like($err, qr/accident/, "$database: an import was interrupted");
	$node->safe_psql($database, 'DROP TRIGGER accident ON contacts.contact');
	my $self = $class->look($node, $database);
	is(join(' ', grep { !%{ $self->{rows}{$_} } } sort keys %{ $self->{rows} }), '', "$database: fill() leaves no table empty");
	return $self;
}

# Returns what is in a database: the columns of each table, its rows, and where the sequences are.
sub look
{
	my ($class, $node, $database) = @_;
	my %columns;

	for (split /\n/, $node->safe_psql($database, q(
			SELECT format('%I.%I', n.nspname, c.relname), quote_ident(a.attname)
			FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid JOIN pg_attribute a ON a.attrelid = c.oid
			WHERE n.nspname IN ('contacts', 'contacts_internal') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
				AND a.attnum > 0 AND NOT a.attisdropped
			ORDER BY 1, a.attnum)))
	{
		my ($table, $column) = split /\|/;
		push @{ $columns{$table} }, $column;
	}
	my $self = bless { columns => \%columns }, $class;
	$self->{rows} = $self->rows($node, $database);
	$self->{sequences} = sequences($node, $database);
	return $self;
}

# The rows of the tables and columns that were looked at, without what belongs to certain contacts: how often each is there, by table.
sub rows
{
	my ($self, $node, $database, @but_of_contacts) = @_;
	my %rows = map { $_ => {} } keys %{ $self->{columns} };
	my @queries;

	while (my ($table, $columns) = each %{ $self->{columns} })
	{
		my ($contact) = grep { $_ eq ($table eq 'contacts.contact' ? 'id' : 'contact_id') } @$columns;
		my $but = $contact ? sprintf q(WHERE t.%s <> ALL ('{%s}'::text[])), $contact, join ',', @but_of_contacts : '';
		push @queries, sprintf q(SELECT '%s', ROW(%s)::text FROM %s t %s), $table, join(', ', map { "t.$_" } @$columns), $table, $but;
	}
	for (split /\n/, $node->safe_psql($database, join ' UNION ALL ', @queries))
	{
		my ($table, $row) = split /\|/, $_, 2;
		$rows{$table}{$row}++;
	}
	return \%rows;
}

sub sequences
{
	my ($node, $database) = @_;
	return { map { split /\|/ } split /\n/, $node->safe_psql($database,
		q(SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'contacts' AND last_value IS NOT NULL)) };
}

# Tests that a database has every row that was there, as it was, and no other but those that belong to certain contacts; and that no
# sequence is behind where it was.
sub is_all_in
{
	my ($self, $node, $database, @but_of_contacts) = @_;
	my $now = $self->rows($node, $database, @but_of_contacts);
	my $sequences = sequences($node, $database);
	my @differences;

	for my $table (sort keys %{ $self->{rows} })
	{
		my ($before, $after) = ($self->{rows}{$table}, $now->{$table});
		my @lost = map { "lost from $table: $_" } sort grep { ($after->{$_} // 0) < $before->{$_} } keys %$before;
		my @new = map { "new in $table: $_" } sort grep { ($before->{$_} // 0) < $after->{$_} } keys %$after;
		push @differences, grep { defined } @lost[ 0 .. 2 ], @new[ 0 .. 2 ];
	}
	is(join("\n", @differences), '', "$database: every row of every table is there, as it was, and no other");
	is(join(' ', grep { ($sequences->{$_} // 0) < $self->{sequences}{$_} } sort keys %{ $self->{sequences} }), '', 'no sequence has gone back');
	return;
}

# What is in one of two lists of texts alone; an empty text where both have the same, in whatever order.
sub differences
{
	my ($got, $expected) = @_;
	my %count;

	$count{$_}++ for @$got;
	$count{$_}-- for @$expected;
	return join '', map { ($count{$_} > 0 ? 'more: ' : 'less: ') . $_ } grep { $count{$_} } sort keys %count;
}

1;
