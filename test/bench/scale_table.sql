-- Reads rates from standard input and prints the microseconds that a contact takes, and the ratio to the cost at the smallest
-- size, which is in the variable smallest: medians of the rounds.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE TEMP TABLE rate (kind text, scenario text, way text, contacts bigint, round int, rate numeric);
\copy rate FROM pstdin (DELIMITER ' ')

CREATE TEMP VIEW cell AS
SELECT kind, scenario, contacts, way, percentile_cont(0.5) WITHIN GROUP (ORDER BY 1000000 / rate)::numeric AS cost,
	percentile_cont(0.5) WITHIN GROUP (ORDER BY smallest / rate)::numeric AS growth
FROM rate JOIN (SELECT kind, scenario, way, round, rate AS smallest FROM rate WHERE contacts = :smallest) s
	USING (kind, scenario, way, round)
GROUP BY kind, scenario, contacts, way;

\pset border 2
\pset footer off
\echo Microseconds a contact, and the ratio to the smallest size
\echo
SELECT kind, scenario, contacts,
	round(max(cost) FILTER (WHERE way = 'contact_upsert'), 1) AS contact_upsert,
	round(max(growth) FILTER (WHERE way = 'contact_upsert'), 2) AS "ratio",
	round(max(cost) FILTER (WHERE way = 'statement'), 1) AS statement,
	round(max(growth) FILTER (WHERE way = 'statement'), 2) AS "its ratio"
FROM cell GROUP BY kind, scenario, contacts
ORDER BY kind DESC, array_position(ARRAY['create', 'change', 'unchanged'], scenario), contacts;
