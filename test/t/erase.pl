# contacts.erase() beside everything that writes what it deletes: upserts, consumers, imports, purges. Nothing is left of an erased
# contact, no call fails but with a deadlock that PostgreSQL has ended, and no contact that can be mailed is beside its opt-out.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "deadlock_timeout = 100ms\nlock_timeout = 60s");
$node->start;
$node->safe_psql('postgres', q(
	CREATE EXTENSION contact_upsert;
	SELECT contacts.install();
	SELECT contacts.define_workspace('default', 'guarded', 'all', 1), contacts.define_field('number', 'Number', 'NUMBER', tracked => true);
	SELECT contacts.subscribe('mailer'), contacts.subscribe('dead', max_attempts => 1);
));

my %script = (
	upsert => q(\set n random(1, 20)
		SELECT outcome FROM contacts.upsert_many(jsonb_build_array(jsonb_build_object('email_address', 'c' || :n || '@example.com', 'fields', jsonb_build_object('number', random()),
			'status', (ARRAY['SUBSCRIBED', 'UNSUBSCRIBED', 'COMPLAINED'])[1 + (random() * 2)::int], 'resubscribe', random() < 0.2)));),
	single => q(\set n random(1, 20)
		DO $$ BEGIN PERFORM contact_upsert(jsonb_build_object('email_address', 'c' || (1 + floor(random() * 20))::int || '@example.com', 'fields', jsonb_build_object('number', random())));
			EXCEPTION WHEN invalid_parameter_value THEN NULL; END $$;),
	many => q(SELECT count(*) FROM contacts.upsert_many((SELECT jsonb_agg(jsonb_build_object('email_address', 'c' || i || '@example.com', 'fields', jsonb_build_object('number', random())))
			FROM generate_series(1, 20) i));),
	erase => q(\set n random(1, 20)
		SELECT contacts.erase('c' || :n || '@example.com');),
	delete => q(\set n random(1, 20)
		DELETE FROM contacts.contact WHERE email_address = 'c' || :n || '@example.com';),
	move => q(DO $$ BEGIN PERFORM contacts.change_address('c' || (1 + floor(random() * 20))::int || '@example.com', 'c' || (1 + floor(random() * 20))::int || '@example.com');
			EXCEPTION WHEN invalid_parameter_value THEN NULL; END $$;),
	merge => q(DO $$ BEGIN PERFORM contacts.merge('c' || (1 + floor(random() * 20))::int || '@example.com', 'c' || (1 + floor(random() * 20))::int || '@example.com');
			EXCEPTION WHEN invalid_parameter_value THEN NULL; END $$;),
	consume => q(SELECT count(contacts.ack('mailer', lease, ARRAY[event_id])) FROM contacts.claim('mailer', 5);
		SELECT count(contacts.fail('dead', lease, event_id, 'dead')) FROM contacts.claim('dead', 2);),
);
my @files;
for my $name (sort keys %script)
{
	my $file = $node->basedir . "/$name.sql";
	append_to_file($file, $script{$name});
	push @files, '-f', $file;
}
# An array looks all its new addresses up at once: by one statement before it decides, and by one when they are written.
my ($out, $err) = ('', '');
$node->psql('postgres', q(LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on; SET client_min_messages = log;
	SELECT count(*) FROM contacts.upsert_many((SELECT jsonb_agg(jsonb_build_object('email_address', 'm' || i || '@example.com')) FROM generate_series(1, 200) i))), stdout => \$out, stderr => \$err);
is("$out " . scalar(() = $err =~ /Query Text: .*contacts\.suppression/g), '200 2', 'an array looks up 200 new addresses by two statements');
$node->safe_psql('postgres', q(DELETE FROM contacts.contact));

# Imports run beside, one after the other, and lock contacts, too.
$node->safe_psql('postgres', q(CREATE TABLE staging AS SELECT 'c' || i || '@example.com' AS email_address, random() AS number FROM generate_series(1, 20) i));
my ($import_out, $import_err) = ('', '');
my $import = IPC::Run::start([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-c', q(DO $$ DECLARE began timestamptz := clock_timestamp(); BEGIN
	SET client_min_messages = error;
	WHILE clock_timestamp() < began + interval '8 s' LOOP CALL contacts.import('staging', chunk => 3, restart => true); COMMIT; END LOOP; END $$) ], '>', \$import_out, '2>', \$import_err);
my ($stdout, $stderr) = ('', '');
IPC::Run::run([ 'pgbench', '-n', '-c', 6, '-j', 2, '-T', 8, '--max-tries=20', @files, '-h', $node->host, '-p', $node->port, 'postgres' ], '>', \$stdout, '2>', \$stderr);
$import->finish;
is($import_err, '', 'no import fails');
is($node->safe_psql('postgres', q(SELECT count(*) > 1 AND every(state = 'finished' AND done = total), (SELECT count(*) FROM contacts.import_chunk) FROM contacts.import_progress)), 't|0', 'each has dealt with each row');
unlike($stderr, qr/ERROR|aborted/, 'no session fails for good') or diag $stderr;
like($stdout, qr/number of failed transactions: 0 /, 'nor a transaction') or diag $stdout;
is($node->safe_psql('postgres', q(SELECT count(*) > 0 FROM contacts.suppression)), 't', 'some have opted out and gone');

# What is mailed has not opted out. A suppression beside a contact is of one that is not mailed.
is($node->safe_psql('postgres', q(SELECT string_agg(c::text, ', ') FROM contacts.contact c JOIN contacts.suppression s ON s.address_hash = sha256(convert_to(c.email_address, 'UTF8'))
		WHERE c.status IN ('SUBSCRIBED', 'UNCONFIRMED'))), '', 'and no contact that is mailed is beside an opt-out');
$node->safe_psql('postgres', q(SELECT contacts.erase('c' || i || '@example.com') FROM generate_series(1, 20) i));
is($node->safe_psql('postgres', q(SELECT count(*) FROM contacts.contact)), '0', 'all are erased');
is($node->safe_psql('postgres', q(SELECT count(*) FROM contacts.delivery d WHERE NOT EXISTS (SELECT FROM contacts.event e WHERE e.event_id = d.event_id))), '0', 'no delivery is without its event');
is($node->safe_psql('postgres', q(SELECT count(*) FROM contacts.statistics)), '0', 'no counter without its contact');
# Merged, moved and deleted contacts, too: at level "all" the history knows which addresses they had.
is($node->safe_psql('postgres', q(SELECT (SELECT count(*) FROM contacts.event), (SELECT count(*) FROM contacts.delivery),
	(SELECT count(*) FROM contacts.history h WHERE h.contact_id NOT IN (SELECT m.contact_id FROM contacts.history m WHERE m.changes #>> '{email_address,new}' LIKE 'm%')),
	(SELECT count(*) FROM contacts.import_error e WHERE e.row <> '{}'))), '0|0|0|0',
	'and nothing else is left of any');

done_testing();
