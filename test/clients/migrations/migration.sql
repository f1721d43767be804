-- region: migration
SELECT contacts.define_field('first_name', 'First Name'), contacts.define_tag('vip');
-- end region
