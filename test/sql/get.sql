-- What a parameter "contact" can be.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts_internal.contact_id('tywin@example.com', 1);
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
\set SHOW_CONTEXT never
SELECT contacts.define_workspace('theirs') AS theirs;
SELECT contact_upsert('{"email_address":"tywin@example.com"}') #>> '{data,id}' AS id \gset
SELECT contacts.upsert('{"email_address":"tywin@example.com"}', workspace_id => 2) #>> '{data,id}' AS their_id \gset

-- An id is taken as it is, there or not; an address as the call normalises it; all else is no contact.
SELECT given, CASE i.id WHEN :'id' THEN 'id' WHEN :'their_id' THEN 'their id' ELSE i.id END AS id
FROM unnest(ARRAY['tywin@example.com', E'\t Tywin@EXAMPLE.com ', 'nobody@example.com', 'tywin', '', NULL, repeat('a', 24), repeat('A', 24), repeat('a', 25),
	repeat('g', 24), 'tywin@example.com@']) AS given, contacts_internal.contact_id(given, 1) AS i (id);
SELECT contacts_internal.contact_id(:'id', 1) = :'id' AS id, contacts_internal.contact_id('tywin@example.com', 2) = :'their_id' AS their_id,
	contacts_internal.contact_id('tywin@example.com', 3) AS no_workspace, contacts_internal.contact_id('tywin@example.com', NULL) AS no_workspace;
