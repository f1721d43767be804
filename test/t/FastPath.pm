# What the tests of the fast path share: scripts that are run with contact_upsert.fast_path on and off, which leave and say the same, and
# of which the message at debug1 says that the choice was the right one.
package FastPath;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(test_choice run_script check other_session check_change);

my ($node, $message, $plain);

# The server, what the message of the choice begins with, and what makes the output of two runs comparable.
sub test_choice
{
	($node, $message, $plain) = @_;
	$plain //= sub { return $_[0] };
	return;
}

# Runs a script with the fast path or without; returns what it prints and says, and which choices were made.
sub run_script
{
	my ($script, $fast_path) = @_;
	my ($status, $out, $said) = $node->psql('postgres',
		"\\set SHOW_CONTEXT never\nSET contact_upsert.fast_path = $fast_path;\nSET client_min_messages = debug1;\n$script",
		on_error_stop => 0);
	my @said = map { s/^psql:<stdin>:\d+: //r } split /\n/, $said;
	my @choices = map { /contact_upsert $message (.*)/ ? $1 : () } @said;
	# the same choice again is none
	@choices = @choices[ grep { $_ == 0 || $choices[$_] ne $choices[ $_ - 1 ] } 0 .. $#choices ];
	return ($out . "\n" . join("\n", grep { !/^(?:DEBUG|LOG)/ } @said), \@choices);
}

# Both ways say the same, and the fast path's choices are those. Returns what was said.
sub check
{
	my ($name, $script, @expected) = @_;
	my ($with, $choices) = run_script($script, 'on');
	my ($without, $no_choices) = run_script($script, 'off');
	is($plain->($with), $plain->($without), "$name: what the statements say");
	is(join("\n", @$choices), join("\n", @expected), "$name: the choices");
	is(scalar @$no_choices, 0, "$name: none with the fast path off");
	return $with;
}

# What has psql run a script in another session.
sub other_session
{
	my ($sql) = @_;
	our $files;
	my $file = $node->basedir . '/other_' . ++$files . '.sql';
	append_to_file($file, $sql);
	return sprintf "\\! psql -Xqo /dev/null -d '%s' -v ON_ERROR_STOP=1 -f '%s'\n", $node->connstr('postgres'), $file;
}

# Something changes, in the transaction of the calls and by another session between them:
#   do, undo   how it does, and how it is undone
#   first, then, last   what is called before, behind it, and when it is undone
#   choices    the choices that are made
#   alone      what comes before do in the transaction; or not_in_transaction
#   error      what the calls say behind it, in the transaction; seen: what they do behind the other session
sub check_change
{
	my ($name, %c) = @_;
	my %said;

	$said{'in the transaction'} = join "\n", $c{first}, 'BEGIN;', $c{alone} // '', "$c{do};", $c{then}, 'ROLLBACK;', $c{last}
		unless $c{not_in_transaction};
	$said{'by another session'} = join "\n", $c{first}, other_session("$c{do};"), $c{then}, other_session("$c{undo};"), $c{last};
	for my $where (sort { $b cmp $a } keys %said)
	{
		my $said = check("$name, $where", $said{$where}, @{ $c{choices} });
		like($said, $c{error}, "$name: the error") if $c{error} && $where =~ /transaction/;
		like($said, $c{seen}, "$name: what is seen") if $c{seen} && $where =~ /session/;
		# Else nothing shows that it was done.
		unlike($said, qr/ERROR:/, "$name, $where: without an error") unless $c{error} || $c{seen};
	}
	return;
}

1;
