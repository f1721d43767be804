-- Reads rates from standard input and prints their medians. A ratio is the median of the ratios of the rounds, within each of
-- which the ways stood side by side.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE TABLE rate (kind text, scenario text, clients int, synchronous_commit text, way text, round int, rate numeric);
\copy rate FROM pstdin (DELIMITER ' ')

CREATE VIEW cell AS
SELECT kind, scenario, synchronous_commit, clients, way, percentile_cont(0.5) WITHIN GROUP (ORDER BY rate)::int AS rate,
	round(percentile_cont(0.5) WITHIN GROUP (ORDER BY ours / rate)::numeric, 2) AS ratio
FROM rate JOIN (SELECT kind, scenario, synchronous_commit, clients, round, rate AS ours FROM rate WHERE way = 'contact_upsert') o
	USING (kind, scenario, synchronous_commit, clients, round)
GROUP BY kind, scenario, synchronous_commit, clients, way;

CREATE VIEW side_by_side AS
SELECT kind, scenario, synchronous_commit, clients,
	max(rate) FILTER (WHERE way = 'contact_upsert') AS contact_upsert, max(rate) FILTER (WHERE way = 'statement') AS statement,
	max(rate) FILTER (WHERE way = 'plpgsql') AS plpgsql, max(rate) FILTER (WHERE way = 'driver') AS driver,
	max(rate) FILTER (WHERE way = 'copy') AS copy,
	max(ratio) FILTER (WHERE way = 'statement') AS to_statement, max(ratio) FILTER (WHERE way = 'plpgsql') AS to_plpgsql,
	max(ratio) FILTER (WHERE way = 'driver') AS to_driver, max(ratio) FILTER (WHERE way = 'copy') AS to_copy,
	max(rate) FILTER (WHERE way = 'outcomes') AS outcomes, max(rate) FILTER (WHERE way = 'member') AS member,
	max(rate) FILTER (WHERE way = 'peers') AS peers,
	round(1 / max(ratio) FILTER (WHERE way = 'outcomes'), 2) AS outcomes_to_all,
	round(1 / max(ratio) FILTER (WHERE way = 'member'), 2) AS member_to_owner, max(ratio) FILTER (WHERE way = 'peers') AS to_peers
FROM cell GROUP BY kind, scenario, synchronous_commit, clients
ORDER BY kind, array_position(ARRAY['create', 'change', 'unchanged'], scenario), synchronous_commit DESC, clients;

\pset border 2
\pset footer off
\echo
\echo Calls: contacts a second, and contact_upsert to the others
\echo
SELECT scenario, synchronous_commit, clients, contact_upsert, statement, plpgsql AS "PL/pgSQL", driver,
	to_statement AS "to statement", to_plpgsql AS "to PL/pgSQL", to_driver AS "to driver"
FROM side_by_side WHERE kind = 'calls';

\echo Arrays of 1,000: contacts a second, and upsert_many to the others
\echo
SELECT scenario, synchronous_commit, clients, contact_upsert AS upsert_many, statement, plpgsql AS "PL/pgSQL", copy AS "COPY", peers AS "peers' way",
	to_statement AS "to statement", to_plpgsql AS "to PL/pgSQL", to_copy AS "to COPY", to_peers AS "to peers"
FROM side_by_side WHERE kind = 'arrays';

\echo 'The same arrays with results => ''outcomes'', and as a member under row level security, to those of the owner with all results'
\echo
SELECT scenario, synchronous_commit, clients, contact_upsert AS upsert_many, outcomes, member, outcomes_to_all AS "outcomes to all",
	member_to_owner AS "member to owner"
FROM side_by_side WHERE kind = 'arrays';
