-- What each installation of scale_out.sh has: as many workspaces as the variable workspaces says, from 1, and in each of them its share of
-- the contacts. Past the functions, which would take long.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
\o /dev/null
SELECT contacts.define_workspace('workspace ' || n) FROM generate_series(2, :workspaces) n;
SELECT contacts.define_field('first_name', 'First Name', workspace_id => n), contacts.define_field('score', 'Score', 'NUMBER', workspace_id => n)
	FROM generate_series(1, :workspaces) n;
\o
INSERT INTO contacts.contact (workspace_id, email_address, data)
	SELECT 1 + n % :workspaces, 'c' || n / :workspaces || '@example.com', jsonb_build_object('first_name', 'Tywin', 'score', 1)
	FROM generate_series(0, :contacts - 1) n;
VACUUM (ANALYZE);
