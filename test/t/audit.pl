# A module that watches who reads and writes what sees all that a call does: where pgaudit is loaded, no look-up goes by index, and no event
# is stored, without a statement.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
plan skip_all => 'pgaudit is not installed' unless -e $node->config_data('--pkglibdir') . '/pgaudit.so';

$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = pgaudit\npgaudit.log = 'read, write'\npgaudit.log_relation = on\nlog_min_messages = debug1");
$node->start;
$node->safe_psql('postgres', q(
	CREATE EXTENSION contact_upsert;
	SELECT contacts.install();
	SELECT contacts.define_field('score', 'Score', 'NUMBER', tracked => true);
	SELECT contacts.subscribe('mailer');
	SELECT contact_upsert('{"email_address":"arya@example.com","fields":{"score":1}}');
));

# What a script has the auditor log: READ or WRITE of which table.
sub audited
{
	my ($sql) = @_;
	my $offset = -s $node->logfile;
	$node->safe_psql('postgres', $sql);
	my $log = slurp_file($node->logfile, $offset);
	unlike($log, qr/contact_upsert (?:looks contacts up by index|writes events itself)/, 'no way around the auditor is taken');
	return [ $log =~ /AUDIT: SESSION,\d+,\d+,((?:READ|WRITE),\w+,TABLE,[\w.]+),/g ];
}

sub has
{
	my ($seen, $name, @expected) = @_;
	for my $entry (@expected)
	{
		ok(scalar(grep { $_ eq $entry } @$seen), "$name: $entry") or diag(join "\n", @$seen);
	}
	return;
}

has(audited(q(SELECT contact_upsert('{"email_address":"arya@example.com","partial_update":true}'))), 'nothing changes',
	'READ,SELECT,TABLE,contacts.contact', 'READ,SELECT,TABLE,contacts.statistics');
has(audited(q(SELECT contact_upsert('{"email_address":"arya@example.com","partial_update":true,"fields":{"score":2}}'))), 'a change with an event',
	'READ,SELECT,TABLE,contacts.contact', 'WRITE,UPDATE,TABLE,contacts.contact', 'WRITE,INSERT,TABLE,contacts.event', 'WRITE,INSERT,TABLE,contacts.delivery');
has(audited(q(SELECT contacts.upsert_many('[{"email_address":"arya@example.com","partial_update":true,"fields":{"score":3}},
	{"email_address":"bran@example.com","fields":{"score":3}}]'))), 'an array',
	'READ,SELECT,TABLE,contacts.contact', 'WRITE,INSERT,TABLE,contacts.contact', 'WRITE,INSERT,TABLE,contacts.event');

done_testing();
