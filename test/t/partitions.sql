-- In a database where this has run, contacts.install() without a number of partitions makes tables of three: whatever test runs there runs
-- on a hash-partitioned installation, as it is. Tables that are there stay as they are, as ever.
CREATE SCHEMA always_partitioned;
CREATE FUNCTION always_partitioned.after_create_extension() RETURNS event_trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	function CONSTANT regprocedure := to_regprocedure('contacts_internal.make_tables(integer)');
	definition CONSTANT text := pg_get_functiondef(function);
BEGIN
	IF function IS NOT NULL THEN
		EXECUTE regexp_replace(definition, '\nBEGIN\n', E'\nBEGIN\n\tpartitions := coalesce(partitions, 3);\n\tRAISE LOG ''contact_upsert: the tables are partitioned'';\n');
		IF pg_get_functiondef(function) = definition THEN
			RAISE EXCEPTION 'make_tables() begins in another way.';
		END IF;
	END IF;
END $$;
CREATE EVENT TRIGGER always_partitioned ON ddl_command_end WHEN TAG IN ('CREATE EXTENSION') EXECUTE FUNCTION always_partitioned.after_create_extension();
-- As what belongs to an extension they are not dumped: a dump that is restored finds them in its database already.
ALTER EXTENSION plpgsql ADD EVENT TRIGGER always_partitioned;
ALTER EXTENSION plpgsql ADD FUNCTION always_partitioned.after_create_extension();
ALTER EXTENSION plpgsql ADD SCHEMA always_partitioned;
