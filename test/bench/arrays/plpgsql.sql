SELECT plpgsql.upsert(r) #>> '{data,id}' FROM batch b, jsonb_array_elements(b.requests) r
WHERE b.scenario = :scenario AND b.number = (SELECT nextval(:turn::regclass) % :arrays::bigint);
