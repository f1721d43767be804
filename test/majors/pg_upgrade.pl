# pg_upgrade from an older PostgreSQL, whose programs are in OLDER_BINDIR and which has this version of the extension, too: what was
# there is there, byte by byte of a dump; addresses are found, ids and events go on. make check-pg-upgrade runs it.

use strict;
use warnings;

use File::Basename qw(dirname);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FilledTables;

my $older_bindir = $ENV{OLDER_BINDIR} or die 'OLDER_BINDIR does not say where the older PostgreSQL is';
my $newer_bindir = qx("$ENV{PG_CONFIG}" --bindir);
chomp $newer_bindir;
my @initdb = (extra => [ '--data-checksums', '--encoding', 'UTF8', '--locale', 'C.UTF-8' ]);
my @databases = qw(plain parts);

my $old = PostgreSQL::Test::Cluster->new('old', install_path => dirname($older_bindir));
$old->init(@initdb);
$old->start;
my $new = PostgreSQL::Test::Cluster->new('new');
$new->init(@initdb);
cmp_ok($new->pg_version, '>', $old->pg_version, 'from ' . $old->pg_version . ' to ' . $new->pg_version);

# Everything in a database as text, by the newer pg_dump, without what says which server it came from.
sub dump_of
{
	my ($node, $database) = @_;
	my ($out, $err) = run_command([ "$newer_bindir/pg_dump", '-h', $node->host, '-p', $node->port, $database ]);

	is($err, '', "pg_dump of $database");
	$out =~ s/^(--|\\(un)?restrict).*\n//mg;
	# A view of one table: from 18 on its columns are written without the table's alias.
	$out =~ s/\bc\.(?=[a-z_]+\b)//g;
	return $out;
}

# Claims and acknowledges until nothing is due; returns "contact|version|ordinal" of each event.
sub handle_events
{
	my ($database) = @_;
	my @handled;

	while (1)
	{
		my @claimed = split /\n/, $new->safe_psql($database,
			q(SELECT contact_id, contact_version, ordinal, lease, event_id FROM contacts.claim('mailer', 1000)));
		return @handled if !@claimed;
		my @events = map { [ split /\|/ ] } @claimed;
		$new->safe_psql($database, "SELECT contacts.ack('mailer', $events[0][3], ARRAY[" . join(',', map { $_->[4] } @events) . '])');
		push @handled, map { join '|', @{$_}[ 0 .. 2 ] } @events;
	}
}

# In tables as they are by default, and in partitioned ones.
my (%rows, %before, %contacts);
for my $database (@databases)
{
	$old->safe_psql('postgres', "CREATE DATABASE $database");
	$old->safe_psql($database, sprintf 'CREATE EXTENSION contact_upsert; SELECT contacts.install(%s)', $database eq 'parts' ? 'partitions => 4' : '');
	$rows{$database} = FilledTables->fill($old, $database);
	$before{$database} = dump_of($old, $database);
	$contacts{$database} = $old->safe_psql($database, 'SELECT count(*) FROM contacts.contact WHERE workspace_id = 1');
}

$old->stop;
chdir $ENV{TESTDATADIR} or die "$ENV{TESTDATADIR}: $!";
my @pg_upgrade = ("$newer_bindir/pg_upgrade", '-b', $older_bindir, '-B', $newer_bindir, '-d', $old->data_dir, '-D', $new->data_dir,
	'-p', $old->port, '-P', $new->port, '-s', $new->host);
command_ok([ @pg_upgrade, '--check' ], 'pg_upgrade --check has no objection');
command_ok(\@pg_upgrade, 'pg_upgrade');
$new->start;

for my $database (@databases)
{
	my $after = dump_of($new, $database);
	ok($after eq $before{$database}, "$database: everything is as it was")
		or diag differences(map { [ split /^/m ] } $after, $before{$database});
	$rows{$database}->is_all_in($new, $database);
	is($new->safe_psql($database, q(SELECT count(*) FROM pg_class WHERE relnamespace = 'contacts'::regnamespace AND relkind = 'p')),
		$database eq 'parts' ? 5 : 0, 'its tables are what they were');
	$new->safe_psql($database, 'CREATE EXTENSION amcheck');
	# an error unless each is whole
	cmp_ok($new->safe_psql($database, q(
			SELECT count(bt_index_check(i.indexrelid, true)) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
			WHERE a.amname = 'btree' AND c.relkind = 'i' AND c.relnamespace = 'contacts'::regnamespace)), '>', 20, 'its indexes are whole');
	is($new->safe_psql($database, q(
			SELECT count(*), count(DISTINCT c.id), min(c.version), max(c.version) FROM generate_series(1, 500) i,
				contact_upsert(jsonb_build_object('email_address', 'Contact' || i || '@Example.com', 'partial_update', true,
					'fields', jsonb_build_object('size', 'L'))) a
				JOIN contacts.contact c ON c.id = a #>> '{data,id}' AND c.workspace_id = 1)),
		'500|500|2|2', 'each address is found, and unchanged');
	is($new->safe_psql($database, q(SELECT contact_upsert('{"email_address":"new@example.com","add_tags":["fresh"],"create_tags":true}') #>> '{data,tags,0,name}';
			SELECT count(*) = count(DISTINCT tag_id) FROM contacts.tag)), "fresh\nt", 'ids go on');
	is($new->safe_psql($database, q(SELECT error ->> 'code' FROM contacts.preview('{"email_address":"gone@example.com"}'))),
		'RESUBSCRIBE_REFUSED', 'who had opted out is known');
	is($new->safe_psql($database, q(SET ROLE member; SELECT count(*), bool_and(workspace_id = 1) FROM contacts.contact)), ($contacts{$database} + 1) . '|t', 'a member sees his workspace');
	is($new->safe_psql($database, q(SELECT contact_upsert('{"email_address":"contact2@example.com","partial_update":true,"fields":{"size":"S"}}') #>> '{data,data,size}')),
		'S', 'a change');
	my $count = q(SELECT count(*) FROM contacts.delivery NATURAL JOIN contacts.consumer WHERE name = 'mailer' AND workspace_id = 1);
	my $deliveries = $new->safe_psql($database, $count);
	my @handled = handle_events($database);
	my $left = $new->safe_psql($database, $count);
	is(@handled + $left, $deliveries, 'each event that was due is handed out, once');
	# The one that had failed may not be due yet.
	cmp_ok($left, '<=', 2, 'all but those of a contact whose event had failed');
	my (%last, @late);
	for my $event (@handled)
	{
		my ($contact, $version, $ordinal) = split /\|/, $event;
		push @late, $event if exists $last{$contact} && ($last{$contact}[0] <=> $version || $last{$contact}[1] <=> $ordinal) >= 0;
		$last{$contact} = [ $version, $ordinal ];
	}
	is("@late", '', q(a contact's in their order));
}
$new->stop;
done_testing();
