/*
 * core_call.cpp - see core_call.hpp.
 */
#include "core_call.hpp"

#include <algorithm>

const char *const kDefinitions = R"({
	"status_policy": "api",
	"fields": [
		{"merge_tag": "email_address", "label": "Email Address", "type": "TEXT", "required": true, "tracked": false},
		{"merge_tag": "first_name", "label": "First Name", "type": "TEXT", "required": false, "tracked": true},
		{"merge_tag": "last_name", "label": "Last Name", "type": "TEXT", "required": false, "tracked": false},
		{"merge_tag": "age", "label": "Age", "type": "NUMBER", "required": false, "tracked": true},
		{"merge_tag": "active", "label": "Active", "type": "BOOLEAN", "required": false, "tracked": true},
		{"merge_tag": "birthday", "label": "Birthday", "type": "DATE", "required": false, "tracked": true},
		{"merge_tag": "plan", "label": "Plan", "type": "DROPDOWN_SINGLE", "options": ["Free", "Pro", "Team"],
		 "required": false, "tracked": true},
		{"merge_tag": "topics", "label": "Topics", "type": "DROPDOWN_MULTIPLE", "options": ["News", "Jobs", "Art, Music"],
		 "required": false, "tracked": true},
		{"merge_tag": "country", "label": "Country", "type": "COUNTRY", "required": false, "tracked": true}
	],
	"tags": [[1, "newsletter"], [2, "vip"], [7, "Übermut"]]
})";

std::string
guarded_definitions()
{
	std::string definitions = kDefinitions;
	const std::string_view policy = "\"api\"";
	return definitions.replace(definitions.find(policy), policy.size(), "\"guarded\"");
}

void *
TestHost::allocate(void *context, std::size_t size)
{
	auto &host = *static_cast<TestHost *>(context);
	if (++host.allocations == host.fail_at)
		return nullptr;
	host.bytes += size;
	return host.blocks_.emplace_back(std::malloc(size)).get();
}

bool
TestHost::is_interrupted(void *context)
{
	auto &host = *static_cast<TestHost *>(context);
	return ++host.polls == host.interrupt_at;
}

namespace {

std::vector<cu_tag>
tags_of(const cu_json *list)
{
	std::vector<cu_tag> tags;
	for (std::size_t i = 0; list != nullptr && list->kind == CU_JSON_ARRAY && i < list->count; i++)
	{
		const auto &item = list->items[i];
		if (item.kind == CU_JSON_ARRAY && item.count == 2 && item.items[1].kind == CU_JSON_STRING)
			tags.push_back({std::atoll(std::string(view_text(item.items[0].text)).c_str()), item.items[1].text});
	}
	return tags;
}

const cu_json kNull{};

/* The member of that kind; a JSON null of another kind if there is none. */
const cu_json &
member(const cu_json &object, std::string_view key, cu_json_kind kind)
{
	const auto *value = find_member(object, key);
	return value != nullptr && value->kind == kind ? *value : kNull;
}

/* Its own name is not taken for granted: CU_FIELD_TYPE_COUNT is no type. */
cu_field_type
type_of(std::string_view name)
{
	int type = 0;
	while (type < CU_FIELD_TYPE_COUNT && name != cu_field_type_name(static_cast<cu_field_type>(type)))
		type++;
	return static_cast<cu_field_type>(type);
}

} // namespace

bool
WorkspaceSource::read_field(const cu_json &source)
{
	const auto &merge_tag = member(source, "merge_tag", CU_JSON_STRING);
	const auto &label = member(source, "label", CU_JSON_STRING);
	const auto &type = member(source, "type", CU_JSON_STRING);
	const auto &options = member(source, "options", CU_JSON_ARRAY);
	const auto &required = member(source, "required", CU_JSON_BOOLEAN);
	const auto &tracked = member(source, "tracked", CU_JSON_BOOLEAN);
	const auto *default_value = find_member(source, "default_value");
	for (const auto *given : {&merge_tag, &label, &type, &required, &tracked})
	{
		if (given == &kNull)
			return false;
	}
	fields_.push_back({merge_tag.text,
					   label.text,
					   type_of(view_text(type.text)),
					   options.items,
					   options.count,
					   default_value == nullptr ? kNull : *default_value,
					   required.boolean,
					   tracked.boolean});
	return true;
}

cu_result
WorkspaceSource::load(const cu_host *host, const cu_json &source, const cu_definitions **definitions)
{
	const auto policy = view_text(member(source, "status_policy", CU_JSON_STRING).text);
	const auto &fields = member(source, "fields", CU_JSON_ARRAY);
	fields_.clear();
	if (policy != "api" && policy != "guarded")
		return CU_INTERNAL_ERROR;
	for (std::size_t i = 0; i < fields.count; i++)
	{
		if (!read_field(fields.items[i]))
			return CU_INTERNAL_ERROR;
	}
	tags_ = tags_of(find_member(source, "tags"));
	const cu_workspace workspace{policy == "guarded", fields_.data(), fields_.size(), tags_.data(), tags_.size()};
	return cu_load_definitions(host, host, &workspace, definitions);
}

StoredContact::StoredContact(const cu_json &source) : exists_(source.kind == CU_JSON_OBJECT)
{
	contact_.version = 1;
	contact_.data.kind = CU_JSON_OBJECT;
	if (const auto *version = find_member(source, "version"); version != nullptr && version->kind == CU_JSON_NUMBER)
		contact_.version = std::atoll(std::string(view_text(version->text)).c_str());
	if (const auto *status = find_member(source, "status"); status != nullptr && status->kind == CU_JSON_STRING)
	{
		for (int i = 0; i < CU_STATUS_COUNT; i++)
		{
			if (view_text(status->text) == cu_status_name(static_cast<cu_status>(i)))
				contact_.status = static_cast<cu_status>(i);
		}
	}
	if (const auto *tags = find_member(source, "tags"); tags != nullptr && tags->kind == CU_JSON_ARRAY)
	{
		for (std::size_t i = 0; i < tags->count; i++)
			tag_ids_.push_back(std::atoll(std::string(view_text(tags->items[i].text)).c_str()));
	}
	std::ranges::sort(tag_ids_);
	tag_ids_.erase(std::unique(tag_ids_.begin(), tag_ids_.end()), tag_ids_.end());
	contact_.tag_ids = tag_ids_.data();
	contact_.tag_count = tag_ids_.size();
	if (const auto *data = find_member(source, "data"); data != nullptr && data->kind == CU_JSON_OBJECT)
		contact_.data = *data;
}

void
StoredContact::drop_data_that_cannot_be_stored()
{
	if (!cu_is_stored_data(&contact_.data))
		contact_.data.count = 0;
}

CoreCall::CoreCall(std::string_view definitions, std::string_view contact, std::string_view request)
	: definitions_(definitions), contact_(contact), request_(request), existing_(contact_.root())
{}

cu_result
CoreCall::run()
{
	const cu_definitions *definitions = nullptr;
	if (const auto result = workspace_.load(host.get(), definitions_.root(), &definitions); result != CU_OK)
		return result;
	const cu_parsed_request *request = nullptr;
	const auto result = cu_parse_request(host.get(), &request_.document(), false, &request, &email, &error);
	return result == CU_OK ? cu_decide(host.get(), definitions, request, existing_.get(), &options, &decision, &error)
						   : result;
}

std::string
CoreCall::outcome()
{
	if (!definitions_.good() || !contact_.good() || !request_.good())
		return "not JSON";
	const auto result = run();
	if (result == CU_REJECTED)
	{
		std::string where = error.field;
		for (const char *part : {error.merge_tag, error.tag})
		{
			where += where.empty() || *part == '\0' ? "" : ", ";
			where += part;
		}
		return std::string(cu_code_name(error.code)) + (where.empty() ? "" : " (" + where + ")") + ": " + error.message;
	}
	if (result != CU_OK)
		return "result " + std::to_string(result);
	const char *const outcomes[] = {"CREATED", "UPDATED", "UNCHANGED", "SKIPPED"};
	return std::string(outcomes[decision.outcome]) + " " + cu_status_name(decision.status) + " " +
		   describe_tags(decision.tags, decision.tag_count) + " " + write_json(decision.data);
}

std::string
CoreCall::events()
{
	if (run() != CU_OK)
		return "failed";
	std::string text;
	for (std::size_t i = 0; i < decision.event_count; i++)
	{
		const auto &event = decision.events[i];
		text += (i > 0 ? "; " : "") + std::string(cu_event_type_name(event.type));
		if (event.tag != nullptr)
			text += " " + std::to_string(event.tag->id) + " " + std::string(view_text(event.tag->name));
		if (event.change != nullptr)
			text += " " + std::string(view_text(event.change->merge_tag)) + " " + write_json(event.change->old_value) +
					" -> " + write_json(event.change->new_value);
	}
	return text;
}

std::string
CoreCall::changes()
{
	if (run() != CU_OK)
		return "failed";
	std::string text;
	for (std::size_t i = 0; i < decision.field_change_count; i++)
	{
		const auto &change = decision.field_changes[i];
		text += std::string(view_text(change.label)) + " " + write_json(change.old_value) + " -> " +
				write_json(change.new_value) + "; ";
	}
	return text + "+" + describe_tags(decision.tags_added, decision.tags_added_count) + " -" +
		   describe_tags(decision.tags_removed, decision.tags_removed_count);
}

std::string
describe_tags(const cu_tag *tags, std::size_t count)
{
	std::string text;
	for (std::size_t i = 0; i < count; i++)
	{
		text += i > 0 ? "," : "";
		text += tags[i].id != 0 ? std::to_string(tags[i].id) : '"' + std::string(view_text(tags[i].name)) + '"';
	}
	return "[" + text + "]";
}

std::string
outcome_of(std::string_view contact, std::string_view request)
{
	return outcome_of(kDefinitions, contact, request);
}

std::string
outcome_of(std::string_view definitions, std::string_view contact, std::string_view request)
{
	return CoreCall(definitions, contact, request).outcome();
}

std::string
request_with(std::string_view members)
{
	std::string request = R"({"email_address": "tywin@example.com")";
	if (!members.empty())
		request.append(", ").append(members);
	return request + "}";
}
