-- Reads rates from standard input and prints their medians: a table for each setting of synchronous_commit. A ratio is the
-- median of the ratios of the rounds, within each of which the ways stood side by side.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE TABLE rate (scenario text, clients int, synchronous_commit text, way text, round int, rate numeric);
\copy rate FROM pstdin (DELIMITER ' ')

CREATE VIEW cell AS
SELECT scenario, clients, synchronous_commit, way, percentile_cont(0.5) WITHIN GROUP (ORDER BY rate)::int AS rate,
	round(percentile_cont(0.5) WITHIN GROUP (ORDER BY ours / rate)::numeric, 2) AS ratio
FROM rate JOIN (SELECT scenario, clients, synchronous_commit, round, rate AS ours FROM rate WHERE way = 'contact_upsert') o
	USING (scenario, clients, synchronous_commit, round)
GROUP BY scenario, clients, synchronous_commit, way;

\pset border 2
\pset footer off
SELECT scenario, synchronous_commit, clients,
	max(rate) FILTER (WHERE way = 'contact_upsert') AS "contact_upsert",
	max(rate) FILTER (WHERE way = 'statement') AS "statement",
	max(rate) FILTER (WHERE way = 'plpgsql') AS "PL/pgSQL",
	max(rate) FILTER (WHERE way = 'driver') AS "driver",
	max(ratio) FILTER (WHERE way = 'statement') AS "to statement",
	max(ratio) FILTER (WHERE way = 'plpgsql') AS "to PL/pgSQL",
	max(ratio) FILTER (WHERE way = 'driver') AS "to driver"
FROM cell GROUP BY scenario, synchronous_commit, clients ORDER BY synchronous_commit DESC, scenario, clients;
