# Deliveries that are found again by their place (src/pg/due.c): claim() and relay() write what they have locked where it is, ack() what its
# session has claimed. Wherever a place says nothing, or something else is there by now, events are acknowledged by their key, and no other ones.

use strict;
use warnings;

use ContactWorker;
use FastPath;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('main', "fsync = off\nautovacuum = off\nstatement_timeout = 60s");
my ($by_place, $by_key) = ('finds deliveries by place', 'finds deliveries by key');

# Queues so many events, one of each contact.
sub queue
{
	my ($count) = @_;
	return join ' ', split /\n\s*/, qq(TRUNCATE contacts.delivery, contacts.event RESTART IDENTITY;
		INSERT INTO contacts.event (workspace_id, contact_id, contact_version, ordinal, type)
			SELECT 1, 'contact ' || i, 1, 1, 'TAG_ADDED' FROM generate_series(1, $count) i;
		INSERT INTO contacts.delivery (workspace_id, consumer_id, event_id, contact_id, contact_version, ordinal)
			SELECT 1, 1, event_id, contact_id, contact_version, ordinal FROM contacts.event ORDER BY event_id;
	), "\n";
}

my $claim = q(SELECT array_agg(event_id ORDER BY event_id) AS ids, max(lease) AS lease FROM contacts.claim('mailer', 3) \gset
	\echo claimed :ids
);
my $ack = q(SELECT 'acknowledged ' || contacts.ack('mailer', :lease, :'ids');
	SELECT 'left ' || string_agg(event_id::text, ' ' ORDER BY event_id) FROM contacts.delivery;
);
my $left = 'left 4 5 6 7 8 9 10';

test_choice($node, 'finds', sub { return $_[0] });

# What happens between a claim and its acknowledgement, in this session or in another; and what is said then.
sub check_places
{
	my ($name, $between, $expected, @choices) = @_;
	my $said = check($name, queue(10) . $claim . $between . $ack, map { s/^finds //r } @choices ? @choices : $by_place);
	is($said =~ s/^\s+|\s+$//gr, "claimed {1,2,3}\n$expected", "$name: what is left");
	return;
}

check_places('nothing', '', "acknowledged 3\n$left");
check_places('all have moved', 'UPDATE contacts.delivery SET attempts = 0;', "acknowledged 3\n$left");
check_places('one has moved', other_session('UPDATE contacts.delivery SET attempts = 1 WHERE event_id = 2;'), "acknowledged 3\n$left");
check_places('the table is written anew', 'VACUUM FULL contacts.delivery;', "acknowledged 3\n$left", $by_place);
check_places('the lease is longer', q(SELECT contacts.extend('mailer', :lease, '1 h') AS extended \gset
), "acknowledged 3\n$left");
check_places('an event failed', q(SELECT contacts.fail('mailer', :lease, 2, 'x') AS failed \gset
), "acknowledged 2\nleft 2 4 5 6 7 8 9 10");
check_places('an event was acknowledged', q(SELECT contacts.ack('mailer', :lease, ARRAY[2, 2]) AS acknowledged \gset
), "acknowledged 2\n$left");
check_places('an event that was not claimed', q(\set ids {1,2,3,4,99}
), "acknowledged 3\n$left");
check_places('an event twice, and none', q(\set ids {3,1,NULL,2,1}
), "acknowledged 3\n$left");
check_places('a claim that is undone, and the next has its places', q(BEGIN; SELECT event_id AS other, lease AS gone FROM contacts.claim('mailer', 1) \gset
	ROLLBACK; SELECT contacts.ack('mailer', :gone, ARRAY[:other]) AS none \gset
), "acknowledged 3\n$left");

# Another claim has the events by now; and other rows have the places.
check_places('the lease ran out, and another session has it',
	q(UPDATE contacts.delivery SET leased_until = '-infinity' WHERE lease > 0;) . other_session(q(SELECT contacts.claim('mailer', 1); SELECT contacts.claim('mailer', 1); SELECT contacts.claim('mailer', 1);)),
	"acknowledged 0\nleft 1 2 3 4 5 6 7 8 9 10");
my $same_places = q(SELECT array_agg(ctid ORDER BY ctid) AS places FROM contacts.delivery WHERE lease > 0 \gset
	CREATE TEMP TABLE d AS SELECT * FROM contacts.delivery WHERE lease > 0; DELETE FROM contacts.delivery WHERE lease > 0; VACUUM contacts.delivery;
	INSERT INTO contacts.delivery SELECT r.* FROM d, generate_series(0, 99) i, jsonb_populate_record(NULL::contacts.delivery, to_jsonb(d) || CHANGE) r
		WHERE d.event_id = 1 ORDER BY i;
	DELETE FROM contacts.delivery WHERE ctid <> ALL (:'places') AND event_id NOT BETWEEN 4 AND 10;
	SELECT count(*) AS found FROM contacts.delivery WHERE ctid = ANY (:'places') \gset
	\echo :found have the places
	DROP TABLE d;
);
for ([ 'other events, of this lease', q(jsonb_build_object('event_id', 1000 + i)) ], [ 'the events, of another lease', q(jsonb_build_object('event_id', i % 3 + 1, 'consumer_id', CASE i / 3 WHEN 1 THEN 1 ELSE 100 + i END, 'lease', 1000000)) ])
{
	my ($name, $change) = @$_;
	my $said = check("$name, at the places", queue(10) . $claim . ($same_places =~ s/CHANGE/$change/r) . $ack, $by_place =~ s/^finds //r);
	like($said, qr/\n3 have the places\nacknowledged 0\n/, "$name, at the places: none is acknowledged");
}

# No claim has the lease 0, which deliveries have that nobody has claimed: also where a restarted sequence has given a number twice, and what the
# session remembered of the first claim is void.
my $said = check('the lease 0', queue(10) . $claim . q(SELECT setval('contacts.delivery_lease_seq', :lease, false) AS number \gset
	SELECT lease = :lease AS again FROM contacts.claim('mailer', 1);
) . ($same_places =~ s/CHANGE/jsonb_build_object('event_id', i % 3 + 1, 'consumer_id', CASE i \/ 3 WHEN 1 THEN 1 ELSE 100 + i END, 'lease', 0)/r =~ s/lease > 0/event_id <= 3/gr)
	. "\\set lease 0\n" . $ack, $by_place =~ s/^finds //r);
like($said, qr/\nt\n3 have the places\nacknowledged 0\n/, 'the lease 0: none is acknowledged');

# A trigger of the user's may keep a delivery as it is: then what the claim has written is not where it says.
$node->safe_psql('postgres', q(
	CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN CASE WHEN OLD.event_id <> 2 THEN NEW END; END';
	CREATE TRIGGER keep BEFORE UPDATE ON contacts.delivery FOR EACH ROW EXECUTE FUNCTION keep()));
check_places('a trigger keeps a delivery as it is', '', "acknowledged 2\n$left" =~ s/left/left 2/r);
$node->safe_psql('postgres', 'DROP TRIGGER keep ON contacts.delivery');

# The relay.
my $relay = queue(10) . q(SELECT 'relayed ' || contacts.relay('mailer', 'x', 3); SELECT 'left ' || string_agg(event_id::text, ' ' ORDER BY event_id) FROM contacts.delivery;);
is(check('relay', $relay, $by_place =~ s/^finds //r) =~ s/^\s+|\s+$//gr, "relayed 3\n$left", 'the relay: what is left');

# It is worth it: each statement that goes by place touches a page less for each of the 500. From 17 on, an array of keys is looked up in one
# descent of the index, whose pages and those of the table stay pinned meanwhile, and so count once: pages do not tell there.
sub pages
{
	my ($fast_path, $call) = @_;
	my $explain = "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) $call;";
	my $plans = $node->safe_psql('postgres', queue(2000) . "SET contact_upsert.fast_path = $fast_path; $explain\n\\echo second\n$explain");
	my ($pages) = $plans =~ /second.*?Buffers: shared hit=(\d+)/s;
	return $pages;
}
for ([ 2, q(SELECT contacts.ack('mailer', max(lease), array_agg(event_id)) FROM contacts.claim('mailer', 500)) ], [ 1, q(SELECT contacts.relay('mailer', 'x', 500)) ])
{
	my ($statements, $call) = @$_;
	my ($place, $key) = (pages('on', $call), pages('off', $call));
	my $most = $node->pg_version >= 17 ? 1.25 * $key : $key - 400 * $statements;
	cmp_ok($place, '<', $most, "$place pages by place, $key by key");
}

# Tables that have no places: of each part of them, a row may be at a place.
check_places('the table gets a child', q(SELECT 'child' || pg_backend_pid() AS child \gset
	CREATE TABLE :child () INHERITS (contacts.delivery);
), "acknowledged 3\n$left",
	$by_place, "$by_key: contacts.delivery: it is part of others, or they of it");

done_testing();
