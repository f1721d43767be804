-- Writes the arrays of new contacts as files for COPY, where the server can read them.
\set ON_ERROR_STOP on
DO $$
DECLARE
	this bigint;
BEGIN
	FOR this IN SELECT number FROM batch WHERE scenario = 'create' LOOP
		EXECUTE format('COPY (SELECT 1, r ->> ''email_address'', ''{1,2}'', r -> ''fields''
			FROM batch b, jsonb_array_elements(b.requests) r WHERE b.scenario = ''create'' AND b.number = %s) TO %L',
			this, current_setting('data_directory') || '/contacts_' || this);
	END LOOP;
END $$;
