# A call for a workspace below a call for another one, as a trigger of the owner's makes it. It works where both are on one server. Where they
# are not it is refused, but on the server of the upper one, from which Citus sends it on, unless a query has spoilt the session.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use ContactCitus;
use PostgreSQL::Test::Utils;
use Test::More;

my ($coordinator, @workers) = start_cluster(2);
$coordinator->safe_psql('postgres', <<'SQL');
CREATE EXTENSION contact_upsert;
SELECT contacts.install();
SELECT contacts.define_workspace('w' || n) FROM generate_series(2, 12) n;
SELECT contacts.distribute(8);
CREATE FUNCTION call_below() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	other CONSTANT bigint := substring(NEW.email_address FROM '^(?:one|many)-(\d+)-');
	answer jsonb := 'null';
BEGIN
	IF NEW.email_address LIKE 'one-%' THEN
		answer := contacts.upsert(jsonb_build_object('email_address', 'below-' || NEW.email_address), other);
	ELSIF NEW.email_address LIKE 'many-%' THEN
		SELECT to_jsonb(m.outcome) INTO answer
			FROM contacts.upsert_many(jsonb_build_array(jsonb_build_object('email_address', 'below-' || NEW.email_address)), workspace_id => other) m;
	END IF;
	IF answer IS NULL THEN
		RAISE EXCEPTION 'The call below returned nothing.';
	END IF;
	RETURN NULL;
END
$$;
SET citus.enable_unsafe_triggers = on;
CREATE TRIGGER call_below AFTER INSERT ON contacts.contact FOR EACH ROW EXECUTE FUNCTION call_below();
SQL

# Two workspaces in different shards of one worker, and one on the other worker
my %place = map { my ($n, @place) = split /\|/; $n => \@place } split /\n/, query($coordinator, <<'SQL');
SELECT w.n, s.nodeport, s.shardid FROM generate_series(1, 12) w (n)
	JOIN citus_shards s ON s.table_name = 'contacts.contact'::regclass AND s.shardid = get_shard_id_for_distribution_column('contacts.contact', w.n)
SQL
my ($port, $shard) = @{ $place{1} };
my ($beside) = grep { $place{$_}[0] == $port && $place{$_}[1] != $shard } sort { $a <=> $b } keys %place;
my ($away) = grep { $place{$_}[0] != $port } sort { $a <=> $b } keys %place;
ok($beside && $away, "workspaces 1 and $beside are in shards of one worker, $away is not");
my ($worker) = grep { $_->port == $port } @workers;

# An error while Citus plans a query of parts, and a call of a function that it would send otherwise
my $spoil = 'WITH names AS (SELECT ARRAY(SELECT t.name FROM contacts.tag t WHERE t.tag_id = ANY (c.tags)) FROM contacts.contact c OFFSET 0) SELECT FROM names;';
my $sends_none = "SELECT FROM contacts_internal.call_here($away, 'request_schema', '{}', '{}');";
my $unsent = qr/ERROR:  0A000: Workspace $away is on another server, and Citus has not sent the call there\..*?^HINT:  /ms;
for my $node ($coordinator, $worker)
{
	for my $case (map { [ 'one', $_ ], [ 'many', $_ ] } '', "$spoil $sends_none")
	{
		my ($kind, $before) = @$case;
		for my $other ($beside, $away)
		{
			my $address = "$kind-$other-" . $node->name . ($before ? '-spoilt' : '') . '@example.com';
			my $upsert = qq(SELECT contacts.upsert('{"email_address":"$address"}', 1) #>> '{data,data,email_address}');
			my (undef, $out, $said) = $node->psql('postgres', "$before $upsert; SELECT 'alive'", on_error_stop => 0, extra_params => [ '-v', 'VERBOSITY=verbose' ]);
			my $errors = () = $said =~ /ERROR:/g;
			my $refused = () = $said =~ /$unsent/g;
			my $works = $other == $beside || $node == $worker && !$before;
			is("$out, $errors errors, $refused refused", ($works ? "$address\n" : '') . 'alive, ' . (($before ? 2 : 0) + !$works) . ' errors, ' . (($before ? 1 : 0) + !$works) . ' refused',
				$address . ($works ? ' works' : ' is refused')) or diag($said);
			is(query($coordinator, "SELECT string_agg(workspace_id::text, ' ' ORDER BY workspace_id) FROM contacts.contact WHERE email_address LIKE '%$address'"),
				$works ? join ' ', sort { $a <=> $b } 1, $other : '', $works ? 'both are written' : 'nothing is written');
		}
	}
}
unlike(slurp_file($_->logfile), qr/PANIC|TRAP|terminated by signal/, $_->name . ' has not crashed') for $coordinator, @workers;

done_testing();
