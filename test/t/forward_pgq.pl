# The trigger of docs/events.md, "Other queues", that forwards events to PgQ: exactly the events that commit arrive, in order.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
if ($node->safe_psql('postgres', q(SELECT count(*) FROM pg_available_extensions WHERE name = 'pgq')) eq '0')
{
	plan skip_all => 'PgQ is not installed';
}

my ($trigger) = slurp_file('docs/events.md') =~ /^```pgsql\n(.*?)^```/ms;
$node->safe_psql('postgres', q(
	CREATE EXTENSION pgq;
	CREATE EXTENSION contact_upsert;
	SELECT contacts.install();
	SELECT contacts.define_field('name', 'Name', tracked => true), contacts.define_tag('vip');
	SELECT pgq.create_queue('contacts'), pgq.register_consumer('contacts', 'mailer');
) . $trigger);
$node->safe_psql('postgres', $_) for
	q(SELECT contact_upsert('{"email_address":"a@example.com","status":"UNCONFIRMED"}')),
	q(SELECT contact_upsert('{"email_address":"a@example.com","fields":{"name":"x"},"tags":["vip"]}')),
	q(BEGIN; SELECT contact_upsert('{"email_address":"a@example.com","fields":{"name":"never"}}'); ROLLBACK);
$node->safe_psql('postgres', q(SELECT pgq.force_tick('contacts'), pgq.ticker('contacts')));
$node->safe_psql('postgres', q(SELECT pgq.ticker('contacts')));
my $batch = $node->safe_psql('postgres', q(SELECT pgq.next_batch('contacts', 'mailer')));
is($node->safe_psql('postgres', qq(SELECT ev_type, ev_data::jsonb -> 'detail' FROM pgq.get_batch_events($batch) ORDER BY ev_id)),
	join("\n",
		'CONTACT_SUBSCRIBED_PENDING|{}',
		'TAG_ADDED|{"tag": {"id": 1, "name": "vip"}}',
		'FIELD_UPDATED|{"field": {"new": "x", "old": null, "label": "Name", "merge_tag": "name"}}'),
	'PgQ has the events that committed, and no other');

done_testing();
