# No locale and no encoding of the database takes part in what an address, a tag or a value means.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;

my $has_icu = $node->safe_psql('postgres', q(SELECT count(*) > 0 FROM pg_collation WHERE collprovider = 'i'));
my $version = $node->safe_psql('postgres', 'SHOW server_version_num');
# Turkish, where lower('I') is not 'i': of the C library where it is installed, of ICU where the server has it.
my @databases = (
	[ 'utf8', q(ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C') ],
	[ 'latin1', q(ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C') ],
	[ 'sql_ascii', q(ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C') ]);
push @databases, [ 'turkish', q(ENCODING 'UTF8' LOCALE 'tr_TR.UTF-8') ] if `locale -a` =~ /^tr_TR\.utf-?8$/mi;
push @databases, [ 'icu_turkish', q(ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'tr-TR' LC_COLLATE 'C' LC_CTYPE 'C') ]
	if $has_icu eq 't' && $version >= 150000;

for (@databases)
{
	my ($name, $options) = @$_;
	my $run = sub { $node->safe_psql($name, 'SET client_encoding = ' . ($name eq 'sql_ascii' ? 'SQL_ASCII' : 'UTF8') . ';' . shift) };

	$node->safe_psql('postgres', "CREATE DATABASE $name TEMPLATE template0 $options");
	$run->(q(
		CREATE EXTENSION contact_upsert;
		SELECT contacts.install();
		SELECT contacts.define_field('name', 'Name İ'); ) =~ s/İ/$name eq 'latin1' ? 'Ö' : 'İ'/er . q(
		SELECT contacts.define_field('flag', 'Flag', 'BOOLEAN');
		SELECT contacts.define_field('land', 'Land', 'COUNTRY');
		SELECT contacts.define_tag('INDIGO'), contacts.define_tag('Ärger')));

	is($run->(q(SELECT contact_upsert('{"email_address":"TITI@EXAMPLE.COM","tags":["indigo","äRGER"],
			"fields":{"name":"ıI ÄÖ","flag":"TRUE","land":"it"}}') -> 'data' -> 'data') =~ s/ı/$name eq 'latin1' ? '' : 'ı'/er),
		'{"flag": true, "land": "IT", "name": "ıI ÄÖ", "email_address": "titi@example.com"}' =~ s/ı/$name eq 'latin1' ? '' : 'ı'/er,
		"$name: ASCII letters only are lower-cased, values stay");
	is($run->(q(SELECT contact_upsert('{"email_address":"titi@example.com","partial_update":true}') #>> '{data,tags,1,name}')),
		'Ärger', "$name: tags are found whatever their case");
	is($run->(q(SELECT count(*) FROM contacts.contact)), '1', "$name: one contact");
	is($run->(q(SELECT contact_upsert('{"email_address":"MÜLLER@Straße.example"}') #>> '{data,data,email_address}')),
		'mÜller@straße.example', "$name: a non-ASCII address");
	is($run->(q(SELECT count(*) FROM contacts.contact WHERE email_address = 'mÜller@straße.example')), '1', "$name: is stored so");
	# jsonb sorts keys by their size in the database's encoding, the core by that in UTF-8
	is($run->(q(SELECT contact_upsert('{"email_address":"keys@example.com","fields":{"flag":true,"land":"it","name":"x"},"éééé":1,"ééééééé":1,"ééééééééééé":1}') #> '{data,data}')),
		'{"flag": true, "land": "IT", "name": "x", "email_address": "keys@example.com"}', "$name: keys are found among others that are not ASCII");
	is($run->(q(SELECT string_agg(outcome || ' ' || email_address || ' ' || (contact #>> '{tags,0,name}'), ', ' ORDER BY "position") FROM contacts.upsert_many('[
			{"email_address":"ÖZ@example.com","tags":["öko"],"create_tags":true},{"email_address":"zo@example.com","tags":["öKO"],"create_tags":true},
			{"email_address":"öz@example.com","tags":["äRGER"]},{"email_address":"Öz@EXAMPLE.com","tags":["öKO"]}]'))),
		'created Öz@example.com öko, created zo@example.com öko, created öz@example.com Ärger, unchanged Öz@example.com öko',
		"$name: an array of them");
	is($run->(q(
			SELECT contacts.create_import_view('people');
			INSERT INTO people (email_address, tags, name) VALUES ('file@example.com', '{äRGER}', 'Größe');
			CREATE TABLE staging AS SELECT 'table@example.com' AS email_address, ' indigo,äRGER' AS tags, 'Größe' AS name;
			CALL contacts.import('staging');
			SELECT string_agg(tags::text || name, ' ' ORDER BY email_address) FROM people WHERE name = 'Größe';)),
		"people\n{Ärger}Größe {INDIGO,Ärger}Größe", "$name: files and tables");
	my (undef, undef, $error) = $node->psql($name, q(SET client_encoding = ) . ($name eq 'sql_ascii' ? 'SQL_ASCII' : 'UTF8') . q(;
		SELECT contact_upsert('{"email_address":"a@example.com","tags":["Größe"]}')));
	like($error, qr/Tag 'Größe' does not exist in this workspace/, "$name: an error has the right characters");
	(undef, undef, $error) = $node->psql($name, q(SELECT contacts.define_tag('Ÿ'); SELECT contacts.define_tag('µ')))
		if $name eq 'latin1';
	is($error, '', 'latin1: folding needs no character that the encoding lacks') if $name eq 'latin1';
}

# bytes that are no UTF-8, where the database does not mind
my (undef, undef, $error) = $node->psql('sql_ascii', qq(SELECT contact_upsert(jsonb_build_object('email_address', E'a\\xff\@example.com'))));
like($error, qr/The email address you provided is not valid/, 'sql_ascii: an address that is not UTF-8');
is($node->safe_psql('sql_ascii', qq(
		SELECT contact_upsert(jsonb_build_object('email_address', 'b\@example.com', 'fields', jsonb_build_object('name', E'\\xff'))) #>> '{data,data,name}' = E'\\xff')),
	't', 'sql_ascii: a value that is not UTF-8 comes back as it was');
(undef, undef, $error) = $node->psql('sql_ascii', q(SELECT contacts.define_tag(E'\\xff')));
like($error, qr/violates check constraint/, 'sql_ascii: a tag name that is not UTF-8');

# The one encoding that PostgreSQL cannot convert to UTF-8 is refused in so many words. 19 has it no more.
SKIP:
{
	skip 'the server has no MULE_INTERNAL', 2 if $node->safe_psql('postgres', q(SELECT pg_char_to_encoding('MULE_INTERNAL'))) < 0;
	$node->safe_psql('postgres', q(CREATE DATABASE mule ENCODING 'MULE_INTERNAL' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0));
	$node->safe_psql('mule', 'CREATE EXTENSION contact_upsert; SELECT contacts.install()');
	for (q(SELECT contact_upsert('{"email_address":"a@example.com"}')), q(SELECT contacts.define_tag('vip')))
	{
		(undef, undef, $error) = $node->psql('mule', $_, on_error_stop => 0);
		like($error, qr/contact_upsert does not work in a database with the encoding MULE_INTERNAL/, 'mule_internal: is refused');
	}
}

done_testing();
