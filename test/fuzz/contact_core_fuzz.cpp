/*
 * contact_core_fuzz.cpp - runs requests through the C ABI and checks what must hold for each of them.
 *
 * An input that begins with "{" is JSON: {"definitions": .., "contact": .., "request": .., "fail_at": n,
 * "interrupt_at": n}, all optional. Any other is bytes from which trees are built, with text that need not be UTF-8.
 * A broken rule aborts and names itself.
 */
#include "core_call.hpp"
#include "raw_json.hpp"

#include "core/text.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <span>

namespace {

void
require(bool holds, const char *rule)
{
	if (holds)
		return;
	std::fprintf(stderr, "contact_core_fuzz: broken rule: %s\n", rule);
	std::abort();
}

template <class T>
std::span<const T>
range(const T *items, std::size_t count)
{
	return {items, count};
}

struct Input
{
	const cu_json *definitions;
	const cu_contact *contact;
	cu_document request;
	bool is_utf8;
	std::size_t fail_at;
	std::size_t interrupt_at;
};

/* The text under a key; empty if there is none. */
std::string_view
text_of(const cu_json &request, std::string_view key)
{
	const auto *value = find_member(request, key);
	return value != nullptr && value->kind == CU_JSON_STRING ? view_text(value->text) : std::string_view();
}

/* Whether the key is given, and is true. */
bool
flag(const cu_json &request, std::string_view key)
{
	const auto *value = find_member(request, key);
	return value != nullptr && value->kind == CU_JSON_BOOLEAN && value->boolean;
}

void
check_error(const cu_error &error, bool is_utf8)
{
	require(cu_code_name(error.code) != nullptr, "an error has a code");
	require(error.message[0] != '\0' && error.hint[0] != '\0', "an error has a message and a hint");
	require(error.has_field || error.field[0] == '\0', "an error says that it has a field");
	require(error.has_merge_tag || error.merge_tag[0] == '\0', "an error says that it has a merge tag");
	require(error.has_tag || error.tag[0] == '\0', "an error says that it has a tag");
	require((error.code == CU_FIELD_INVALID) == error.has_type, "an invalid value has its field's type");
	require((error.code == CU_VERSION_CONFLICT) == error.has_version, "a conflict has the contact's version");
	require((error.options != nullptr) == (error.option_count > 0), "the options are there");
	for (const std::string_view text :
		 {error.message, error.hint, error.field, error.merge_tag, error.tag, error.value})
	{
		require(text.size() < sizeof error.message, "an error's texts are terminated");
		require(!is_utf8 || contact::count_code_points(text).has_value(), "an error's texts are UTF-8 if the input is");
	}
}

void
check_email(cu_text email)
{
	require(cu_is_stored_email(email), "the address is in its stored form");
	require(cu_trim(email).size == email.size, "the address has no white space around it");
	const auto again = JsonDocument("{\"email_address\":\"" + std::string(view_text(email)) + "\"}").good();
	require(again, "the address can be sent again");
}

void
check_data(const cu_json &data)
{
	require(cu_is_stored_data(&data), "the data can be stored");
	for (const auto &value : range(data.items, data.count))
		require(value.kind != CU_JSON_NUMBER || value.text.size <= CU_MAX_NUMBER_BYTES, "a number can be written out");
	for (std::size_t i = 1; i < data.count; i++)
		require(contact::jsonb_less(view_text(data.keys[i - 1]), view_text(data.keys[i])),
				"the data is in jsonb's order");
}

void
check_tags(const cu_decision &decision)
{
	require(decision.new_tag_count <= decision.tag_count, "the tags include the new ones");
	const auto tags = range(decision.tags, decision.tag_count);
	const auto defined = tags.first(tags.size() - decision.new_tag_count);
	for (std::size_t i = 0; i < defined.size(); i++)
		require(defined[i].id > (i == 0 ? 0 : defined[i - 1].id), "the tags ascend by id");
	for (const auto &tag : tags.last(decision.new_tag_count))
		require(tag.id == 0 && cu_is_tag_name(tag.name), "a new tag has a name and no id");
	for (const auto &removed : range(decision.tags_removed, decision.tags_removed_count))
		require(std::ranges::find(tags, removed.id, &cu_tag::id) == tags.end(), "a removed tag is gone");
	for (const auto &added : range(decision.tags_added, decision.tags_added_count))
		require(std::ranges::find(tags, added.id, &cu_tag::id) != tags.end(), "an added tag is there");
}

void
check_changes(const cu_decision &decision)
{
	for (const auto &change : range(decision.field_changes, decision.field_change_count))
	{
		const auto *value = find_member(decision.data, view_text(change.merge_tag));
		const auto new_value = write_json(change.new_value);
		require(new_value == (value == nullptr ? "null" : write_json(*value)), "a new value is the one in the data");
		require(new_value != write_json(change.old_value), "a change changes");
	}
}

void
check_events(const cu_decision &decision)
{
	const auto events = range(decision.events, decision.event_count);
	const auto count = [events](cu_event_type type) {
		return static_cast<std::size_t>(std::ranges::count(events, type, &cu_event::type));
	};
	const bool pending = decision.outcome == CU_CREATED && decision.status == CU_UNCONFIRMED;
	require(std::ranges::is_sorted(events, {}, &cu_event::type), "events come in their order");
	require(count(CU_CONTACT_SUBSCRIBED_PENDING) == (pending ? 1 : 0), "only a new unconfirmed contact is pending");
	require(count(CU_TAG_ADDED) == decision.tags_added_count, "each added tag is an event");
	require(count(CU_TAG_REMOVED) == decision.tags_removed_count, "each removed tag is an event");
	require(count(CU_FIELD_UPDATED) <= decision.field_change_count, "a field is an event once at most");
	for (const auto &event : events)
		require((event.change != nullptr) == (event.type == CU_FIELD_UPDATED), "the event of a field has its change");
}

void
check_outcome(const Input &input, const cu_decision &decision)
{
	const auto changes = decision.field_change_count + decision.tags_added_count + decision.tags_removed_count;
	const bool changed = changes > 0 || decision.status != decision.old_status;
	const auto mode = text_of(input.request.root, "mode");
	const bool exists = input.contact != nullptr;
	const bool skips = (mode == "create" && exists) || (mode == "update" && !exists);
	require((decision.outcome == CU_SKIPPED) == skips, "what the mode leaves alone is skipped");
	require(mode != "fill" || !exists || (decision.tags_removed_count == 0 && decision.status == decision.old_status),
			"fill takes nothing away");
	for (const auto &change : range(decision.field_changes, decision.field_change_count))
		require(mode != "fill" || change.old_value.kind == CU_JSON_NULL, "fill changes no value");
	if (skips)
		require(!changed && decision.new_tag_count == 0, "what is skipped stays as it is");
	else if (!exists)
		require(decision.outcome == CU_CREATED && !changed, "what did not exist is created, without changes");
	else
		require(decision.outcome == (changed ? CU_UPDATED : CU_UNCHANGED), "what exists is updated if it changes");

	const auto *policy = find_member(*input.definitions, "status_policy");
	const bool guarded = policy != nullptr && view_text(policy->text) == "guarded";
	const auto mailable = [](cu_status status) { return status == CU_SUBSCRIBED || status == CU_UNCONFIRMED; };
	if (guarded && input.contact != nullptr && !mailable(input.contact->status) && mailable(decision.status))
		require(flag(input.request.root, "resubscribe"), "who opted out stays out without consent");
}

/* The keys of a request that is accepted are ours or listed, and one that lists none is accepted where unknown keys are rejected. */
void
check_unknown_keys(const Input &input, const cu_parsed_request *request)
{
	char names[256];
	const bool some = cu_unknown_keys(request, &names);
	const auto keys = range(input.request.root.keys, input.request.root.count);
	require(some == !std::ranges::all_of(keys, cu_is_request_key), "unknown keys are listed");

	TestHost host;
	const cu_parsed_request *again = nullptr;
	cu_text email{};
	cu_error error{};
	const auto result = cu_parse_request(host.get(), &input.request, true, &again, &email, &error);
	require(result == (some ? CU_REJECTED : CU_OK), "unknown keys are rejected if asked to");
}

/* What is stored may be sent again though its options are gone. */
void
check_without_options(const TestHost &host, const Input &input, const cu_parsed_request *request,
					  const cu_contact &contact)
{
	/* A default that is no option any more is none. */
	const auto has_default = [](const cu_json &field) {
		const auto *value = find_member(field, "default_value");
		return value != nullptr && value->kind != CU_JSON_NULL;
	};
	static const JsonDocument none(R"(["no option of anybody", "nor this one"])");
	std::vector<cu_json> fields;
	std::vector<std::vector<cu_json>> values;
	const auto *source = find_member(*input.definitions, "fields");
	if (source == nullptr || std::ranges::any_of(range(source->items, source->count), has_default))
		return;
	for (const auto &field : range(source->items, source->count))
	{
		auto &members = values.emplace_back(field.items, field.items + field.count);
		for (std::size_t i = 0; i < field.count; i++)
		{
			if (view_text(field.keys[i]) == "options" && members[i].kind == CU_JSON_ARRAY)
				members[i] = none.root();
		}
		fields.push_back(field);
		fields.back().items = members.data();
	}
	std::vector<cu_json> members(input.definitions->items, input.definitions->items + input.definitions->count);
	for (std::size_t i = 0; i < members.size(); i++)
	{
		if (view_text(input.definitions->keys[i]) == "fields")
			members[i].items = fields.data();
	}
	cu_json definitions = *input.definitions;
	definitions.items = members.data();

	const cu_definitions *loaded = nullptr;
	cu_decision decision{};
	cu_error error{};
	WorkspaceSource workspace;
	require(workspace.load(host.get(), definitions, &loaded) == CU_OK, "options can be changed");
	require(cu_decide(host.get(), loaded, request, &contact, nullptr, &decision, &error) == CU_OK &&
				decision.outcome == CU_UNCHANGED,
			"what is stored may be sent again though its options are gone");
}

/* The same request once more finds nothing to do, where docs/api.md, "Behaviour" promises that. */
void
check_idempotence(const TestHost &host, const Input &input, const cu_definitions *definitions,
				  const cu_parsed_request *request, const cu_decision &decision)
{
	/* A partial update of a contact that it created clears a field for which creating took the default. */
	const bool cleared = decision.outcome == CU_CREATED && flag(input.request.root, "partial_update");
	const auto mode = text_of(input.request.root, "mode");
	const auto *if_version = find_member(input.request.root, "if_version");
	/* A version that was right is old by then; an update that found no contact leaves none to be repeated on. */
	const bool has_version = if_version != nullptr && if_version->kind != CU_JSON_NULL;
	if (decision.new_tag_count > 0 || cleared || has_version || (decision.outcome == CU_SKIPPED && mode == "update"))
		return;

	std::vector<std::int64_t> ids;
	for (const auto &tag : range(decision.tags, decision.tag_count))
		ids.push_back(tag.id);
	const cu_contact contact{1, decision.status, ids.data(), ids.size(), decision.data};
	cu_decision again{};
	cu_error error{};
	require(cu_decide(host.get(), definitions, request, &contact, nullptr, &again, &error) == CU_OK,
			"a request can be repeated");
	require(again.outcome == (decision.outcome == CU_SKIPPED || mode == "create" ? CU_SKIPPED : CU_UNCHANGED),
			"a request that is repeated changes nothing");
	/* A value that fill has not taken is still one to validate. */
	if (mode.empty())
		check_without_options(host, input, request, contact);
	require(write_json(again.data) == write_json(decision.data), "a request that is repeated keeps the data");
}

void
run(const Input &input)
{
	TestHost host;
	host.fail_at = input.fail_at;
	host.interrupt_at = input.interrupt_at;
	const auto ended = [&](cu_result result, bool may_reject) {
		require(result != CU_REJECTED || may_reject, "only requests are rejected");
		require(result != CU_OUT_OF_MEMORY || (host.fail_at > 0 && host.allocations >= host.fail_at), "memory failed");
		require(result != CU_INTERRUPTED || (host.interrupt_at > 0 && host.polls >= host.interrupt_at), "it was asked");
		return result != CU_OK;
	};

	const cu_definitions *definitions = nullptr;
	WorkspaceSource workspace;
	if (ended(workspace.load(host.get(), *input.definitions, &definitions), false))
		return;

	const cu_parsed_request *request = nullptr;
	cu_text email{};
	cu_error error{};
	auto result = cu_parse_request(host.get(), &input.request, false, &request, &email, &error);
	cu_decision decision{};
	if (result == CU_OK)
	{
		check_email(email);
		check_unknown_keys(input, request);
		result = cu_decide(host.get(), definitions, request, input.contact, nullptr, &decision, &error);
	}
	require(result != CU_INTERNAL_ERROR, "a request causes no internal error");
	if (result == CU_REJECTED)
		check_error(error, input.is_utf8);
	if (ended(result, true))
		return;

	check_data(decision.data);
	check_tags(decision);
	check_changes(decision);
	check_events(decision);
	check_outcome(input, decision);
	host.fail_at = 0;
	host.interrupt_at = 0;
	check_idempotence(host, input, definitions, request, decision);
}

std::size_t
depth_of(const cu_json &json)
{
	if (json.kind != CU_JSON_ARRAY && json.kind != CU_JSON_OBJECT)
		return 0;
	std::size_t depth = 0;
	for (const auto &item : range(json.items, json.count))
		depth = std::max(depth, depth_of(item));
	return depth + 1;
}

std::size_t
number_of(const cu_json &json, std::string_view key)
{
	const auto *value = find_member(json, key);
	return value == nullptr ? 0 : std::strtoul(std::string(view_text(value->text)).c_str(), nullptr, 10);
}

const cu_json &
default_definitions()
{
	static const JsonDocument definitions(kDefinitions);
	return definitions.root();
}

/* The contact under a key. What no table holds is left out of it. */
StoredContact
contact_of(const cu_json &json)
{
	const auto *source = find_member(json, "contact");
	StoredContact contact(source == nullptr ? cu_json{} : *source);
	contact.drop_data_that_cannot_be_stored();
	return contact;
}

void
run_tree(const cu_json &json, std::size_t bytes, bool is_utf8)
{
	const auto *definitions = find_member(json, "definitions");
	const auto *request = find_member(json, "request");
	const auto contact = contact_of(json);
	const auto root = request == nullptr ? cu_json{} : *request;
	run({definitions == nullptr ? &default_definitions() : definitions,
		 contact.get(),
		 {root, bytes, depth_of(root)},
		 is_utf8,
		 number_of(json, "fail_at"),
		 number_of(json, "interrupt_at")});
}

/* The functions that take plain text, and any bytes. */
void
run_text(std::string_view text)
{
	const cu_text bytes{text.data(), text.size()};
	TestHost host;
	cu_text folded{};
	cu_text again{};
	require(cu_fold_case(host.get(), bytes, &folded) == CU_OK, "all text can be folded");
	require(cu_fold_case(host.get(), folded, &again) == CU_OK, "folded text can be folded");
	require(view_text(folded) == view_text(again), "folded text stays as it is");
	require(contact::compare_folded(text, view_text(folded)) == 0, "text compares equal to itself, folded");
	const auto order = contact::compare_folded(text, "m");
	require((order < 0) == (view_text(folded) < "m") && (order > 0) == (view_text(folded) > "m"),
			"text is compared as if it were folded");

	const auto trimmed = cu_trim(bytes);
	require(cu_trim(trimmed).size == trimmed.size, "trimmed text stays as it is");
	require(!cu_is_tag_name(bytes) || trimmed.size == text.size(), "a tag's name has no white space around it");
	if (cu_is_stored_email(bytes))
		check_email(bytes);
}

} // namespace

extern "C" int
LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	const std::string_view text(reinterpret_cast<const char *>(data), size);
	run_text(text);
	if (text.starts_with('{'))
	{
		const JsonDocument document(text);
		run_tree(document.root(), size, true);
		return 0;
	}
	RawJson raw(text);
	run_tree(raw.root(), size, false);
	return 0;
}
