# DBD::Pg.
use strict;
use warnings;

use JSON::PP;

# region: connect
use DBI;

my $dbh = DBI->connect('dbi:Pg:', undef, undef, { RaiseError => 1, PrintError => 0, AutoCommit => 1 });
# end region

# Exact for the numbers of the table, too; most programs do with JSON::PP->new.
my $json = JSON::PP->new->allow_nonref->allow_bignum;

if ($ENV{POOLED})
{
	$dbh->{pg_server_prepare} = 0;
}

# region: call
sub upsert
{
	my ($request) = @_;
	my ($answer) = $dbh->selectrow_array('SELECT contact_upsert(?)', undef, $json->encode($request));
	return $answer;    # text: $json->decode($answer)->{data}
}

sub upsert_many
{
	my ($requests) = @_;
	return $dbh->selectall_arrayref('SELECT position, outcome, version, error FROM contacts.upsert_many(?)',
		{ Slice => {} }, $json->encode($requests));
}
# end region

sub preview
{
	my ($request) = @_;
	return $dbh->selectall_arrayref('SELECT outcome, version, changes, error FROM contacts.preview(?)',
		{ Slice => {} }, $json->encode($request));
}

sub upsert_text
{
	my ($text) = @_;
	my ($answer) = $dbh->selectrow_array('SELECT contact_upsert(?)', undef, $text);
	return $answer;
}

# region: error
sub failure
{
	return {
		sqlstate => $dbh->state,
		message => $dbh->pg_error_field('message_primary'),
		detail => $dbh->pg_error_field('message_detail'),    # $json->decode() of it has the code
		hint => $dbh->pg_error_field('message_hint'),
	};
}
# end region

sub upsert_value
{
	my ($fields) = @_;
	return sub { upsert({ email_address => 'value@example.com', fields => $fields }) };
}

my %calls = (
	upsert => \&upsert,
	upsert_many => \&upsert_many,
	preview => \&preview,
	upsert_text => \&upsert_text,
	sql => sub { $dbh->do($_[0]); undef },
	upsert_nan => upsert_value({ amount => 'NaN' + 0 }),
	upsert_bare_text => sub { upsert_text('{"email_address": "value@example.com"}') },
	upsert_bare_object => sub { upsert_text({ email_address => 'value@example.com' }) },
	upsert_bare_array => sub { upsert_text([{ email_address => 'value@example.com' }]) },
);
my $depth = 0;

# A transaction or, inside of one, a savepoint.
sub block
{
	my ($body) = @_;
	my $name = 'inside';
	$depth++ ? $dbh->pg_savepoint($name) : $dbh->begin_work;
	my $good = eval { $body->(); 1 };
	$depth--;
	if ($good) { $depth ? $dbh->pg_release($name) : $dbh->commit }
	else { $depth ? $dbh->pg_rollback_to($name) : $dbh->rollback }
}

sub say_line { print JSON::PP->new->utf8->allow_nonref->encode($_[0]), "\n" }

# Whether an error is the server's; DBD::Pg's own leave the fields of the last one behind.
sub from_server { index($_[0], $dbh->pg_error_field('message_primary') // "\0") >= 0 }

# Returns whether it succeeded; an error is said where it comes up.
sub run
{
	my ($step) = @_;
	if ($step->{steps})
	{
		block(sub { run($_) or die "rolled back\n" for @{ $step->{steps} } });
		return 1;
	}
	my $call = $calls{ $step->{do} } or return 1;
	my $answer;
	if (eval { $answer = $call->($step->{send}); 1 })
	{
		say_line({ step => $step->{name}, answer => $answer });
		return 1;
	}
	say_line({ step => $step->{name}, from_server($@) ? (error => failure()) : (refused => "$@") });
	return 0;
}

say_line({ client => 'DBD::Pg', version => "$DBD::Pg::VERSION", jsonb => 'text', numbers => 'exact', bigint => 'any',
	outcomes => { upsert_nan => 'rejected', upsert_bare_text => 'stored',
		upsert_bare_object => { refused => 'Cannot bind a reference' },
		upsert_bare_array => { refused => 'Arrays must contain only scalars and other arrays' } } });
open my $table, '<:utf8', $ARGV[0] or die "$ARGV[0]: $!";
my $text = do { local $/; <$table> };
run($_) for @{ $json->decode($text)->{steps} };
$dbh->disconnect;
