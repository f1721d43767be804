# Sessions that go on writing while a test does something else: each writer connects anew for every call, as one behind a pooler may, and
# makes the next change of a contact of its own. What they were told is counted, and the tables must agree.
package Writers;

use strict;
use warnings;

use DBI;
use PostgreSQL::Test::Utils;
use Test::More;

# Starts writers: one for each of the databases. The contacts come to be in the first of them, which has a tracked field "name"; others are
# proxies of it.
sub start
{
	my ($class, $node, @databases) = @_;
	my $self = bless { node => $node, databases => \@databases, stop => "$ENV{TESTDATADIR}/writers.stop", files => [], pids => [] }, $class;

	unlink $self->{stop};
	for my $number (1 .. @databases)
	{
		my $file = "$ENV{TESTDATADIR}/writer.$number";
		unlink $file;
		my $pid = fork() // die "fork: $!";
		if ($pid == 0)
		{
			eval { $self->write($number, $file) };
			append_to_file($file, "error: $@") if $@;
			# without the ends of the test's own objects
			exec 'true';
		}
		push @{ $self->{pids} }, $pid;
		push @{ $self->{files} }, $file;
	}
	$self->wait_for_calls;
	return $self;
}

# What a writer does until it is told to stop: it notes each call that was answered as it should be, and ends with the first that was not.
sub write
{
	my ($self, $number, $file) = @_;
	my ($host, $port) = ($self->{node}->host, $self->{node}->port);
	my $database = $self->{databases}[$number - 1];

	for (my $call = 1; !-e $self->{stop}; $call++)
	{
		my $session = DBI->connect("dbi:Pg:host=$host;port=$port;dbname=$database", '', '', { RaiseError => 1, PrintError => 0 });
		my ($name) = $session->selectrow_array(
			q(SELECT contact_upsert(jsonb_build_object('email_address', $1::text, 'partial_update', true,
				'fields', jsonb_build_object('name', $2::text))) #>> '{data,data,name}'), undef, "writer$number\@example.com", $call);
		$session->disconnect;
		die 'answered with name ' . ($name // 'NULL') . "\n" if ($name // '') ne $call;
		append_to_file($file, "$call\n");
	}
	return;
}

# How many calls each writer has made.
sub calls
{
	my ($self) = @_;
	return map { -e $_ ? scalar(() = slurp_file($_) =~ /^[0-9]+$/mg) : 0 } @{ $self->{files} };
}

# Waits until each writer has made two more calls: the second was made in a session that began since.
sub wait_for_calls
{
	my ($self) = @_;
	my @before = $self->calls;

	for (1 .. $PostgreSQL::Test::Utils::timeout_default * 10)
	{
		my @now = $self->calls;
		return if !grep { $now[$_] < $before[$_] + 2 } 0 .. $#now;
		last if grep { -e $_ && slurp_file($_) =~ /error/ } @{ $self->{files} };
		select undef, undef, undef, 0.1;
	}
	return;
}

# Ends the writers, and tests that no call failed, and that all of them are in the tables, once. Deletes their contacts, and returns the ids.
sub stop
{
	my ($self, $what) = @_;

	$self->wait_for_calls;
	append_to_file($self->{stop}, '');
	waitpid $_, 0 for @{ $self->{pids} };
	is(join('', map { slurp_file($_) =~ /(^error.*)/msg } @{ $self->{files} }), '', "$what: no call of a writer failed");
	my @calls = $self->calls;
	ok(!(grep { $_ < 4 } @calls), 'each writer wrote before and after: ' . join ', ', @calls);
	# A creation raises no event, every later call one.
	is($self->{node}->safe_psql($self->{databases}[0], q(
			SELECT c.data ->> 'name', c.version, (SELECT count(*) FROM contacts.event e WHERE (e.workspace_id, e.contact_id) = (c.workspace_id, c.id))
			FROM contacts.contact c WHERE c.email_address LIKE 'writer%' ORDER BY c.email_address)),
		join("\n", map { "$_|$_|" . ($_ - 1) } @calls), 'the last change of each is there, and an event for each');
	return split /\n/, $self->{node}->safe_psql($self->{databases}[0], q(DELETE FROM contacts.contact WHERE email_address LIKE 'writer%' RETURNING id));
}

1;
