-- What "make demo" runs in an empty database: the API page's own request first, then what else a caller meets.

\echo
\echo '== Install, and define what a contact of this workspace has'
\echo
CREATE EXTENSION contact_upsert;
SELECT contacts.install();
SELECT contacts.define_field('first_name', 'First Name'),
       contacts.define_field('last_name', 'Last Name', tracked => true),
       contacts.define_field('birthday', 'Birthday', 'DATE'),
       contacts.define_tag('newsletter'),
       contacts.define_tag('vip');

\echo '== The request of the API page'
\echo
SELECT jsonb_pretty(contact_upsert('{
  "email_address": "tywin@example.com",
  "fields": {"first_name": "Tywin", "last_name": "Lannister"},
  "tags": [1, 2],
  "status": "SUBSCRIBED",
  "partial_update": true
}')) AS answer;

\echo '== A partial update: what it omits stays'
\echo
SELECT jsonb_pretty(contact_upsert('{
  "email_address": " Tywin@Example.com ",
  "fields": {"birthday": "0242-01-01"},
  "remove_tags": ["vip"],
  "partial_update": true
}') -> 'data') AS contact;

\echo '== A full replace: what it omits goes'
\echo
SELECT jsonb_pretty(contact_upsert('{
  "email_address": "tywin@example.com",
  "fields": {"first_name": "Tywin", "last_name": "Baratheon"},
  "tags": [1]
}') -> 'data') AS contact;

\echo '== The same again: nothing would change, so nothing is written'
\echo
SELECT outcome FROM contacts.preview('{
  "email_address": "tywin@example.com",
  "fields": {"first_name": "Tywin", "last_name": "Baratheon"},
  "tags": [1]
}');

\echo '== Automation events: this session listens, and a consumer is registered; another session updates the contact'
\echo
LISTEN contact_automation;
SELECT contacts.subscribe('mailer');
\! psql -Xqtc "SELECT 'another session: ' || (contact_upsert('{\"email_address\": \"tywin@example.com\", \"fields\": {\"last_name\": \"Lannister\"}, \"add_tags\": [\"vip\"], \"partial_update\": true}') #>> '{data,data}')"
SELECT 'what this session hears:' AS "contact_automation";
\echo
\echo '== The same events, stored with the change, as contact-worker hands them to an automation'
\echo
\! contact-worker --consumer mailer --once
\echo

-- From here on the errors are what is to be shown.
\set ON_ERROR_STOP off

\echo '== What is refused, and how it reads'
\echo
SELECT contact_upsert('{"fields": {"first_name": "Nobody"}}');
\echo
SELECT contact_upsert('{"email_address": "not an address"}');
\echo
SELECT contact_upsert('{"email_address": "tywin@example.com", "fields": {"house": "Lannister"}}');
\echo
SELECT contact_upsert('{"email_address": "tywin@example.com", "status": "ACTIVE"}');
\echo
SELECT contact_upsert('{"email_address": "tywin@example.com", "fields": {"birthday": "soon"}}');
\echo
SELECT contact_upsert('{"email_address": "tywin@example.com", "tags": [1, 99]}');
\echo
SELECT contacts.define_field('last_name', 'Last Name', required => true, tracked => true);
SELECT contact_upsert('{"email_address": "tyrion@example.com", "fields": {"first_name": "Tyrion"}}');
\echo
UPDATE contacts.workspace SET status_policy = 'guarded';
SELECT contact_upsert('{"email_address": "tywin@example.com", "status": "UNSUBSCRIBED", "partial_update": true}') #>> '{data,status}' AS status;
SELECT contact_upsert('{"email_address": "tywin@example.com", "status": "SUBSCRIBED", "partial_update": true}');
