-- The tables of the peers' way (peers_bench.cpp), with the contacts that there are, each on both lists. An address is unique, a list has
-- members, and there is no tenant.
\set ON_ERROR_STOP on
CREATE SCHEMA peers;
CREATE TABLE peers.subscriber (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	email text COLLATE "C" NOT NULL UNIQUE,
	name text NOT NULL,
	attributes jsonb NOT NULL,
	status text NOT NULL DEFAULT 'enabled',
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 85);
CREATE TABLE peers.list (id int PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE peers.membership (
	subscriber_id bigint NOT NULL REFERENCES peers.subscriber ON DELETE CASCADE,
	list_id int NOT NULL REFERENCES peers.list ON DELETE CASCADE,
	status text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (subscriber_id, list_id)
) WITH (fillfactor = 85);
CREATE INDEX ON peers.membership (list_id);

INSERT INTO peers.list VALUES (1, 'newsletter'), (2, 'vip');
INSERT INTO peers.subscriber (email, name, attributes, created_at, updated_at)
SELECT email_address, 'Tywin Lannister', data, created_at, updated_at FROM contacts.contact;
INSERT INTO peers.membership (subscriber_id, list_id, status) SELECT s.id, l.id, 'confirmed' FROM peers.subscriber s, peers.list l;
VACUUM ANALYZE peers.subscriber, peers.membership;
