SELECT u.position, u.outcome, u.id FROM batch b, contacts.upsert_many(b.requests, workspace_id => 1) u
WHERE b.scenario = :scenario AND b.number = (SELECT nextval(:turn::regclass) % :arrays::bigint);
