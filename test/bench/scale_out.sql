-- What each server of scale_out.sh has: the workspaces from :first to :last, every :step-th, with :contacts each. Past the functions, which would take long.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
\o /dev/null
SELECT contacts.define_workspace('workspace ' || n) FROM generate_series(:first, :last, :step) n
	WHERE NOT EXISTS (SELECT FROM contacts.workspace w WHERE w.workspace_id = n);
SELECT contacts.define_field('first_name', 'First Name', workspace_id => n), contacts.define_field('score', 'Score', 'NUMBER', workspace_id => n)
	FROM generate_series(:first, :last, :step) n;
\o
INSERT INTO contacts.contact (workspace_id, email_address, data)
	SELECT w, 'c' || n || '@example.com', jsonb_build_object('first_name', 'Tywin', 'score', 1)
	FROM generate_series(0, :contacts - 1) n, generate_series(:first, :last, :step) w;
VACUUM (ANALYZE);
