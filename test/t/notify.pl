# NOTIFY in its three settings: what is in a payload and what never is, order, the limit, the interval.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', q(
	CREATE EXTENSION contact_upsert;
	SELECT contacts.install();
	SELECT contacts.define_field('one', 'Secret label', tracked => true), contacts.define_field('two', 'Untracked');
	SELECT contacts.define_tag('secret tag'), contacts.define_tag('other secret tag');
	INSERT INTO contacts.contact (workspace_id, id, email_address) VALUES (1, '0123456789abcdef01234567', 'secret@example.com');
));

# Runs SQL in a session that listens, and returns the payloads that it has heard by the end.
my @every_payload;

sub heard
{
	my ($sql) = @_;
	my $output = $node->safe_psql('postgres', "LISTEN contact_automation; $sql");
	my @payloads = $output =~ /^Asynchronous notification "contact_automation" with payload "(.*)" received from server process/mg;
	push @every_payload, @payloads;
	return @payloads;
}

sub upsert
{
	my ($request) = @_;
	return qq(SELECT contact_upsert('{"email_address":"secret\@example.com","partial_update":true,$request}') IS NOT NULL;\n);
}

my $ids = '"workspace_id":"1","contact_id":"0123456789abcdef01234567"';
is_deeply(
	[ heard(upsert('"fields":{"one":"secret value","two":"secret too"},"add_tags":[1,2]') . upsert('"remove_tags":[1]')) ],
	[
		qq({"type":"TAG_ADDED",$ids,"contact_version":"2","event_id":"1","tag_id":"1"}),
		qq({"type":"TAG_ADDED",$ids,"contact_version":"2","event_id":"2","tag_id":"2"}),
		qq({"type":"FIELD_UPDATED",$ids,"contact_version":"2","event_id":"3","merge_tag":"one"}),
		qq({"type":"TAG_REMOVED",$ids,"contact_version":"3","event_id":"4","tag_id":"1"})
	],
	'events: one notification an event, in order, ids as strings');
my @created = heard(q(SELECT contact_upsert('{"email_address":"another.secret@example.com","status":"UNCONFIRMED","fields":{"one":"secret"}}') IS NOT NULL;));
like("@created", qr/^\{"type":"CONTACT_SUBSCRIBED_PENDING","workspace_id":"1","contact_id":"[0-9a-f]{24}","contact_version":"1","event_id":"5"\}$/, 'events: a creation');
is(scalar heard(upsert('"fields":{"one":"secret value"}') . upsert('"status":"CLEANED"') . upsert('"fields":{"two":"x"}')),
	0, 'nothing for what raises no event');
is_deeply(
	[ map { s/.*"event_id":"(\d+)".*/$1/r } heard(q(BEGIN;) . upsert('"fields":{"one":"b"}') . upsert('"fields":{"one":"c"}') . q(COMMIT;)) ],
	[ 6, 7 ], 'events: those of one transaction, in the order in which they came');

my $many = q(SELECT count(contact_upsert(jsonb_build_object('email_address', 'secret@example.com', 'partial_update', true, 'fields', jsonb_build_object('one', i))))
	FROM generate_series(1, %d) i;);
my @limit = heard(sprintf $many, 1000);
is(scalar @limit, 1000, 'events: 1,000 in one transaction are notified of');
unlike("@limit", qr/WAKEUP/, 'and need no wake-up');
@limit = heard(sprintf $many, 1500);
is(scalar @limit, 1001, 'of 1,500, too, and the rest');
is($limit[-1], '{"type":"WAKEUP"}', 'is one wake-up');
is($node->safe_psql('postgres', 'SELECT count(*) FROM contacts.event'), 7 + 2500, 'though every event is stored');
@limit = heard('BEGIN; SAVEPOINT s;' . sprintf($many, 1500) . 'ROLLBACK TO s;' . upsert('"fields":{"one":"after"}') . 'COMMIT;');
like("@limit", qr/^\{"type":"FIELD_UPDATED".*\}$/, 'a rollback to a savepoint takes the limit back, too');
is(scalar @limit, 1, 'and everything queued since');


# an array, as its requests would one by one
is_deeply(
	[ map { s/"event_id":"\d+"/"event_id"/r } heard(q(SELECT count(*) FROM contacts.upsert_many('[
		{"email_address":"secret@example.com","partial_update":true,"fields":{"one":"array 1"}},
		{"email_address":"secret@example.com","partial_update":true,"fields":{"one":"array 1"}},
		{"email_address":"secret@example.com","partial_update":true,"fields":{"unknown":"secret"}},
		{"email_address":"secret@example.com","partial_update":true,"fields":{"one":"array 2"},"add_tags":[1]}]', workspace_id => 1);)) ],
	[ map { my $version = $node->safe_psql('postgres', "SELECT version - $_->[0] FROM contacts.contact WHERE id = '0123456789abcdef01234567'");
		qq({"type":"$_->[1]",$ids,"contact_version":"$version","event_id",$_->[2]}) }
		[ 1, 'FIELD_UPDATED', '"merge_tag":"one"' ], [ 0, 'TAG_ADDED', '"tag_id":"1"' ], [ 0, 'FIELD_UPDATED', '"merge_tag":"one"' ] ],
	'upsert_many: the notifications of single calls');
@limit = heard(q(SELECT count(*) FROM contacts.upsert_many((SELECT jsonb_agg(jsonb_build_object('email_address', 'secret' || i || '@example.com',
	'status', 'UNCONFIRMED')) FROM generate_series(1, 1500) i), workspace_id => 1);));
is(scalar @limit, 1001, 'upsert_many: and their limit');
is(scalar heard(q(BEGIN; SAVEPOINT s; SELECT count(*) FROM contacts.upsert_many('[{"email_address":"secret3001@example.com","status":"UNCONFIRMED"}]', workspace_id => 1);
	ROLLBACK TO s; COMMIT;)), 0, 'upsert_many: none after a rollback');

my $five = join '', map { upsert(qq("fields":{"one":"wake $_"})) } 1 .. 5;
is_deeply([ heard("SET contact_upsert.notify = wakeup; SET contact_upsert.notify_interval = '1h'; $five") ],
	['{"type":"WAKEUP"}'], 'wakeup: one in the interval');
is_deeply([ heard("SET contact_upsert.notify = wakeup; SET contact_upsert.notify_interval = 0; $five") ],
	[ ('{"type":"WAKEUP"}') x 5 ], 'wakeup: one a transaction without an interval');
is_deeply([ heard("SET contact_upsert.notify = wakeup; SET contact_upsert.notify_interval = 0; BEGIN; $five COMMIT;") ],
	['{"type":"WAKEUP"}'], 'wakeup: one a transaction, however many events');
is_deeply([ heard("SET contact_upsert.notify = off; $five") ], [], 'off: nothing');
is_deeply([ heard("BEGIN; $five ROLLBACK;") ], [], 'nothing for a rollback');
my ($status, undef, $error) = $node->psql('postgres', 'SELECT contacts_internal.current_workspace(); SET contact_upsert.notify = loud', on_error_stop => 0);
like($error, qr/invalid value for parameter "contact_upsert.notify": "loud".*Available values: events, wakeup, off/s, 'another value is refused');

is(scalar(grep { /secret|example|value|label/i } @every_payload), 0, 'no payload of all has an address, a value or a name in it');
cmp_ok(scalar @every_payload, '>', 2000, 'and there were many');

done_testing();
