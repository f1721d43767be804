# What the tests of contact-worker share: a server with a consumer, the real program, handlers, and waiting without luck.
package ContactWorker;

use strict;
use warnings;

use Exporter 'import';
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(start_server raise_events write_handler start_worker run_worker stop_worker stop_worker_fast wait_until lines_of
	event_ids start_proxy point_proxy silence restore pid_of listeners);

my $number = 0;

# A server with the extension, a tracked field and the consumer "mailer"; %options are added to its configuration.
sub start_server
{
	my ($name, $configuration) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init;
	$node->append_conf('postgresql.conf', $configuration // '');
	$node->start;
	$node->safe_psql('postgres', q(
		CREATE EXTENSION contact_upsert;
		SELECT contacts.install();
		SELECT contacts.define_field('value', 'Value', tracked => true);
		SELECT contacts.subscribe('mailer', max_attempts => 2);
	));
	return $node;
}

# Gives contacts new values, one event each, and returns the events' ids.
sub raise_events
{
	my ($node, %options) = @_;
	my $count = $options{count} // 1;
	my $contacts = $options{contacts} // $count;
	my $value = $options{value} // 'i::text';
	my $set = $options{set} // '';
	$number++;
	return split /\n/, $node->safe_psql('postgres', qq(
		$set
		CREATE TEMP TABLE before AS SELECT coalesce(max(event_id), 0) AS id FROM contacts.event;
		DO \$\$ BEGIN
			PERFORM contact_upsert(jsonb_build_object('email_address', format('c%s\@example.com', i)))
				FROM generate_series(1, $contacts) i WHERE NOT EXISTS (
					SELECT FROM contacts.contact WHERE email_address = format('c%s\@example.com', i));
			PERFORM contact_upsert(jsonb_build_object('email_address', format('c%s\@example.com', (i - 1) % $contacts + 1),
				'partial_update', true, 'fields', jsonb_build_object('value', '$number-' || i || '-' || $value)))
				FROM generate_series(1, $count) i;
		END \$\$;
		SELECT event_id FROM contacts.event WHERE event_id > (SELECT id FROM before) ORDER BY 1));
}

# A handler in Perl: \$line is the event, answer() is what it says. Each line that it gets is added to \$seen first.
sub write_handler
{
	my ($node, $name, $body) = @_;
	my $file = $node->basedir . "/$name.pl";
	my $seen = $node->basedir . "/$name.seen";
	unlink $file, $seen;
	append_to_file($seen, '');
	append_to_file($file, <<"END");
use strict;
use warnings;
use Time::HiRes qw(sleep);
\$| = 1;
open my \$seen, '>>', '$seen' or die;
sub answer { print "\@_\\n" }
while (my \$line = <STDIN>)
{
	syswrite \$seen, \$line;
	$body
}
END
	return ([ '--', 'perl', $file ], $seen);
}

# Starts the worker; returns what stop_worker wants.
sub start_worker
{
	my ($connection, @arguments) = @_;
	# Files, for a handler that survives the worker would keep pipes open.
	my $files = PostgreSQL::Test::Utils::tempdir();
	my $worker = { out => "$files/out", err => "$files/err" };
	note join ' ', 'contact-worker', '--consumer', 'mailer', @arguments;
	$worker->{run} = IPC::Run::start(
		[ 'contact-worker', '--dbname', $connection, '--consumer', 'mailer', @arguments ],
		'<', '/dev/null', '>', $worker->{out}, '2>', $worker->{err},
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return $worker;
}

# Sends it a signal and returns its exit status, or "signal N".
sub stop_worker
{
	my ($worker, $signal) = @_;
	$worker->{run}->signal($signal) if $signal;
	$worker->{run}->finish;
	my $status = $worker->{run}->full_result // 0;
	note slurp_file($worker->{err});
	return $status & 127 ? 'signal ' . ($status & 127) : $status >> 8;
}

# The process id of a worker.
sub pid_of
{
	my ($worker) = @_;
	return $worker->{run}{KIDS}[0]{PID};
}

# As stop_worker; the worker has a second, and the machine one more to be busy with something else.
sub stop_worker_fast
{
	my ($worker, $signal, $name) = @_;
	my $start = time;
	my $status = stop_worker($worker, $signal);
	cmp_ok(time - $start, '<', 2, $name);
	return $status;
}

# Runs it to its end; returns its exit status, output and errors.
sub run_worker
{
	my ($connection, @arguments) = @_;
	my $worker = start_worker($connection, @arguments);
	return (stop_worker($worker), slurp_file($worker->{out}), slurp_file($worker->{err}));
}

# Waits until the code returns true; the test fails if it never does.
sub wait_until
{
	my ($name, $code, %options) = @_;
	my $end = time + ($options{seconds} // $PostgreSQL::Test::Utils::timeout_default);
	while (time < $end)
	{
		if ($code->()) { pass($name); return 1 }
		sleep 0.05;
	}
	fail($name);
	return 0;
}

# The process ids of the backends that listen and are idle: no transaction is open in them.
sub listeners
{
	my ($node) = @_;
	return split /\n/, $node->safe_psql('postgres', q(SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND state = 'idle'));
}

my @proxies;

# A proxy of TCP in a process of its own, which leads to the server that point_proxy() names when a connection comes.
# silence() makes it forward nothing, with all connections as they are: the kernel even accepts new ones.
sub start_proxy
{
	my ($node) = @_;
	my $listening = IO::Socket::INET->new(Listen => 50, LocalAddr => '127.0.0.1') or die "proxy: $!";
	my $proxy = { file => PostgreSQL::Test::Utils::tempdir() . '/target', connstr => 'host=127.0.0.1 dbname=postgres port=' . $listening->sockport };
	point_proxy($proxy, $node->host, $node->port);
	$proxy->{pid} = fork // die "fork: $!";
	if ($proxy->{pid} == 0)
	{
		$SIG{$_} = 'DEFAULT' for qw(TERM INT);
		$SIG{PIPE} = 'IGNORE';
		eval { forward($listening, $proxy->{file}) };
		warn "proxy: $@";
		POSIX::_exit(1);
	}
	push @proxies, $proxy->{pid};
	return $proxy;
}

sub forward
{
	my ($listening, $file) = @_;
	my $select = IO::Select->new($listening);
	my %other;
	while (1)
	{
		for my $socket ($select->can_read)
		{
			if ($socket == $listening)
			{
				my $client = $listening->accept or next;
				my $server = IO::Socket::UNIX->new(Peer => slurp_file($file));
				next unless $server;
				$select->add($client, $server);
				@other{ $client, $server } = ($server, $client);
				next;
			}
			next unless $other{$socket};
			my $other = $other{$socket};
			my $size = sysread $socket, my $data, 65536;
			while ($size && length $data)
			{
				my $written = syswrite $other, $data or last;
				substr($data, 0, $written) = '';
			}
			next if $size && !length $data;
			$select->remove($socket, $other);
			delete @other{ $socket, $other };
			close $_ for $socket, $other;
		}
	}
	return;
}

# Where new connections lead.
sub point_proxy
{
	my ($proxy, $host, $port) = @_;
	append_to_file("$proxy->{file}.new", "$host/.s.PGSQL.$port");
	rename "$proxy->{file}.new", $proxy->{file} or die "rename: $!";
	return;
}

sub silence { my ($proxy) = @_; kill 'STOP', $proxy->{pid} or die "kill: $!"; return }
sub restore { my ($proxy) = @_; kill 'CONT', $proxy->{pid} or die "kill: $!"; return }

END
{
	kill 'KILL', @proxies if @proxies;
}

sub lines_of
{
	my ($file) = @_;
	return split /\n/, slurp_file($file);
}

sub event_ids
{
	return map { /"event_id":"(\d+)"/ ? $1 : "no event: $_" } @_;
}

1;
