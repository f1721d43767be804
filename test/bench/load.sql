-- Loads contacts, as many as the variable contacts says: past the function, which would take long for millions. Their
-- created_at tells them from those that a cell creates (see tidy in common.sh).
\set ON_ERROR_STOP on
INSERT INTO contacts.contact (workspace_id, email_address, tags, data, created_at, updated_at)
SELECT 1, 'c' || n || '@example.com', '{1,2}', fields_of(n), '2024-02-15 10:30:00+00', '2024-02-15 10:30:00+00'
FROM generate_series(1, :contacts) n;
VACUUM ANALYZE contacts.contact;
