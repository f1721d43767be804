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

\echo '== Many at once: a bad request fails alone'
\echo
SELECT position, outcome, email_address, error ->> 'message' AS error
FROM contacts.upsert_many('[
  {"email_address": "jaime@example.com", "fields": {"first_name": "Jaime"}, "status": "UNCONFIRMED"},
  {"email_address": "cersei@example"},
  {"email_address": "tyrion@", "fields": {"first_name": "Tyrion"}}
]');

\echo '== What automations hear, in each contact''s order'
\echo
SELECT c.email_address, e.type, e.detail
FROM contacts.event e
JOIN contacts.contact c ON c.workspace_id = e.workspace_id AND c.id = e.contact_id
ORDER BY c.email_address DESC, e.contact_version, e.ordinal;

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
SELECT outcome FROM contacts.upsert_many('[
  {"email_address": "tywin@example.com", "status": "UNSUBSCRIBED", "partial_update": true}
]');
SELECT contact_upsert('{"email_address": "tywin@example.com", "status": "SUBSCRIBED", "partial_update": true}');
