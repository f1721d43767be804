# contact-worker when the server's role goes to another: work and LISTEN both go there.

use strict;
use warnings;

use ContactWorker;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# The bell alone can bring these events in time: the worker looks for events every ten minutes.
my @deaf = ('--poll', 600000);

sub delivered
{
	my ($worker, $node, $name) = @_;
	my ($event) = raise_events($node);
	wait_until($name, sub { grep { $_ eq $event } event_ids(lines_of($worker->{out})) });
	return;
}

# Roles that flip behind an address: the old server lives on and keeps the connections that it has, but lets nobody write.
my $old = start_server('old');
my $new = start_server('new');
# so that both number their events differently
raise_events($new, count => 10);
$new->safe_psql('postgres', 'TRUNCATE contacts.delivery');

my $address = start_proxy($old);
my $worker = start_worker($address->{connstr}, '--poll', 100);
wait_until('it listens to the old server', sub { listeners($old) == 1 });
delivered($worker, $old, 'and delivers its events');
point_proxy($address, $new->host, $new->port);
is(scalar(listeners($old)), 1, 'the roles flip: its connections are still there');
$old->safe_psql('postgres', 'ALTER SYSTEM SET default_transaction_read_only = on; SELECT pg_reload_conf()');
wait_until('it listens to the new server', sub { listeners($new) == 1 });
wait_until('and no more to the old one', sub { listeners($old) == 0 });
delivered($worker, $new, 'it delivers the events of the new one');
is(stop_worker($worker, 'TERM'), 0, 'exit status 0');
like(slurp_file($worker->{err}), qr/^contact-worker: listening on "contact_automation"\n.*read-only transaction.*not listening until the server can be worked with again\n.*listening again on "contact_automation"\n$/s,
	'the log says when it listens, and when not');
$_->stop for $old, $new;

# A standby that is promoted, named in the connection string.
my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->start;
$primary->safe_psql('postgres', q(
	CREATE EXTENSION contact_upsert;
	SELECT contacts.install();
	SELECT contacts.define_field('value', 'Value', tracked => true);
	SELECT contacts.subscribe('mailer');
));
$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->start;

my $either = 'host=' . $primary->host . ',' . $standby->host . ' port=' . $primary->port . ',' . $standby->port
	. ' dbname=postgres target_session_attrs=read-write';
$worker = start_worker($either, @deaf);
wait_until('it listens to the primary', sub { listeners($primary) == 1 });
delivered($worker, $primary, 'a bell is heard');
$primary->wait_for_catchup($standby);
$primary->stop('immediate');
$standby->promote;
wait_until('it listens to the new primary', sub { listeners($standby) == 1 });
delivered($worker, $standby, 'a bell is heard');
is(stop_worker($worker, 'TERM'), 0, 'exit status 0');
is($standby->safe_psql('postgres', q(SELECT pending + leased + dead FROM contacts.event_lag)), '0', 'nothing is left');

done_testing();
