# Nobody gets in where he does not belong. Walks the catalogue: what a member of workspace 1, a monitor and a stranger may do
# with each table, column, sequence, function, view, type and setting is written down here, and an object that is not is a
# failure. Then the member attacks workspace 2 and the owner's consumers of all workspaces through each of them.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', 'lock_timeout = 5s');
$node->start;
# The tables belong to a role that is no superuser: what runs as their owner can do no more than that one.
$node->safe_psql('postgres', q(
	CREATE ROLE keeper;
	CREATE ROLE member LOGIN; CREATE ROLE monitor LOGIN; CREATE ROLE stranger LOGIN; CREATE ROLE theirs LOGIN;
	-- What others get by default of whatever the installing role creates, they do not get of this.
	ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO stranger; ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO stranger;
	ALTER DEFAULT PRIVILEGES GRANT ALL ON TYPES TO stranger; ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO stranger;
	ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO stranger; ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;
	CREATE EXTENSION contact_upsert;
	SELECT contacts.install();
	ALTER DEFAULT PRIVILEGES REVOKE ALL ON SCHEMAS FROM stranger; ALTER DEFAULT PRIVILEGES REVOKE ALL ON FUNCTIONS FROM stranger;
	ALTER DEFAULT PRIVILEGES REVOKE ALL ON TYPES FROM stranger; ALTER DEFAULT PRIVILEGES REVOKE ALL ON SEQUENCES FROM stranger;
	ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM stranger; ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM PUBLIC;
	SELECT contacts.define_workspace('theirs', history => 'all') = 2;
	GRANT CREATE ON SCHEMA public TO member, stranger;
	SELECT contacts.grant_access('member', workspace_id => 1), contacts.grant_access('theirs', workspace_id => 2), contacts.grant_monitoring('monitor');
	SELECT contacts.define_field('value', 'Value', tracked => true, workspace_id => w), contacts.define_tag('vip', workspace_id => w) FROM generate_series(1, 2) w;
	SELECT contacts.subscribe('mailer', workspace_id => w) FROM generate_series(0, 2) w;
	SELECT contacts.subscribe('dead', max_attempts => 1, workspace_id => 2);
));
my $tables = $node->safe_psql('postgres', q(SELECT string_agg(format('ALTER TABLE %s OWNER TO keeper;', c.oid::regclass), ' ')
	FROM pg_class c WHERE c.relnamespace = 'contacts'::regnamespace AND c.relkind IN ('r', 'p')));
$node->safe_psql('postgres', $tables . q(
	GRANT USAGE, CREATE ON SCHEMA contacts, contacts_internal TO keeper;
	GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA contacts, contacts_internal TO keeper;
));

sub as
{
	my ($role, $sql) = @_;
	my ($status, $out, $err) = $node->psql('postgres', $sql, extra_params => [ '-U', $role ], on_error_die => 0, on_error_stop => 0);
	return wantarray ? ($out, $err) : $out;
}

# Both tenants have contacts, events and leases, as their members make them.
sub fill
{
	my ($role, $workspace) = @_;
	return as($role, qq(
		SELECT contacts.upsert('{"email_address":"a\@example.com","status":"UNCONFIRMED"}', workspace_id => $workspace);
		SELECT contacts.upsert('{"email_address":"a\@example.com","fields":{"value":"x"},"tags":["vip"]}', workspace_id => $workspace);
		SELECT contacts.upsert('{"email_address":"b\@example.com","status":"UNCONFIRMED"}', workspace_id => $workspace);
		SELECT contacts.record(id, 'total_opens', workspace_id => $workspace) FROM contacts.contact WHERE workspace_id = $workspace;
		SELECT count(*) FROM contacts.claim('mailer', 1, '1 h', workspace_id => $workspace);
	));
}
fill('member', 1);
fill('theirs', 2);
is($node->safe_psql('postgres', q(SELECT count(*) FROM contacts.event WHERE workspace_id = 2)), 4, 'a member writes through the owner of the tables');
is(as('theirs', q(SELECT count(contacts.fail('dead', lease, event_id, 'x', workspace_id => 2)) FROM contacts.claim('dead', workspace_id => 2))), 2, 'and consumes');
$node->safe_psql('postgres', q(SELECT count(*) FROM contacts.claim('mailer', 1, '1 h', workspace_id => 0);
	INSERT INTO contacts.import_progress (workspace_id, staging_table) VALUES (2, 'staging'), (1, 'staging');
	INSERT INTO contacts.import_chunk (workspace_id, import_id, first_row, rows) VALUES (2, 1, 1, '{"{}"}');
	INSERT INTO contacts.suppression VALUES (2, sha256('gone@example.com'), 'UNSUBSCRIBED', 'delete');
	INSERT INTO contacts.import_error SELECT 2, 1, 1, 1, '{}', 'x', 'x', 'X', 'x', NULL, '{}'));

# What the catalogue holds, and what of it who may do. A privilege on columns names them.
my %relation = (
	'contacts.workspace' => 'member: SELECT UPDATE (definitions_version)',
	'contacts.field' => 'member: DELETE INSERT (workspace_id merge_tag label type options default_value required tracked position) SELECT '
		. 'UPDATE (label type options default_value required tracked position)',
	'contacts.tag' => 'member: DELETE INSERT (workspace_id name description) SELECT UPDATE (name description)',
	'contacts.contact' => 'member: DELETE INSERT SELECT UPDATE',
	'contacts.statistics' => 'member: DELETE INSERT SELECT UPDATE',
	'contacts.member' => 'member: SELECT',
	'contacts.event' => 'member: SELECT',
	'contacts.history' => 'member: SELECT',
	'contacts.suppression' => 'member: SELECT',
	'contacts.consumer' => 'member: SELECT',
	'contacts.delivery' => 'member: SELECT',
	'contacts.low_water_mark' => '',
	'contacts.deleted_workspace' => '',
	'contacts.import_progress' => 'member: DELETE INSERT (workspace_id staging_table parameters matched defined backend_pid) SELECT '
		. 'UPDATE (parameters matched separators defined state total done created updated unchanged skipped failed values_cleared '
		. 'tags_removed statuses_changed seconds updated_at finished_at backend_pid fingerprint '
		. 'restored deleted kept undone_up_to undone_at)',
	'contacts.import_chunk' => 'member: DELETE INSERT SELECT',
	'contacts.import_error' => 'member: DELETE INSERT SELECT',
	'contacts.import_kept' => 'member: INSERT SELECT',
	'contacts.event_lag' => 'member: SELECT; monitor: SELECT',
	'contacts.import_counts' => 'member: SELECT; monitor: SELECT',
	'contacts.definitions_version_seq' => 'member: USAGE',
	map { ("contacts.$_" => '') } qw(workspace_workspace_id_seq tag_tag_id_seq event_event_id_seq history_history_id_seq consumer_consumer_id_seq
		delivery_lease_seq import_progress_import_id_seq),
);
# Of a partition nobody has a privilege: it is read and written by its table.
my %partition = map { ($_->[0] => '') } rows(q(SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace = 'contacts'::regnamespace AND c.relispartition AND c.relkind = 'r'));
%relation = (%relation, %partition);
my %type = map { ("contacts.$_" => '') } qw(status field_type status_policy history_level outcome event_type upsert_result claimed_event);
my %setting = map { ("contact_upsert.$_" => 'user') } qw(workspace_id notify notify_interval unknown_keys events fast_path);

# Functions: of the tables' owner; of members, and what they answer about workspace 2; of monitors.
my @of_owner = qw(contacts.install contacts.define_workspace contacts.subscribe contacts.unsubscribe contacts.purge_events contacts.purge_history contacts.grant_access contacts.revoke_access
	contacts.grant_monitoring contacts.revoke_monitoring contacts.tables_version contacts.set_partition contacts.distribute contacts.undistribute);
my @of_nobody = map { "contacts_internal.$_" } qw(subscribe unsubscribe install_definitions ensure_trigger ensure_triggers ensure_policies
	install_contacts install_access install_events install_history install_undo install_imports require_role member_privileges monitor_privileges before_workspace_write
	after_workspace_insert after_workspace_delete before_field_write after_field_delete before_field_truncate before_tag_insert before_tag_update
	before_contact_write after_definitions_change make_tables note_tables_version upgrade_tables add_first_workspace check_owners tables_version
	check_library delete_rows purge_deleted_workspaces revoke_default_privileges revoke_what_others_granted after_member_change before_consumer_change before_consumer_insert
	after_consumer_delete after_event_delete partition next_in_partition id_sequences remove_first_workspace check_partition_ids find_workspace hold_name release_name install_erasure after_contact_delete after_address_change check_partition_count make_table partitioning check_partitions
	protect_partitions
	check_citus check_own_objects check_plain_tables check_servers complete_servers former_members copy_privileges copy_rows workspace_there distributable_tables
	distribute_tables drop_triggers grant_on_servers is_distributed is_ready_for_shards new_workspace_there monitor_on_servers purge_there raise_not_distributable run_on_servers);
my @of_monitors = ('contacts_internal.monitor');
my $no_workspace = qr/Workspace 2 does not exist/;
my $not_member = qr/Role member may not act for workspace 2/;
my $gone = qr/Import 1 is gone/;
my $read_as_owner = qr/row level security may hide some of its rows/;
my $hidden = qr/row-level security|does not exist|Workspace 2/;
my $json = q('{"email_address":"new@example.com"}');
my %of_members = (
	'public.contact_upsert' => [ "SET contact_upsert.workspace_id = 2; SELECT contact_upsert($json)", $no_workspace ],
	'contacts.upsert' => [ "SELECT contacts.upsert($json, workspace_id => 2)", $no_workspace ],
	'contacts.apply' => [ "SELECT contacts.apply($json, workspace_id => 2)", $no_workspace ],
	'contacts.preview' => [ "SELECT contacts.preview($json, workspace_id => 2)", $no_workspace ],
	'contacts.upsert_many' => [ "SELECT error ->> 'message' FROM contacts.upsert_many(('[' || $json || ']')::jsonb, workspace_id => 2)", $no_workspace ],
	'contacts.define_field' => [ "SELECT contacts.define_field('mine', 'Mine', workspace_id => 2)", $hidden ],
	'contacts.define_tag' => [ "SELECT contacts.define_tag('mine', workspace_id => 2)", $hidden ],
	'contacts.record' => [ "SELECT contacts.record(:theirs, 'total_opens', workspace_id => 2)", $hidden ],
	'contacts.record_many' => [ q(SELECT contacts.record_many('[{"contact":"a@example.com","counter":"total_opens"}]', workspace_id => 2)), $no_workspace ],
	'contacts_internal.check_counts' => [ "SELECT contacts_internal.check_counts('[]')", qr/^$/ ],
	'contacts.request_schema' => [ 'SELECT contacts.request_schema(2)', $no_workspace ],
	'contacts_internal.padded_pattern' => [ "SELECT length(contacts_internal.padded_pattern('x')) > 1", qr/^t$/ ],
	'contacts_internal.field_schema' => [ "SELECT contacts_internal.field_schema('COUNTRY', NULL) ->> 'type'", qr/string/ ],
	'contacts_internal.key_schema' => [ "SELECT contacts_internal.key_schema('{tags}') IS NOT NULL", qr/^t$/ ],
	'contacts.get' => [ "SELECT contacts.get('a\@example.com', workspace_id => 2)", $no_workspace ],
	'contacts.search' => [ "SELECT contacts.search('{}', workspace_id => 2)", $no_workspace ],
	'contacts.export' => [ "SELECT contacts.export(:theirs, workspace_id => 2)", $no_workspace ],
	'contacts_internal.export_events' => [ 'SELECT contacts_internal.export_events(ARRAY[:theirs], 2)', qr/^$/ ],
	'contacts_internal.export_import_rows' => [ "SELECT contacts_internal.export_import_rows('{a\@example.com}', 2)", qr/^$/ ],
	'contacts.claim' => [ "SELECT * FROM contacts.claim('mailer', workspace_id => 2)", $not_member ],
	'contacts.ack' => [ "SELECT contacts.ack('mailer', :lease, ARRAY[:event]::bigint[], workspace_id => 2)", $not_member ],
	'contacts.fail' => [ "SELECT contacts.fail('mailer', :lease, :event, 'x', workspace_id => 2)", $not_member ],
	'contacts.release' => [ "SELECT contacts.release('mailer', :lease, ARRAY[:event]::bigint[], workspace_id => 2)", $not_member ],
	'contacts.extend' => [ "SELECT contacts.extend('mailer', :lease, '1 h', workspace_id => 2)", $not_member ],
	'contacts.retry_dead' => [ "SELECT contacts.retry_dead('dead', workspace_id => 2)", $not_member ],
	'contacts.relay' => [ "SELECT contacts.relay('mailer', 'x', workspace_id => 2)", $not_member ],
	'contacts.match_columns' => [ "SELECT * FROM contacts.match_columns('{Email}', workspace_id => 2)", $no_workspace ],
	'contacts.create_import_view' => [ "SELECT contacts.create_import_view('public.theirs', workspace_id => 2)", $hidden ],
	'contacts.import' => [ "CREATE TABLE public.s AS SELECT 'i\@example.com'::text AS email_address; CALL contacts.import('public.s', workspace_id => 2)", $hidden ],
	'contacts.erase' => [ "SELECT contacts.erase('a\@example.com', true, workspace_id => 2)", $not_member ],
	'contacts.lift_suppression' => [ "SELECT contacts.lift_suppression('gone\@example.com', workspace_id => 2)", $not_member ],
	'contacts.change_address' => [ "SELECT contacts.change_address('a\@example.com', 'x\@example.com', workspace_id => 2)", $no_workspace ],
	'contacts.merge' => [ "SELECT contacts.merge('a\@example.com', 'b\@example.com', workspace_id => 2)", $not_member ],
	'contacts_internal.mentions_address' => [ q(SELECT contacts_internal.mentions_address('"a@example.com"', '{a@example.com}')), qr/^t$/ ],
	'contacts_internal.known_addresses' => [ q(SELECT contacts_internal.known_addresses(:theirs, NULL, 2)), qr/^\{\}$/ ],
	'contacts_internal.gone_contacts' => [ q(SELECT contacts_internal.gone_contacts('{a@example.com,b@example.com}', 2)), qr/^\{\}$/ ],
	'contacts_internal.require_writing' => [ "SELECT contacts_internal.require_writing('x()')", qr/^$/ ],
	'contacts_internal.normalize_address' => [ "SELECT contacts_internal.normalize_address('A\@example.com')", qr/^a\@example.com$/ ],
	'contacts_internal.is_suppressed' => [ "SELECT contacts_internal.is_suppressed('gone\@example.com', 2)", $not_member ],
	'contacts_internal.is_address_key' => [ "SELECT contacts_internal.is_address_key('contacts', 'contact_workspace_id_email_address_key'), contacts_internal.is_address_key('contacts', 'contact_pkey')", qr/^t\|f$/ ],
	'contacts_internal.raise_no_contact' => [ "SELECT contacts_internal.raise_no_contact('x')", qr/unable to find the contact/ ],
	'contacts_internal.raise_not_written' => [ "SELECT contacts_internal.raise_not_written()", qr/could not be written/ ],
	'contacts_internal.move_to_address' => [ "SELECT contacts_internal.move_to_address(:theirs, 'x\@example.com', 2)", qr/unable to find the contact/ ],
	'contacts_internal.hold_contact' => [ "SELECT contacts_internal.hold_contact(:theirs, 2)", qr/unable to find the contact/ ],
	'contacts_internal.hold_contacts' => [ "SELECT contacts_internal.hold_contacts(:theirs, 'b\@example.com', 2)", qr/unable to find the contact/ ],
	'contacts_internal.raise_address_taken' => [ "SELECT contacts_internal.raise_address_taken('contacts', 'contact_pkey', 'x')", qr/^$/ ],
	'contacts_internal.guard_address' => [ "SELECT contacts_internal.guard_address('SUBSCRIBED', 'gone\@example.com', 2)", qr/may not act for workspace 2/ ],
	'contacts_internal.require_contact_triggers' => [ 'SELECT contacts_internal.require_contact_triggers()', qr/^$/ ],
	'contacts_internal.merge_requests' => [ "SELECT contacts_internal.merge_requests(:theirs, :theirs, 2)", qr/^$/ ],
	'contacts_internal.merge_statistics' => [ "SELECT contacts_internal.merge_statistics(:theirs, :theirs, 2)", qr/^$/ ],
	'contacts_internal.merge' => [ "SELECT contacts_internal.merge('a\@example.com', 'b\@example.com', 2)", qr/unable to find the contact|CONTACT_NOT_FOUND/ ],
	'contacts_internal.finish_merge' => [ "SELECT contacts_internal.finish_merge(:theirs, 1, ARRAY['{\"email_address\":\"a\@example.com\"}'::jsonb], 2)", $no_workspace ],
	'contacts_internal.check_versions' => [ 'SELECT contacts_internal.check_versions()', qr/^$/ ],
	'contacts_internal.require_workspace' => [ 'SELECT contacts_internal.require_workspace(2)', $no_workspace ],
	'contacts_internal.raise_no_workspace' => [ 'SELECT contacts_internal.raise_no_workspace(2)', $no_workspace ],
	'contacts_internal.require_triggers' => [ 'SELECT contacts_internal.require_triggers()', qr/^$/ ],
	'contacts_internal.current_workspace' => [ "SELECT contacts_internal.current_workspace()", qr/^1$/ ],
	'contacts_internal.contact_id' => [ q(SELECT contacts_internal.contact_id('a@example.com', 2)), qr/^$/ ],
	'contacts_internal.raise_error' => [ "SELECT contacts_internal.raise_error('EMAIL_INVALID', 'x', 'x')", qr/^psql.*ERROR: +x/ ],
	'contacts_internal.object_id' => [ "SELECT length(contacts_internal.object_id())", qr/^24$/ ],
	'contacts_internal.check_contact' => [ "SELECT 1", qr/1/ ],
	'contacts_internal.is_tag_name' => [ "SELECT contacts_internal.is_tag_name('x')", qr/^t$/ ],
	'contacts_internal.trim' => [ "SELECT contacts_internal.trim(' x ')", qr/^x$/ ],
	'contacts_internal.fold_case' => [ "SELECT contacts_internal.fold_case('x')", qr/./ ],
	'contacts_internal.is_option_list' => [ "SELECT contacts_internal.is_option_list('{a}')", qr/^f$/ ],
	'contacts_internal.is_field_value' => [ "SELECT contacts_internal.is_field_value('TEXT', NULL, '1')", qr/^[tf]$/ ],
	'contacts_internal.is_member' => [ "SELECT contacts_internal.is_member(2), contacts_internal.is_member(0), contacts_internal.is_member(1)", qr/^f\|f\|t$/ ],
	'contacts_internal.is_elsewhere' => [ 'SELECT contacts_internal.is_elsewhere(2)', qr/^f$/ ],
	'contacts_internal.workspaces_elsewhere' => [ 'SELECT contacts_internal.workspaces_elsewhere()', qr/^\{\}$/ ],
	'contacts_internal.require_one_server' => [ "SELECT contacts_internal.require_one_server('x()')", qr/^$/ ],
	'contacts_internal.require_coordinator' => [ "SELECT contacts_internal.require_coordinator('x()')", qr/^$/ ],
	'contacts_internal.session_pid' => [ 'SELECT contacts_internal.session_pid() = pg_backend_pid()', qr/^t$/ ],
	'contacts_internal.here' => [ "SELECT contacts_internal.here('contacts.contact')", qr/^contacts.contact$/ ],
	'contacts_internal.call_there' => [ "SELECT contacts_internal.call_there('get', 2, 'a\@example.com')", qr/The contact tables are not distributed/ ],
	'contacts_internal.call_here' => [ "SELECT contacts_internal.call_here(2, 'get', '{a\@example.com}', '{}')", qr/The contact tables are not distributed/ ],
	'contacts_internal.is_consumer_of' => [ "SELECT contacts_internal.is_consumer_of(consumer_id, 2) FROM generate_series(1, 9) consumer_id GROUP BY 1", qr/^f$/ ],
	'contacts_internal.serve' => [ "SELECT contacts_internal.serve('1.0.0 0 1 0', 'contacts.get', '{a\@example.com,2}')", $no_workspace ],
	'contacts_internal.answer' => [ "SELECT contacts_internal.answer(E'1.0.0 0 1 2\\n' || $json)", $no_workspace ],
	'contacts_internal.is_monitor' => [ 'SELECT contacts_internal.is_monitor()', qr/^f$/ ],
	'contacts_internal.extension_version' => [ 'SELECT contacts_internal.extension_version()', qr/^[0-9.]+$/ ],
	'contacts_internal.list_consumers' => [ 'SELECT count(*) FROM contacts_internal.list_consumers() WHERE workspace_id = 2', qr/^0$/ ],
	'contacts_internal.event_line' => [ "SELECT contacts_internal.event_line(NULL)", qr/^/ ],
	'contacts_internal.count_deliveries' => [ "SELECT DISTINCT workspace_id FROM contacts_internal.count_deliveries()", qr/^1$/ ],
	'contacts_internal.count_imports' => [ "SELECT DISTINCT workspace_id FROM contacts_internal.count_imports()", qr/^1$/ ],
	'contacts_internal.view_columns' => [ "SELECT * FROM contacts_internal.view_columns('{}', 2)", $no_workspace ],
	'contacts_internal.view_value' => [ "SELECT contacts_internal.view_value('x', 'TEXT')", qr/./ ],
	'contacts_internal.upsert_view_row' => [ "SELECT 1", qr/1/ ],
	'contacts_internal.refuse_view_change' => [ "SELECT 1", qr/1/ ],
	'contacts_internal.workspace_of_view' => [ "SELECT contacts_internal.workspace_of_view('contacts.contact')", qr/^/ ],
	'contacts_internal.keep_unnamed_columns' => [ "SELECT contacts_internal.keep_unnamed_columns('contacts.contact')", qr/must be owner|not a view/ ],
	'contacts_internal.view_rights' => [ "SELECT contacts_internal.view_rights('contacts.contact')", qr/^/ ],
	'contacts_internal.make_room_for_view' => [ "SELECT contacts_internal.make_room_for_view('contacts.event_lag', 2, true)", qr/./ ],
	'contacts_internal.full_view_name' => [ "SELECT contacts_internal.full_view_name('x', 'public')", qr/x/ ],
	'contacts_internal.require_commits' => [ "SELECT contacts_internal.require_commits('x()', NULL)", qr/^$/ ],
	'contacts_internal.in_transaction_block' => [ "SELECT contacts_internal.in_transaction_block()", qr/^f$/ ],
	'contacts_internal.check_import_call' => [ "SELECT contacts_internal.check_import_call('public.s', 1, '{}', false, NULL, 2)", $hidden ],
	'contacts_internal.check_import_values' => [ "SELECT contacts_internal.check_import_values('{}')", qr/^$/ ],
	'contacts_internal.check_import_options' => [ "SELECT contacts_internal.check_import_options(NULL, false)", qr/for the owner of the contact tables/ ],
	'contacts_internal.columns_of_table' => [ "SELECT contacts_internal.columns_of_table('contacts.member')", qr/^\{workspace_id,role_name\}$/ ],
	'contacts_internal.match_import' => [ "SELECT * FROM contacts_internal.match_import('public.s', '{}', true, 2)", $no_workspace ],
	'contacts_internal.raise_bad_columns' => [ "SELECT contacts_internal.raise_bad_columns('public.s', '{email}', NULL, 'refuse', 2)", $no_workspace ],
	'contacts_internal.make_merge_tag' => [ "SELECT contacts_internal.make_merge_tag('First Name')", qr/^first_name$/ ],
	'contacts_internal.lasting_target' => [ "SELECT contacts_internal.lasting_target('tags', NULL)", qr/^contact\.tags$/ ],
	'contacts_internal.new_merge_tag' => [ "SELECT contacts_internal.new_merge_tag('value', '{}', 2)", qr/^value$/ ],
	'contacts_internal.define_column' => [ "SELECT contacts_internal.define_column('Mine', 'mine', 2)", $hidden ],
	'contacts_internal.is_dry_run' => [ "SELECT contacts_internal.is_dry_run('{}')", qr/^f$/ ],
	'contacts_internal.address_column' => [ q(SELECT contacts_internal.address_column('{"E-Mail": "email_address"}')), qr/^E-Mail$/ ],
	'contacts_internal.abandon_dry_run' => [ "SELECT contacts_internal.abandon_dry_run('staging', 2)", qr/^$/ ],
	'contacts_internal.abandon_import' => [ "SELECT contacts_internal.abandon_import(1, 2)", qr/^$/ ],
	'contacts_internal.check_dry_run' => [ "SELECT contacts_internal.check_dry_run('staging', 2)", qr/^$/ ],
	'contacts_internal.put_back_bad_rows' => [ 'SELECT contacts_internal.put_back_bad_rows(1, 1, 2)', qr/^0$/ ],
	'contacts_internal.retry_import' => [ "SELECT contacts_internal.retry_import('staging', 1, 'finished', '{}', '{}', 1, 2)", qr/has no bad rows/ ],
	'contacts_internal.list_columns' => [ q(SELECT contacts_internal.list_columns('{"tags": "tags"}', 2)), $no_workspace ],
	'contacts_internal.check_staging' => [ "SELECT contacts_internal.check_staging('contacts.contact')", $read_as_owner ],
	'contacts_internal.staging_fingerprint' => [ "SELECT contacts_internal.staging_fingerprint('contacts.contact')", $read_as_owner ],
	'contacts_internal.staging_chunks' => [ "SELECT contacts_internal.staging_chunks('contacts.contact', 1, '{}')", $read_as_owner ],
	'contacts_internal.copy_staging' => [ "SELECT contacts_internal.copy_staging('public.s', 1, 1, 2)", $gone ],
	'contacts_internal.find_import' => [ "SELECT * FROM contacts_internal.find_import('staging', 2)", qr/^\|*$/ ],
	'contacts_internal.note_import' => [ "SELECT contacts_internal.note_import('staging', '{}', '{}', '{}', 2)", qr/row-level security/ ],
	'contacts_internal.new_import' => [ "SELECT contacts_internal.new_import('public.s', 'staging', '{}', 2)", $no_workspace ],
	'contacts_internal.check_import_parameters' => [ "SELECT contacts_internal.check_import_parameters('s', 1, '{}', '{}')", qr/^$/ ],
	'contacts_internal.begin_import' => [ "SELECT contacts_internal.begin_import('public.s', 1, '{}', false, NULL, 2)", $no_workspace ],
	'contacts_internal.hold_import' => [ 'SELECT contacts_internal.hold_import(1, 2)', $gone ],
	'contacts_internal.next_chunk' => [ 'SELECT * FROM contacts_internal.next_chunk(1, 2)', $gone ],
	'contacts_internal.load_chunk' => [ "SELECT contacts_internal.load_chunk(1, 2)", $gone ],
	'contacts_internal.load_rows' => [ "SELECT contacts_internal.load_rows(ARRAY[$json]::jsonb[], '{1}', '{}', '{}', '{}', '{}', 1, 2)", $no_workspace ],
	'contacts_internal.import_rows' => [ "SELECT contacts_internal.import_rows(1, ARRAY[$json]::jsonb[], '{1}', '{}', '{}', '{}', '{}', 2)", $no_workspace ],
	'contacts_internal.note_rows' => [ "SELECT contacts_internal.note_rows(1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 2)", qr/^$/ ],
	'contacts.undo_import' => [ 'CALL contacts.undo_import(1, workspace_id => 2)', $no_workspace ],
	'contacts_internal.check_undo' => [ 'SELECT contacts_internal.check_undo(1, true, 2)', $no_workspace ],
	'contacts_internal.is_at_work' => [ 'SELECT contacts_internal.is_at_work(pg_backend_pid())', qr/^f$/ ],
	'contacts_internal.begin_undo' => [ 'SELECT contacts_internal.begin_undo(1, 2)', qr/Another session is at import 1/ ],
	'contacts_internal.undo_ids' => [ q(SELECT contacts_internal.undo_ids(1, '', 2)), qr/^\{\}$/ ],
	'contacts_internal.next_undo' => [ 'SELECT contacts_internal.next_undo(1, 2)', $gone ],
	'contacts_internal.undo_plan' => [ 'SELECT * FROM contacts_internal.undo_plan(1, ARRAY[:theirs], 2)', qr/^$/ ],
	'contacts_internal.restore_contacts' => [ "SELECT error ->> 'message' FROM contacts_internal.restore_contacts(('[' || $json || ']')::jsonb, 2)", $no_workspace ],
	'contacts_internal.note_undo' => [ q(SELECT contacts_internal.note_undo(1, 'x', 1, 1, '{x}', '{X}', '{x}', 2)), qr/row-level security/ ],
	'contacts_internal.delete_created' => [ 'SELECT contacts_internal.delete_created(ARRAY[:theirs], 2)', qr/^$/ ],
	'contacts_internal.undo_contacts' => [ 'SELECT contacts_internal.undo_contacts(1, ARRAY[:theirs], 2)', qr/^$/ ],
	'contacts_internal.undo_chunk' => [ 'SELECT contacts_internal.undo_chunk(1, 2)', $gone ],
	'contacts_internal.undo_counts' => [ "SELECT contacts_internal.undo_counts(1, '', 2)", qr/^\{0,0,0\}$/ ],
	'contacts_internal.count_undo' => [ 'SELECT contacts_internal.count_undo(1, 2)', qr/^$/ ],
	'contacts_internal.end_undo' => [ 'SELECT contacts_internal.end_undo(1, 2)', qr/^$/ ],
	'contacts_internal.end_import' => [ 'SELECT contacts_internal.end_import(1, 2)', qr/^$/ ],
);

# The catalogue as it is.
sub rows { return map { [ split /\t/, $_, -1 ] } split /\n/, $node->safe_psql('postgres', "COPY ($_[0]) TO STDOUT") }
my $ours = q((SELECT oid FROM pg_namespace WHERE nspname IN ('contacts', 'contacts_internal')));

for (rows(qq(
	SELECT c.oid::regclass, (SELECT string_agg(r || ': ' || h.has, '; ' ORDER BY r) FROM unnest('{member,monitor,stranger}'::text[]) r, LATERAL (
		SELECT string_agg(p || CASE WHEN whole THEN '' ELSE ' (' || columns || ')' END, ' ' ORDER BY p) AS has
		FROM unnest(CASE c.relkind WHEN 'S' THEN '{SELECT,UPDATE,USAGE}' ELSE '{DELETE,INSERT,REFERENCES,SELECT,TRIGGER,TRUNCATE,UPDATE}' END::text[]) p, LATERAL (
			SELECT CASE c.relkind WHEN 'S' THEN has_sequence_privilege(r, c.oid, p) ELSE has_table_privilege(r, c.oid, p) END AS whole) w, LATERAL (
			SELECT string_agg(a.attname, ' ' ORDER BY a.attnum) AS columns FROM pg_attribute a
			WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind <> 'S'
				AND has_column_privilege(r, c.oid, a.attnum, CASE WHEN p IN ('INSERT', 'REFERENCES', 'UPDATE') THEN p ELSE 'SELECT' END)
				AND p IN ('INSERT', 'REFERENCES', 'SELECT', 'UPDATE')) l
		WHERE whole OR columns <> '') h)
	FROM pg_class c WHERE c.relnamespace IN $ours AND c.relkind NOT IN ('i', 'I', 't', 'c') ORDER BY 1)))
{
	my ($name, $has) = map { $_ eq '\N' ? '' : $_ } @$_;
	ok(exists $relation{$name}, "$name is known to this test") or next;
	is($has, $relation{$name}, "$name: privileges");
	delete $relation{$name};
}
is(join(' ', sort keys %relation), '', 'no table, view or sequence is missing');

my %who = ((map { ($_ => '') } @of_owner, @of_nobody), (map { ($_ => 'monitor') } @of_monitors), (map { ($_ => 'member') } keys %of_members));
$who{$_} = 'member monitor' for qw(contacts_internal.count_deliveries contacts_internal.count_imports contacts_internal.serve contacts_internal.is_monitor);
my $functions = qq(FROM pg_proc p WHERE p.pronamespace IN $ours OR p.oid = 'public.contact_upsert'::regproc);
for (rows(qq(SELECT p.pronamespace::regnamespace || '.' || p.proname, (SELECT string_agg(r, ' ' ORDER BY r) FROM unnest('{member,monitor,stranger}'::text[]) r
	WHERE has_function_privilege(r, p.oid, 'EXECUTE')) $functions ORDER BY 1)))
{
	my ($name, $may) = map { $_ eq '\N' ? '' : $_ } @$_;
	ok(exists $who{$name}, "$name() is known to this test") or next;
	is($may, $who{$name}, "$name(): who may call it");
	delete $who{$name};
}
is(join(' ', sort keys %who), '', 'no function is missing');

for (rows(qq(SELECT t.oid::regtype, (SELECT string_agg(r, ' ') FROM unnest('{member,monitor,stranger}'::text[]) r WHERE has_type_privilege(r, t.oid, 'USAGE'))
	FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid WHERE t.typnamespace IN $ours AND t.typcategory <> 'A' AND coalesce(c.relkind, 'c') = 'c')))
{
	my ($name, $may) = map { $_ eq '\N' ? '' : $_ } @$_;
	ok(exists $type{$name}, "type $name is known to this test") or next;
	is($may, $type{$name}, "type $name: who may use it");
	delete $type{$name};
}
is(join(' ', sort keys %type), '', 'no type is missing');

is($node->safe_psql('postgres', qq(SELECT string_agg(r || ' ' || p || ' ' || n, ', ' ORDER BY r, p, n) FROM unnest('{member,monitor,stranger}'::text[]) r,
	unnest('{CREATE,USAGE}'::text[]) p, unnest('{contacts,contacts_internal}'::text[]) n WHERE has_schema_privilege(r, n, p))),
	'member USAGE contacts, member USAGE contacts_internal, monitor USAGE contacts, monitor USAGE contacts_internal', 'who may use and who fill the schemas');

for (split /\n/, $node->safe_psql('postgres', q(SELECT contacts_internal.current_workspace(); SELECT name || ' ' || context FROM pg_settings WHERE name LIKE 'contact\_upsert.%')))
{
	next unless /^contact_upsert/;
	my ($name, $context) = split / /;
	ok(exists $setting{$name}, "setting $name is known to this test") or next;
	is($context, $setting{$name}, "setting $name: who may set it");
	delete $setting{$name};
}
is(join(' ', sort keys %setting), '', 'no setting is missing');

# The extensions' C code trusts its own tables no more than it must, and the database's owner less. (Not in test/sql, which packages run on
# a server that finds the extension where this view does not look.)
is($node->safe_psql('postgres', q(SELECT name, superuser, trusted FROM pg_available_extension_versions WHERE name ~ '^contact_upsert' ORDER BY name)),
	"contact_upsert|t|f\ncontact_upsert_proxy|t|f", 'only a superuser makes the extensions');

# Attacks. After each, all that is not of workspace 1 is as it was.
my @all = map { $_->[0] } rows(q(SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace = 'contacts'::regnamespace AND c.relkind IN ('r', 'p')));
my $sum = join ' || ', map { "(SELECT coalesce(md5(string_agg(t::text, chr(10) ORDER BY t::text)), '-') FROM $_ t WHERE t.workspace_id <> 1)" } @all;
# What the member's own upserts add for the owner's consumers is no attack.
$sum =~ s/FROM contacts.delivery t WHERE t.workspace_id <> 1/FROM contacts.delivery t WHERE t.workspace_id <> 1 OR t.event_id <= (SELECT max(event_id) FROM contacts.event WHERE created_at < (SELECT started FROM public.attack))/;
$node->safe_psql('postgres', 'CREATE TABLE public.attack AS SELECT clock_timestamp() AS started');
my $before = $node->safe_psql('postgres', "SELECT $sum");
my %value = (
	theirs => $node->safe_psql('postgres', q(SELECT quote_literal(min(id)) FROM contacts.contact WHERE workspace_id = 2)),
	lease => $node->safe_psql('postgres', q(SELECT max(lease) FROM contacts.delivery WHERE workspace_id = 2)),
	event => $node->safe_psql('postgres', q(SELECT event_id FROM contacts.delivery WHERE workspace_id = 2 ORDER BY lease DESC LIMIT 1)),
	consumer => $node->safe_psql('postgres', q(SELECT consumer_id FROM contacts.consumer WHERE workspace_id = 2 AND name = 'mailer')),
	every => $node->safe_psql('postgres', q(SELECT consumer_id FROM contacts.consumer WHERE workspace_id = 0)),
);

sub attack
{
	my ($name, $sql, $answer, $role) = @_;
	$sql =~ s/:(\w+)\b(?<!::)/exists $value{$1} ? $value{$1} : ":$1"/ge;
	my ($out, $err) = as($role // 'member', $sql);
	my $said = join "\n", grep { $_ ne '' } $out, $err;
	like($said, $answer, "$name: answer");
	is($node->safe_psql('postgres', "SELECT $sum"), $before, "$name: nothing of others has changed");
}

attack("$_()", @{ $of_members{$_} }) for sort keys %of_members;
attack("$_() as a member", {
	'contacts.install' => 'SELECT contacts.install()',
	'contacts.define_workspace' => "SELECT contacts.define_workspace('taken', workspace_id => 2)",
	'contacts.subscribe' => "SELECT contacts.subscribe('x')",
	'contacts.unsubscribe' => "SELECT contacts.unsubscribe('mailer')",
	'contacts.purge_events' => "SELECT contacts.purge_events('0')",
	'contacts.purge_history' => "SELECT contacts.purge_history('0')",
	'contacts.grant_access' => "SELECT contacts.grant_access('member', workspace_id => 2)",
	'contacts.revoke_access' => "SELECT contacts.revoke_access('theirs', workspace_id => 2)",
	'contacts.grant_monitoring' => "SELECT contacts.grant_monitoring('member')",
	'contacts.revoke_monitoring' => "SELECT contacts.revoke_monitoring('monitor')",
	'contacts.tables_version' => 'SELECT contacts.tables_version()',
	'contacts.set_partition' => 'SELECT contacts.set_partition(0, 1)',
	'contacts.distribute' => 'SELECT contacts.distribute()',
	'contacts.undistribute' => 'SELECT contacts.undistribute()',
}->{$_}, qr/permission denied for function/) for @of_owner;

# Each table, each verb, each role: nothing of workspace 2 is seen or changed. A row that is taken from nowhere is refused.
for my $table (@all)
{
	(my $short = $table) =~ s/^contacts\.//;
	attack("SELECT FROM $table", "SELECT count(*) FROM $table WHERE workspace_id <> 1", exists $partition{$table} || $short =~ /^(low_water_mark|deleted_workspace)$/ ? qr/permission denied/ : qr/^0$/);
	attack("DELETE FROM $table", "DELETE FROM $table WHERE workspace_id <> 1", qr/permission denied|^$/);
	attack("UPDATE $table", "UPDATE $table SET workspace_id = 2 WHERE workspace_id <> 1", qr/permission denied|can only be updated|^$/);
	attack("UPDATE $table, own rows", "UPDATE $table SET workspace_id = 2", qr/permission denied|row-level security|violates|can only be updated|changed|^$/);
	attack("INSERT INTO $table", "INSERT INTO $table (workspace_id) VALUES (2)", qr/permission denied|row-level security|null value|cannot insert|violates/);
	attack("TRUNCATE $table", "TRUNCATE $table CASCADE", qr/permission denied/);
	attack("LOCK $table", "BEGIN; LOCK TABLE $table IN ACCESS EXCLUSIVE MODE; COMMIT", qr/permission denied|^$/);
	for my $role (qw(monitor stranger))
	{
		attack("$role: $_ $table", "$_ $table", qr/permission denied/, $role) for 'TABLE', 'DELETE FROM', 'TRUNCATE', 'BEGIN; LOCK TABLE';
	}
}
attack('monitor: a contact by the call', "SELECT contact_upsert($json)", qr/permission denied/, 'monitor');
attack('stranger: the call', "SELECT contact_upsert($json)", qr/permission denied/, 'stranger');
attack('stranger: counts', 'TABLE contacts.event_lag', qr/permission denied/, 'stranger');
is(as('monitor', 'SELECT string_agg(workspace_id::text, $$,$$ ORDER BY workspace_id) FROM (SELECT DISTINCT workspace_id FROM contacts.event_lag) l'), '0,1,2', 'a monitor sees the counts of all');
is(as('monitor', 'SELECT count(*) FROM contacts.import_counts'), '2', 'and of imports');
is(as('member', 'SELECT DISTINCT workspace_id FROM contacts.event_lag'), '1', 'a member those of his own');

# What members did to others in the first version.
my $owner_only = qr/permission denied/;
attack('a consumer with the id of another', 'INSERT INTO contacts.consumer (workspace_id, consumer_id, name) OVERRIDING SYSTEM VALUE VALUES (1, :consumer, $$x$$)', $owner_only);
attack('all deliveries deleted', 'DELETE FROM contacts.delivery', $owner_only);
attack('all deliveries dead', q(UPDATE contacts.delivery SET dead = true, due_at = 'infinity'), $owner_only);
attack('a low-water mark out of reach', 'UPDATE contacts.low_water_mark SET queued_xid = 9223372036854775807', $owner_only);
attack('a low-water mark of its own', 'INSERT INTO contacts.low_water_mark (workspace_id, consumer_id, queued_xid) VALUES (1, :every, 9223372036854775807)', $owner_only);
attack('an event with a huge id', q(INSERT INTO contacts.event (workspace_id, event_id, contact_id, contact_version, ordinal, type) OVERRIDING SYSTEM VALUE
	VALUES (1, 9223372036854775807, repeat('0', 24), 1, 1, 'TAG_ADDED')), $owner_only);
attack('an id drawn', q(SELECT nextval('contacts.event_event_id_seq')), $owner_only);
attack('a sequence set', q(SELECT setval('contacts.event_event_id_seq', 1)), $owner_only);
attack('a lease number drawn', q(SELECT nextval('contacts.delivery_lease_seq')), $owner_only);
attack(q(another's event acknowledged under its own consumer), q(SELECT contacts.ack('mailer', l, ARRAY[:event]::bigint[]) + contacts.release('mailer', l, ARRAY[:event]::bigint[])
	+ contacts.fail('mailer', l, :event, 'x')::int FROM generate_series(1, 20) l GROUP BY 1), qr/^0$/);
attack(q(another's event acknowledged for every workspace), q(SELECT contacts.ack('mailer', :lease, ARRAY[:event]::bigint[], workspace_id => 0)), qr/Only the owner/);
attack('workspace 0 named otherwise', q(SELECT contacts.claim('mailer', workspace_id => -1)), qr/may not act/);
attack('workspace 0 in the setting', q(SET contact_upsert.workspace_id = 0; SELECT contacts.claim('mailer')), qr/invalid value|Only the owner/);
is(($node->psql('postgres', q(INSERT INTO contacts.workspace (workspace_id, name) VALUES (0, 'every')), on_error_die => 0))[0], 3, 'no workspace is 0, which means every one');
$node->safe_psql('postgres', q(ALTER TABLE contacts.member DISABLE TRIGGER ALL; ALTER TABLE contacts.member DROP CONSTRAINT member_workspace_id_fkey;
	INSERT INTO contacts.member VALUES (0, 'member'); ALTER TABLE contacts.member ENABLE ALWAYS TRIGGER members_changed; ALTER TABLE contacts.member ENABLE ALWAYS TRIGGER members_truncated));
like(join('', as('member', q(SELECT contacts.claim('mailer', workspace_id => 0)))), qr/Only the owner/, 'nor does a row make a member of it');
$node->safe_psql('postgres', q(DELETE FROM contacts.member WHERE workspace_id = 0;
	ALTER TABLE contacts.member ADD CONSTRAINT member_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES contacts.workspace ON DELETE CASCADE));
attack('a forged delivery', q(INSERT INTO contacts.delivery (workspace_id, consumer_id, event_id, contact_id, contact_version, ordinal) VALUES (1, :every, 1, repeat('0', 24), 1, 1)), $owner_only);
attack('an event that eats memory', q(INSERT INTO contacts.event (workspace_id, contact_id, contact_version, ordinal, type, detail)
	VALUES (1, 'x', 1, 1, 'TAG_ADDED', jsonb_build_object('x', repeat('x', 30000000)))), $owner_only);
attack('an event that is never old', q(UPDATE contacts.event SET created_at = 'infinity'), $owner_only);
attack('a contact id that no notification can hold', q(INSERT INTO contacts.contact (workspace_id, id, email_address) VALUES (1, repeat('x', 8000), 'long@example.com')), qr/must be 24 lower-case hex digits|permission denied/);
attack('a history that was not', q(INSERT INTO contacts.history (workspace_id, contact_id, contact_version, changed_by) VALUES (1, repeat('0', 24), 1, 'keeper')), $owner_only);
attack('a history that others made', q(UPDATE contacts.history SET changed_by = 'theirs'), $owner_only);
attack('a history without its traces', q(DELETE FROM contacts.history), $owner_only);
attack('a lock on the writers queued', 'UPDATE contacts.consumer SET active = active WHERE false', $owner_only);
attack('a lock on the writers', 'BEGIN; LOCK TABLE contacts.event IN SHARE ROW EXCLUSIVE MODE; COMMIT', $owner_only);
attack('a row of the queue locked', 'SELECT FROM contacts.delivery FOR UPDATE', $owner_only);
attack('the function that switches, as a trigger of its own', q(CREATE TABLE public.t (workspace_id bigint); CREATE TRIGGER t AFTER INSERT ON public.t
	FOR EACH ROW EXECUTE FUNCTION contacts_internal.after_member_change()), $owner_only);
attack('another role', 'SET ROLE keeper', $owner_only);

attack('a suppression of its own', q(INSERT INTO contacts.suppression VALUES (1, sha256('x'), 'UNSUBSCRIBED', 'delete')), $owner_only);
attack('a suppression forgotten', 'DELETE FROM contacts.suppression', $owner_only);
attack('the trigger that leaves suppressions, on a table of its own', q(CREATE TABLE public.u (workspace_id bigint, email_address text, status text);
	CREATE TRIGGER u AFTER DELETE ON public.u FOR EACH ROW EXECUTE FUNCTION contacts_internal.after_contact_delete()), $owner_only);
attack('a row moved to another workspace, and its suppression with it', q(UPDATE contacts.contact SET workspace_id = 2, status = 'COMPLAINED'), qr/row-level security/);

# The contact with an id of another's: neither's events wait for the other's.
attack('a contact with the id of another', q(INSERT INTO contacts.contact (workspace_id, id, email_address) VALUES (1, :theirs, 'same@example.com')), qr/^$|permission denied/);
as('member', q(SELECT contacts.upsert('{"email_address":"same@example.com","fields":{"value":"mine"}}')));
is($node->safe_psql('postgres', qq(SELECT count(*) > 0 FROM contacts.claim('mailer', workspace_id => 0) WHERE workspace_id = 2 AND contact_id = $value{theirs})), 't',
	q(its owner's events are handed out));

# A member's own code never runs as the owner: search_path, operators, functions in front of pg_catalog, a trigger of the
# owner's that does not pin its search_path.
$node->safe_psql('postgres', q(
	CREATE TABLE public.ran_as (who name);
	GRANT INSERT ON public.ran_as TO PUBLIC;
	CREATE FUNCTION public.forward() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO public.ran_as SELECT current_user; PERFORM lower('x'), 'a'::text || 'b'; RETURN NULL; END $$;
	CREATE TRIGGER forward AFTER INSERT ON contacts.event FOR EACH ROW EXECUTE FUNCTION public.forward();
));

$node->safe_psql('postgres', q(CREATE SCHEMA hostile AUTHORIZATION member));
my ($out, $err) = as('member', q(
	CREATE FUNCTION hostile.lower(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.ran_as VALUES ('hostile ' || current_user); RETURN $1; END $$;
	CREATE FUNCTION hostile.cat(text, text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.ran_as VALUES ('hostile ' || current_user); RETURN $1; END $$;
	CREATE OPERATOR hostile.|| (LEFTARG = text, RIGHTARG = text, FUNCTION = hostile.cat);
	CREATE FUNCTION hostile.eq(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.ran_as VALUES ('hostile eq'); RETURN true; END $$;
	CREATE OPERATOR hostile.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = hostile.eq);
	CREATE OPERATOR hostile.>= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = hostile.eq);
	SET search_path = hostile, pg_catalog;
	SELECT contacts.upsert('{"email_address":"hostile@example.com","status":"UNCONFIRMED"}');
	SELECT contacts.ack('mailer', lease, ARRAY[event_id]) FROM contacts.claim('mailer');
	SELECT current_user;
));
is($err, '', 'under a hostile search_path all works');
like($out, qr/^member$/m, 'and the caller is the caller again');
is($node->safe_psql('postgres', 'SELECT string_agg(DISTINCT who::text, $$,$$) FROM public.ran_as'), 'keeper', 'the owner of the tables runs the trigger, and nothing of the caller runs in it');
# After an error the caller is the caller, too: at top level, behind a savepoint, in a block that catches.
$node->safe_psql('postgres', q(CREATE OR REPLACE FUNCTION public.forward() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'as %', current_user; END $$));
($out, $err) = as('member', q(
	BEGIN;
	SAVEPOINT s;
	SELECT contacts.upsert('{"email_address":"error@example.com","status":"UNCONFIRMED"}');
	ROLLBACK TO s;
	SELECT 'savepoint', current_user, current_setting('search_path') <> 'pg_catalog, pg_temp';
	DO $$ BEGIN PERFORM contacts.upsert('{"email_address":"error@example.com","status":"UNCONFIRMED"}'); EXCEPTION WHEN raise_exception THEN RAISE NOTICE 'caught as %', current_user; END $$;
	ROLLBACK;
	SELECT contacts.upsert('{"email_address":"error@example.com","status":"UNCONFIRMED"}');
	SELECT 'top', current_user;
	DELETE FROM contacts.event;
));
like($out, qr/^savepoint\|member\|t$/m, 'after a rollback to a savepoint the caller is the caller');
like($out, qr/^top\|member$/m, 'after an error, too');
like($err, qr/as keeper.*caught as member.*permission denied for table event/s, 'and in a block that catches it');
$node->safe_psql('postgres', 'DROP TRIGGER forward ON contacts.event');

# Definitions that are large make no backend of others hang. (jsonb_agg copies each string with a look at all that follow it.)
as('member', q(SELECT contacts.define_field('wide', 'Wide', 'DROPDOWN_SINGLE', (SELECT array_agg(repeat('o', 47) || i) FROM generate_series(1, 20000) i))));
is($node->safe_psql('postgres', q(SELECT cardinality(options) FROM contacts.field WHERE merge_tag = 'wide')), '20000', 'a member defines 1 MB of options');
like((as('member', q(SELECT contacts.define_field('wider', 'Wider', 'DROPDOWN_SINGLE', (SELECT array_agg(repeat('o', 1000) || i) FROM generate_series(1, 20000) i)))))[1],
	qr/has too many options, or too long ones/, 'and not 20 MB');
($out, $err) = ('', '');
$node->psql('postgres', q(SET statement_timeout = '5s'; SELECT contacts.upsert('{"email_address":"wide@example.com"}', workspace_id => 1) IS NOT NULL), stdout => \$out, stderr => \$err);
is("$out$err", 't', 'the owner reads them at once');
$node->safe_psql('postgres', q(DELETE FROM contacts.field WHERE merge_tag = 'wide'));

# Membership that is taken back is taken back at once, in sessions that have asked before, and comes back with a rollback.
my ($in, $session_out) = ('', '');
my $psql = IPC::Run::start([ 'psql', '-XAtq', '-U', 'member', '-d', $node->connstr('postgres') ], '<', \$in, '>', \$session_out, '2>&1',
	IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
sub ask { my ($sql) = @_; $session_out = ''; $in .= "$sql;\n\\echo asked\n"; $psql->pump until $session_out =~ /asked/; (my $answer = $session_out) =~ s/\nasked\n//; return $answer }
is(ask('SELECT count(*) > 0 FROM contacts.contact'), 't', 'a member sees contacts');
$node->safe_psql('postgres', q(DELETE FROM contacts.member WHERE role_name = 'member'));
is(ask('SELECT count(*) FROM contacts.contact'), '0', 'and none when the membership is gone');
like(ask(q(SELECT contacts.claim('mailer'))), qr/may not act/, 'nor may it consume');
$node->safe_psql('postgres', q(BEGIN; INSERT INTO contacts.member VALUES (1, 'member'); ROLLBACK));
is(ask('SELECT count(*) FROM contacts.contact'), '0', 'nothing comes of a grant that is rolled back');
$node->safe_psql('postgres', q(CREATE ROLE team; INSERT INTO contacts.member VALUES (1, 'team')));
is(ask('SELECT count(*) FROM contacts.contact'), '0', 'a group that it is not in');
$node->safe_psql('postgres', 'GRANT team TO member');
is(ask('SELECT count(*) > 0 FROM contacts.contact'), 't', 'and that it is in');
ask('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
$node->safe_psql('postgres', 'TRUNCATE contacts.member');
is(ask('SELECT count(*) FROM contacts.contact'), '0', 'also in a snapshot that is older than the revocation');
ask('COMMIT');
$node->safe_psql('postgres', q(SET session_replication_role = replica; INSERT INTO contacts.member VALUES (1, 'member')));
is(ask('SELECT count(*) > 0 FROM contacts.contact'), 't', 'a membership that is replicated counts');
is(ask(q(SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
	SELECT count(*) = (SELECT count(*) FROM contacts.contact) FROM contacts.contact c1)), 't', 'in a parallel query, too');
$in .= "\\q\n";
$psql->finish;

# A plan, a cursor or an answer that was made as one role does not serve another; a role that is a member through another
# counts for its workspace and no other, and SECURITY DEFINER makes nobody more than its owner.
$node->safe_psql('postgres', q(DROP ROLE IF EXISTS crew; CREATE ROLE crew NOINHERIT; SELECT contacts.grant_access('crew', workspace_id => 1)));
my $upsert = q(SELECT contacts.upsert('{"email_address":"plan@example.com","fields":{"value":"%s"}}', workspace_id => 2) IS NOT NULL);
my $many = q(SELECT count(*) FROM contacts.upsert_many('[{"email_address":"plan@example.com","fields":{"value":"%s"}}]', workspace_id => 2));
my $claim = q(SELECT count(*) > 0 FROM contacts.claim('mailer', workspace_id => 0));
for my $role (qw(member crew))
{
	my ($said, $errors) = ('', '');
	$node->psql('postgres', join(';', 'PREPARE p AS SELECT workspace_id FROM contacts.contact GROUP BY 1 ORDER BY 1', ('EXECUTE p') x 6,
		sprintf($upsert, "$role 1"), sprintf($many, "$role 2"), $claim, "SET ROLE $role", q(SELECT 'as', current_user), 'EXECUTE p',
		sprintf($upsert, "$role 3"), sprintf($many, "$role 4"), $claim, q(SELECT contacts.ack('mailer', 1, '{1}', workspace_id => 2)),
		'SELECT current_user', 'RESET ROLE', sprintf($upsert, "$role 5")), on_error_stop => 0, stdout => \$said, stderr => \$errors);
	like($said, qr/as\|$role\n1\n$role\nt$/, "$role has no use of the owner's plans");
	is(scalar(() = $errors =~ /Workspace 2 does not exist/g), 2, "$role: the call is refused");
	like($errors, qr/Only the owner.*Role $role may not act for workspace 2/s, "$role: the queue is, too");
}
$node->safe_psql('postgres', q(GRANT CREATE ON SCHEMA public TO member));
as('member', q(CREATE FUNCTION public.wrapped() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
	RETURN contacts.upsert('{"email_address":"wrapped@example.com"}', workspace_id => 2); END $$));
my ($wrapped, $refusal) = ('', '');
$node->psql('postgres', 'SELECT public.wrapped()', stdout => \$wrapped, stderr => \$refusal);
like($refusal, $no_workspace, 'a SECURITY DEFINER function of a member does as the owner calls it what the member may do');
my $caught = join "\n", as('member', q(SET client_min_messages = notice; DO $$ DECLARE call text; BEGIN
	FOREACH call IN ARRAY ARRAY['claim($$mailer$$, 0)', 'claim($$nobody$$)', 'claim($$mailer$$, 1, $$-1 s$$)', 'ack($$mailer$$, NULL, NULL)', 'fail($$mailer$$, NULL, NULL, NULL)',
		'relay($$mailer$$, NULL)', 'extend($$mailer$$, NULL, $$1 s$$)'] LOOP
		BEGIN EXECUTE 'SELECT contacts.' || call; EXCEPTION WHEN OTHERS THEN RAISE NOTICE 'caught as % with %', current_user, current_setting('search_path'); END;
	END LOOP; END $$ LANGUAGE plpgsql) =~ s/DO \$\$ /DO \$body\$ /r =~ s/END LOOP; END \$\$/END LOOP; END \$body\$/r);
is(scalar(() = $caught =~ /caught as member with "\$user", public/g), 7, 'an error in the middle of each call of the queue leaves the caller the caller');

# Tables of different owners are refused.
$node->safe_psql('postgres', 'ALTER TABLE contacts.delivery OWNER TO theirs');
($out, $err) = as('member', q(SELECT contacts.upsert('{"email_address":"mixed@example.com","status":"UNCONFIRMED"}')));
like($err, qr/The contact tables have different owners.*contacts.delivery belongs to theirs.*ALTER TABLE/s, 'tables of different owners are refused, with what to do');
$node->safe_psql('postgres', 'ALTER TABLE contacts.delivery OWNER TO keeper');
is((as('member', q(SELECT contacts.upsert('{"email_address":"mixed@example.com","status":"UNCONFIRMED"}') IS NOT NULL)))[0], 't', 'and work again when that is mended');

# Taken back, nothing is left.
$node->safe_psql('postgres', q(SELECT contacts.revoke_access('member', workspace_id => 1), contacts.revoke_access('crew', workspace_id => 1), contacts.revoke_access('theirs', workspace_id => 2), contacts.revoke_monitoring('monitor')));
is($node->safe_psql('postgres', qq(SELECT count(*) FROM pg_proc p, unnest('{member,monitor}'::text[]) r WHERE p.pronamespace IN $ours AND has_function_privilege(r, p.oid, 'EXECUTE'))), '0', 'no function is left to them');
is($node->safe_psql('postgres', qq(SELECT count(*) FROM pg_class c, unnest('{member,monitor}'::text[]) r WHERE c.relnamespace IN $ours AND c.relkind IN ('r', 'v') AND has_any_column_privilege(r, c.oid, 'SELECT,INSERT,UPDATE'))),
	'0', 'and no table');

done_testing();
