SELECT u.outcome, count(*) FROM batch b, contacts.upsert_many(b.requests, results => 'outcomes', workspace_id => 1) u
WHERE b.scenario = :scenario AND b.number = (SELECT nextval(:turn::regclass) % :arrays::bigint) GROUP BY u.outcome;
