# Random definitions, contacts and requests for the property test, as SQL and JSON texts. JSON is put together as text, so that
# every spelling of a number and every broken value gets through. All randomness is rand(), so that srand() repeats a run.

package RandomContacts;

use strict;
use warnings;
use utf8;

use Exporter 'import';
our @EXPORT_OK = qw(chance pick literal random_workspace define_contacts change_definitions random_request);

# The ids of defined tags begin here, half a million apart for each workspace. create_tags takes those of the sequence, which are
# larger in one workspace and smaller in the next: an id says nothing about the time at which a tag was made.
my $first_tag_id = 1_000_000;

my @statuses = qw(SUBSCRIBED UNSUBSCRIBED UNCONFIRMED CLEANED COMPLAINED);
my @types = qw(TEXT NUMBER BOOLEAN DATE DROPDOWN_SINGLE DROPDOWN_MULTIPLE COUNTRY);
my @options = ('red', 'gold', 'a,b', 'Größe', '😀', ' spaced', '100%', 'x"y');
my @tag_names = ('VIP', 'newsletter', 'two words', 'Ärger', 'straße', '😀 smile', 'ΣΙΓΜΑ', "it's", '007', 'a,b');
my @new_names = ('fresh', 'Neu', 'ÉTÉ', '100% new', 'Ωmega', '🙂');
my @labels = ('Label', 'Größe', "it's", '100% "%s"', '😀');

sub chance { return rand() < shift }
sub pick { return $_[ rand @_ ] }
sub some { my ($probability, @items) = @_; return grep { chance($probability) } @items }
sub literal { my ($text) = @_; return defined $text ? q(') . $text =~ s/'/''/gr . q(') : 'NULL' }
sub json { my ($text) = @_; return '"' . $text =~ s/(["\\])/\\$1/gr =~ s/([\x00-\x1f])/sprintf '\\u%04x', ord $1/ger . '"' }
sub array { return '[' . join(',', @_) . ']' }
sub object { my (%members) = @_; return '{' . join(',', map { json($_) . ':' . $members{$_} } sort keys %members) . '}' }
sub any_case { return join '', map { chance(0.3) ? uc : chance(0.3) ? lc : $_ } split //, shift }
sub digits { return join '', map { int rand 10 } 1 .. shift }

# A value that a field of the type takes, as a request may spell it.
sub good_value
{
	my ($field) = @_;
	my @choice = @{ $field->{options} || [] };
	return {
		TEXT => sub { pick('"x"', '"two words"', json("Größe 😀"), json(qq(quote " \\ \t)), '7', '1.50', 'true', json(digits(300))) },
		NUMBER => sub {
			pick('0', '1', '1.5', '1.50', '-0', '-7', '1e3', '"12.50"', '"1E-3"', '1' . digits(40) . '.' . digits(20), '1e400') },
		BOOLEAN => sub { pick('true', 'false', '"TRUE"', '"False"') },
		DATE => sub { pick('"2024-02-29"', '"2024-02-15T10:30:00Z"', '"2024-02-15t12:30:00.999+02:00"', '"0001-01-01"') },
		DROPDOWN_SINGLE => sub { json(pick(@choice)) },
		DROPDOWN_MULTIPLE => sub {
			return array(map { json($_) } some(0.6, @choice, pick(@choice))) if chance(0.6);
			return json(join pick(',', ' , '), some(0.6, grep { !/,|^ / } @choice)) },
		COUNTRY => sub { pick('"DE"', '"us"', '"gB"') } }->{ $field->{type} }->();
}

sub odd_value
{
	return pick('{}', '[]', '[1]', '{"a":[1,{}]}', '"no such"', '" "', '-1', '1e-400', 'true', '"2024-02-30"', '"XX"', json('😀'),
		'["red","red"]', json('x' x 70000));
}

sub no_value { return pick('null', '""') }

# A value as it is stored.
sub stored_value
{
	my ($field) = @_;
	my @choice = @{ $field->{options} || [] };
	return '"not of its type"' if chance(0.05);
	return json(pick(@choice)) if $field->{type} eq 'DROPDOWN_SINGLE';
	return array(map { json($_) } @choice[ 0 .. rand @choice ]) if $field->{type} eq 'DROPDOWN_MULTIPLE';
	return pick('1', '1.50', '-3', '1' . digits(30)) if $field->{type} eq 'NUMBER';
	return pick('true', 'false') if $field->{type} eq 'BOOLEAN';
	return pick('"2024-02-29"', '"2024-02-15T10:30:00Z"') if $field->{type} eq 'DATE';
	return pick('"DE"', '"US"') if $field->{type} eq 'COUNTRY';
	return pick('"x"', '"two words"', '"7"');
}

sub define_field
{
	my ($workspace, $tag) = @_;
	my $field = { tag => $tag, type => pick(@types), required => chance(0.2), position => int rand 5 };
	if ($field->{type} =~ /DROPDOWN/)
	{
		my %seen;
		$field->{options} = [ grep { !$seen{$_}++ } 'red', 'gold', some(0.5, @options) ];
	}
	my $default = !chance(0.3) ? undef : $field->{type} eq 'DROPDOWN_MULTIPLE' ? '["red"]' : good_value($field);
	$workspace->{fields}{$tag} = $field;
	return sprintf 'INSERT INTO contacts.field (workspace_id, merge_tag, label, type, options, default_value, required, tracked, '
		. "position) VALUES (%d, '%s', %s, '%s', %s, %s, %s, %s, %d);\n",
		$workspace->{id}, $tag, literal(pick(@labels) . " $tag"), $field->{type},
		$field->{options} ? 'ARRAY[' . join(', ', map { literal($_) } @{ $field->{options} }) . ']' : 'NULL',
		literal($default), $field->{required} ? 'true' : 'false', chance(0.5) ? 'true' : 'false', $field->{position};
}

sub define_tag
{
	my ($workspace, $name) = @_;
	my $id = $workspace->{next_tag_id}++;
	$workspace->{tags}{$id} = $name;
	return sprintf "INSERT INTO contacts.tag (workspace_id, tag_id, name) OVERRIDING SYSTEM VALUE VALUES (%d, %d, %s);\n",
		$workspace->{id}, $id, literal($name);
}

# Returns a workspace and the SQL that defines it.
sub random_workspace
{
	my ($id) = @_;
	my $workspace = {
		id => $id, fields => {}, tags => {}, lost_tags => [],
		next_tag_id => $first_tag_id + 500_000 * $id, next_contact => 0 };
	my $sql = sprintf "SELECT contacts.define_workspace('w%d', '%s', '%s', %s);\n", $id, pick('api', 'guarded'),
		pick('none', 'status', 'all', 'all'), $id == 1 ? 1 : 'NULL';
	$sql .= sprintf "SELECT setval('contacts.tag_tag_id_seq', %d);\n", $id % 2 ? 100_000_000 + $id * 1000 : $id * 1000;
	$sql .= define_field($workspace, "field_$_") for 1 .. 1 + rand 7;
	$sql .= define_tag($workspace, $_) for some(0.6, @tag_names);
	my @domains = ('example.com', 'a.b.example', 'straße.example');
	$workspace->{addresses} =
		[ map { pick('c', 'contact.', 'long' x 20, 'ÜMLAUT', '😀', q('), '+%s') . $_ . '@' . pick(@domains) } 1 .. 40 ];
	$sql .= "SELECT contacts.subscribe('all', workspace_id => $id);\n";
	$sql .= "SELECT contacts.subscribe('tags', ARRAY['TAG_ADDED', 'TAG_REMOVED']::contacts.event_type[], workspace_id => $id);\n";
	return ($workspace, $sql);
}

# Contacts written past the function: with lost tags and values, values that are not of the type, statistics, odd times.
sub define_contacts
{
	my ($workspace) = @_;
	my $sql = '';
	for my $address (some(0.6, @{ $workspace->{addresses} }))
	{
		my $id = sprintf '%08x%08x%08x', 0x60000000, $workspace->{id}, ++$workspace->{next_contact};
		my %data = map { $_->{tag} => stored_value($_) } some(0.5, fields_of($workspace));
		$data{lost} = '"lost"' if chance(0.2);
		my @tags = sort { $a <=> $b } some(0.4, keys_of($workspace->{tags}), 999_999, @{ $workspace->{lost_tags} });
		my $created = sprintf '20%02d-03-04 05:06:07.%06d+00', rand 20, rand 1_000_000;
		my $updated = chance(0.1) ? '9998-01-02 03:04:05+00' : $created;
		$sql .= sprintf "INSERT INTO contacts.contact VALUES (%d, '%s', %s, '%s', '{%s}', %s, %d, '%s', '%s') ON CONFLICT DO NOTHING;\n",
			$workspace->{id}, $id, literal($address =~ tr/A-Z/a-z/r), pick(@statuses), join(',', @tags), literal(object(%data)),
			1 + rand 9, $created, $updated;
		$sql .= sprintf "INSERT INTO contacts.statistics SELECT workspace_id, id, %d, %d, %d, %d FROM contacts.contact WHERE id = '%s';\n",
			(map { rand 100 } 1 .. 4), $id if chance(0.3);
	}
	return $sql;
}

sub fields_of { my ($workspace) = @_; return map { $workspace->{fields}{$_} } sort keys %{ $workspace->{fields} } }
sub keys_of { return sort { $a <=> $b } keys %{ $_[0] } }

# Returns SQL that changes the definitions under the contacts.
sub change_definitions
{
	my ($workspace) = @_;
	my $id = $workspace->{id};
	my $sql = '';
	if (my @tags = some(0.2, keys_of($workspace->{tags})))
	{
		delete @{ $workspace->{tags} }{@tags};
		push @{ $workspace->{lost_tags} }, @tags;
		$sql .= sprintf "DELETE FROM contacts.tag WHERE workspace_id = %d AND tag_id IN (%s);\n", $id, join ', ', @tags;
	}
	$sql .= sprintf "DELETE FROM contacts.tag WHERE workspace_id = %d AND contacts_internal.fold_case(name) = contacts_internal.fold_case(%s);\n",
		$id, literal(pick(@new_names)) if chance(0.4);
	$sql .= sprintf "DELETE FROM contacts.field WHERE workspace_id = %d AND merge_tag = '%s';\n", $id, $_->{tag}
		for some(0.1, fields_of($workspace));
	delete $workspace->{fields}{$_} for $sql =~ /merge_tag = '(\w+)'/g;
	$sql .= define_field($workspace, 'lost') if chance(0.3) && !$workspace->{fields}{lost};
	$sql .= sprintf "UPDATE contacts.field SET tracked = NOT tracked, label = label || '.'"
		. " WHERE workspace_id = %d AND position = %d AND NOT immutable;\n", $id, rand 5;
	$sql .= "UPDATE contacts.field SET options = options[2:] || ARRAY['new option', 'other']"
		. " WHERE workspace_id = $id AND type = 'DROPDOWN_SINGLE' AND default_value IS NULL;\n" if chance(0.3);
	$sql .= sprintf "UPDATE contacts.workspace SET status_policy = '%s', history = '%s' WHERE workspace_id = %d;\n",
		pick('api', 'guarded'), pick('none', 'status', 'all', 'all'), $id;
	return $sql . define_contacts($workspace);
}

sub random_email
{
	my ($workspace, $bad) = @_;
	return pick('null', '""', '" \t\u00a0"', '7', '[]', '"nobody"', '"a@@b.example"', '"a b@example.com"', json('x' x 250 . '@x.example'))
		if chance(0.05 * $bad);
	my $address = chance(0.1) ? 'new' . digits(6) . '@example.com' : pick(@{ $workspace->{hot} || $workspace->{addresses} });
	return json($address) if chance(0.6);
	return json(pick('', ' ', "\x{a0}", "\x{3000}\t") . $address =~ s/([a-z])/chance(0.4) ? uc $1 : $1/ger . pick('', "\n "));
}

sub random_fields
{
	my ($workspace, $bad) = @_;
	my %fields;
	for my $field (fields_of($workspace))
	{
		next unless chance($field->{required} ? 0.9 : 0.45);
		$fields{ $field->{tag} } = chance(0.03 * $bad) ? odd_value() : chance(0.1) ? no_value() : good_value($field);
	}
	$fields{email_address} = '"other@example.com"' if chance(0.05);
	$fields{ pick('unknown', 'FIELD_1', '', '😀') } = pick('1', 'null') if chance(0.03 * $bad);
	return chance(0.02 * $bad) ? pick('[]', '"x"', '7') : object(%fields);
}

sub random_tags
{
	my ($workspace, $bad) = @_;
	my $spelled = sub { chance(0.5) ? $_ : chance(0.2) ? "$_.0" : json(pick('', ' ') . any_case($workspace->{tags}{$_})) };
	my @tags = map { $spelled->() } some(0.3, keys_of($workspace->{tags}));
	push @tags, map { json(any_case($_)) } some(0.15, @new_names);
	my @wrong = ('-1', '999999', '1.5', '99999999999999999999', '"no such"', 'null', '{}', '" "', json('x' x 65));
	push @tags, pick(@wrong, @{ $workspace->{lost_tags} }) if chance(0.15 * $bad);
	push @tags, $tags[0] if @tags && chance(0.2);
	return chance(0.02 * $bad) ? pick('7', '"VIP"', '{}', 'false') : array(@tags);
}

# Returns a request; $bad says how often something is wrong with it, 0 for never on purpose, 1 for usual.
sub random_request
{
	my ($workspace, $bad) = @_;
	return pick('null', '7', '"{}"', '[]', '{}', '[{}]', 'true') if chance(0.02 * $bad);
	my %request = (email_address => random_email($workspace, $bad));
	delete $request{email_address} if chance(0.01 * $bad);
	$request{fields} = random_fields($workspace, $bad) if chance(0.85);
	for my $key (some(0.3, qw(tags add_tags remove_tags)))
	{
		$request{$key} = random_tags($workspace, $bad);
		$request{create_tags} = chance(0.98) ? 'true' : pick('"yes"', '1') if chance(0.8);
	}
	$request{status} = chance(0.03 * $bad) ? pick('"subscribed"', '""', '7') : json(pick(@statuses)) if chance(0.4);
	$request{partial_update} = chance(0.01 * $bad) ? '"true"' : pick('true', 'true', 'true', 'false') if chance(0.6);
	$request{resubscribe} = chance(0.02 * $bad) ? '1' : pick('true', 'false') if chance(0.2);
	$request{ pick(qw(origin 😀 Status), '') } = pick('1', '{"a":[{},[]]}', json('😀')) if chance(0.1);
	$request{mode} = chance(0.05 * $bad) ? pick('"CREATE"', '""', '7') : json(pick(qw(create update fill fill upsert))) if chance(0.3);
	$request{if_version} = chance(0.1 * $bad) ? pick('"1"', '-1', '1.5', '9223372036854775808') : pick('0', '1', '2.0', '3e0', '4') if chance(0.15);
	$request{source} = chance(0.05 * $bad) ? pick('7', '[]', json('é' x 128)) : pick('""', '"form"', json('é' x 127)) if chance(0.15);
	$request{evidence} = chance(0.05 * $bad) ? pick('"x"', '[1]', object(x => json('x' x 9000))) : pick('{}', '[]', '{"ip":"::1","at":[1,null,{"😀":1.50}]}') if chance(0.15);
	$request{ pick(qw(fields tags add_tags remove_tags create_tags status partial_update resubscribe mode if_version source evidence)) } = 'null' if chance(0.1);
	return object(%request);
}

1;
