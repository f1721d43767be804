SELECT u.position, u.outcome, u.id FROM batch b, contacts.upsert_many(1, b.requests) u
WHERE b.scenario = :scenario AND b.number = (SELECT nextval(:turn::regclass) % :arrays::bigint);
