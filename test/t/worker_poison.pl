# contact-worker and what cannot be said: events that the client's encoding lacks, reasons that the database's lacks. That
# event fails, and the others go on.

use strict;
use warnings;

use ContactWorker;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('main');

# The database, the encoding, and an event's detail, as SQL, that has no equivalent in UTF-8
for (
	[ 'ascii', 'SQL_ASCII', q(E'{"field":{"merge_tag":"value","label":"V","old":null,"new":"\xff\xfe"}}') ],
	[ 'windows', 'WIN1252', q('{"field":{"merge_tag":"value","label":"V","old":null,"new":"' || chr(129) || '"}}') ])
{
	my ($database, $encoding, $detail) = @$_;
	$node->safe_psql('postgres', "CREATE DATABASE $database TEMPLATE template0 ENCODING '$encoding' LC_COLLATE 'C' LC_CTYPE 'C'");
	my $sql = sub { return $node->safe_psql($database, $_[0]) };
	$sql->(q(
		CREATE EXTENSION contact_upsert;
		SELECT contacts.install();
		SELECT contacts.define_field('value', 'Value', tracked => true);
		SELECT contacts.subscribe('mailer', max_attempts => 2);
		SELECT count(contact_upsert(jsonb_build_object('email_address', format('c%s@example.com', i)))) FROM generate_series(1, 5) i;
		SELECT count(contact_upsert(jsonb_build_object('email_address', format('c%s@example.com', i), 'partial_update', true,
			'fields', jsonb_build_object('value', i)))) FROM generate_series(1, 5) i;
	));
	my @events = split /\n/, $sql->('SELECT event_id FROM contacts.event ORDER BY 1');
	$sql->("UPDATE contacts.event SET detail = ($detail)::jsonb WHERE event_id = $events[2]");
	my @good = @events[ 0, 1, 3, 4 ];

	my ($status, $out, $err) = run_worker($node->connstr($database), '--once');
	is($status, 0, "$encoding: an event that cannot be sent does not end the worker");
	is_deeply([ sort { $a <=> $b } event_ids(split /\n/, $out) ], \@good, 'the others are delivered');
	is($sql->('SELECT count(*) FROM contacts.delivery'), 1, 'and acknowledged');
	like($sql->('SELECT attempts, last_error FROM contacts.delivery'), qr/^1\|the event cannot be sent: .*encoding "UTF8"/, 'it has failed, with the reason');
	like($err, qr/event $events[2] fails: the event cannot be sent/, 'standard error says so, too');

	# At each start, until it is dead
	$sql->('UPDATE contacts.delivery SET due_at = now()');
	is((run_worker($node->connstr($database), '--once'))[0], 0, 'it comes again');
	is($sql->('SELECT pending, dead FROM contacts.event_lag'), '0|1', 'and then is dead');

	# What a handler says
	$sql->(q(TRUNCATE contacts.delivery; SELECT contact_upsert('{"email_address":"c1@example.com","partial_update":true,"fields":{"value":"again"}}')));
	# \xCE\xA9 is the UTF-8 of an omega, \xC3\xA9 of é
	my ($handler) = write_handler($node, "greek_$database", 'answer("fail \xCE\xA9 is \xC3\xA9")');
	($status, undef, $err) = run_worker($node->connstr($database), '--once', @$handler);
	is($status, 0, 'a reason that the database cannot store does not end the worker');
	like($sql->(q(SELECT attempts, convert_to(last_error, getdatabaseencoding()) FROM contacts.delivery)),
		$encoding eq 'SQL_ASCII' ? qr/^1\|\\xcea920697320c3a9$/ : qr/^1\|\\x3f3f206973203f3f$/, 'it is stored as far as possible');
}

done_testing();
