-- Without upsert: it fails on an address that exists. COPY takes no parameters, so pgbench puts the number into its text.
SELECT nextval(':turn') % :arrays AS number \gset
COPY copy.contact (workspace_id, email_address, tags, data) FROM ':directory/contacts_:number';
