-- What check_http.sh and check_postgraphile.sh begin with: the page's fields and tags, a second workspace, and roles of tokens.
SET client_min_messages = warning;
CREATE EXTENSION contact_upsert;
SELECT contacts.install();
SELECT contacts.define_field('first_name', 'First Name'), contacts.define_field('last_name', 'Last Name'),
	contacts.define_tag('newsletter'), contacts.define_tag('vip');
SELECT contacts.define_workspace('two');
SELECT contacts.define_field('name', 'Name', required => true, workspace_id => 2), contacts.define_tag('secret', workspace_id => 2);
SELECT contacts.upsert('{"email_address": "hidden@example.com", "fields": {"name": "Hidden"}, "tags": ["secret"]}', 2);
\ir ../../http/api.sql

CREATE ROLE contact_upsert_two; -- may act for workspace 2
CREATE ROLE contact_upsert_both;
CREATE ROLE contact_upsert_stranger; -- may call the schema, and acts for no workspace
CREATE ROLE contact_upsert_nobody;
GRANT contacts_api TO contact_upsert_two, contact_upsert_both, contact_upsert_stranger;
GRANT contact_upsert_two, contact_upsert_both, contact_upsert_stranger, contact_upsert_nobody TO contacts_authenticator;
SELECT contacts.grant_access('contact_upsert_two', 2), contacts.grant_access('contact_upsert_both', 1),
	contacts.grant_access('contact_upsert_both', 2);
GRANT USAGE ON SCHEMA contacts, contacts_internal TO contact_upsert_stranger;
GRANT SELECT ON contacts.member TO contact_upsert_stranger;

-- Which headers of a request arrive, and rules of a user's own.
CREATE TABLE seen (email_address text, headers jsonb);
GRANT INSERT ON seen TO PUBLIC;
CREATE FUNCTION note_headers() RETURNS trigger
	LANGUAGE plpgsql
	AS $$
BEGIN
	INSERT INTO public.seen VALUES (NEW.email_address, nullif(current_setting('request.headers', true), '')::jsonb);
	RETURN NULL;
END
$$;
CREATE TRIGGER note_headers AFTER INSERT ON contacts.contact FOR EACH ROW EXECUTE FUNCTION note_headers();
ALTER TABLE contacts.contact ADD CONSTRAINT not_joffrey CHECK (email_address <> 'joffrey@example.com');
CREATE UNIQUE INDEX one_last_name ON contacts.contact (workspace_id, (data ->> 'last_name')) WHERE data ->> 'last_name' = 'Unique';
