# What the tests of contact-import share: a server, files, the real program through pipes and through a pseudo-terminal.
package ContactImport;

use strict;
use warnings;

use Exporter 'import';
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(start_server write_file run_import start_import wait_import wait_for contacts staging_tables start_terminal);

my $server;

# A server with the extension, fields of some types and the tag vip.
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
		SELECT contacts.define_field('first_name', 'First Name'), contacts.define_field('last_name', 'Last Name'),
			contacts.define_field('age', 'Age', 'NUMBER'), contacts.define_field('birthday', 'Birthday', 'DATE'),
			contacts.define_tag('vip');
	));
	$server = $node->connstr('postgres');
	return $node;
}

# Writes a file with these bytes; returns its path.
sub write_file
{
	my ($name, $bytes) = @_;
	my $path = PostgreSQL::Test::Utils::tempdir() . "/$name";
	open my $file, '>:raw', $path or die "$path: $!";
	print $file $bytes;
	close $file or die "$path: $!";
	return $path;
}

# Starts the program; $options{in} is its standard input.
sub start_import
{
	my ($options, @arguments) = @_;
	my $run = { out => '', err => '', in => $options->{in} // '' };
	note join ' ', 'contact-import', @arguments;
	$run->{run} = IPC::Run::start(
		[ @{ $options->{before} // [] }, 'contact-import', '--dbname', $options->{dbname} // $server, @arguments ],
		'<', \$run->{in}, '>', \$run->{out}, '2>', \$run->{err}, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return $run;
}

# Waits for its end; returns its exit status, or "signal N".
sub wait_import
{
	my ($run) = @_;
	$run->{run}->finish;
	my $status = $run->{run}->full_result // 0;
	note $run->{out}, $run->{err};
	return $status & 127 ? 'signal ' . ($status & 127) : $status >> 8;
}

# Runs it to its end; returns its exit status, output and errors.
sub run_import
{
	my (@arguments) = @_;
	my $run = start_import(ref $arguments[0] ? shift @arguments : {}, @arguments);
	my $status = wait_import($run);
	return ($status, $run->{out}, $run->{err});
}

# The same with a pseudo-terminal of so many columns; expect() waits for what it shows, answer() types.
sub start_terminal
{
	my (@arguments) = @_;
	my $run = { shown => '', typed => '' };
	note join ' ', 'contact-import', @arguments;
	$run->{run} = IPC::Run::start([ 'contact-import', '--dbname', $server, @arguments ],
		'<pty<', \$run->{typed}, '>pty>', \$run->{shown}, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return bless $run, 'ContactImport::Terminal';
}

# Waits until the query returns a true value.
sub wait_for
{
	my ($node, $query, $name) = @_;
	my $end = time + $PostgreSQL::Test::Utils::timeout_default;
	while (time < $end)
	{
		if ($node->safe_psql('postgres', $query) eq 't') { pass($name); return 1 }
		sleep 0.05;
	}
	fail($name);
	return 0;
}

# The contacts, one a line: address, data, and tags if there are any.
sub contacts
{
	my ($node, $where) = @_;
	return $node->safe_psql('postgres', q(SELECT email_address, data, nullif(tags, '{}') FROM contacts.contact) . ' ' . ($where // '') . ' ORDER BY 1');
}

sub staging_tables
{
	my ($node) = @_;
	return $node->safe_psql('postgres', q(SELECT count(*) FROM pg_class WHERE relname LIKE 'contact\_import\_%' AND relkind = 'r'));
}

package ContactImport::Terminal;

use Test::More;

sub expect
{
	my ($self, $pattern, $name) = @_;
	$self->{run}->pump until $self->{shown} =~ $pattern || !$self->{run}->pumpable;
	return like($self->{shown}, $pattern, $name);
}

sub answer
{
	my ($self, $text) = @_;
	$self->{typed} .= $text;
	$self->{run}->pump while length $self->{typed} && $self->{run}->pumpable;
	return;
}

sub finish
{
	my ($self) = @_;
	$self->{run}->finish;
	my $status = $self->{run}->full_result // 0;
	note $self->{shown};
	return $status & 127 ? 'signal ' . ($status & 127) : $status >> 8;
}

1;
