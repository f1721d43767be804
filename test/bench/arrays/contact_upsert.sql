SELECT r.* FROM batch b, contacts.upsert_many(b.requests) r
WHERE b.scenario = :scenario AND b.number = (SELECT nextval('turn_contact_upsert') % :arrays::bigint);
