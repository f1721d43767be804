/*
 * definitions.cpp - see definitions.hpp.
 */
#include "definitions.hpp"

#include "names.hpp"
#include "number.hpp"

#include <algorithm>

namespace contact {

namespace {

bool
read_string(const cu_json &object, std::string_view key, std::string_view &text) noexcept
{
	const auto *value = find_value(object, key);
	if (value == nullptr || value->kind != CU_JSON_STRING)
		return false;
	text = view(value->text);
	return true;
}

bool
read_flag(const cu_json &object, std::string_view key, bool &flag) noexcept
{
	const auto *value = find_value(object, key);
	if (value == nullptr || value->kind != CU_JSON_BOOLEAN)
		return false;
	flag = value->boolean;
	return true;
}

/* A list that may be missing. */
bool
read_list(const cu_json &object, std::string_view key, std::span<const cu_json> &items) noexcept
{
	const auto *value = find_value(object, key);
	if (value == nullptr)
		return true;
	items = elements(*value);
	return value->kind == CU_JSON_ARRAY;
}

cu_result
read_field(Arena &arena, const cu_json &source, Field &field)
{
	std::string_view type_name;
	std::span<const cu_json> options;
	if (!read_string(source, "merge_tag", field.merge_tag) || !read_string(source, "label", field.label) ||
		!read_string(source, "type", type_name) || !read_flag(source, "required", field.required) ||
		!read_flag(source, "tracked", field.tracked) || !read_list(source, "options", options))
		return CU_INTERNAL_ERROR;
	const auto type = value_of<cu_field_type>(kFieldTypeNames, type_name);
	if (!type || !std::ranges::all_of(options, [](const cu_json &option) { return option.kind == CU_JSON_STRING; }))
		return CU_INTERNAL_ERROR;

	field.type = *type;
	field.options = Options(arena, options);
	const auto *default_value = find_value(source, "default_value");
	if (default_value == nullptr)
		return CU_OK;
	const auto result = read_value(arena, field.type, field.options, *default_value, field.default_value);
	return result == CU_REJECTED ? CU_OK : result;
}

cu_result
load_fields(Arena &arena, std::span<const cu_json> sources, cu_definitions &definitions)
{
	auto &fields = arena.make_vector<Field>(sources.size());
	auto &by_merge_tag = arena.make_vector<const Field *>(sources.size());
	for (const auto &source : sources)
	{
		if (arena.interrupted())
			return CU_INTERRUPTED;
		Field field{};
		if (const auto result = read_field(arena, source, field); result != CU_OK)
			return result;
		if (field.merge_tag == kEmailAddress)
			continue;
		fields.push_back(field);
		by_merge_tag.push_back(&fields.back());
	}
	std::ranges::sort(by_merge_tag, jsonb_less, &Field::merge_tag);
	if (std::ranges::adjacent_find(by_merge_tag, {}, &Field::merge_tag) != by_merge_tag.end())
		return CU_INTERNAL_ERROR;
	definitions.fields = fields;
	definitions.fields_by_merge_tag = by_merge_tag;
	return CU_OK;
}

bool
read_tag(const cu_json &source, cu_tag &tag) noexcept
{
	if (source.kind != CU_JSON_ARRAY || source.count != 2 || source.items[0].kind != CU_JSON_NUMBER ||
		source.items[1].kind != CU_JSON_STRING)
		return false;
	const auto number = Decimal::parse(view(source.items[0].text));
	const auto id = number ? number->to_int64() : std::nullopt;
	if (!id || *id < 1)
		return false;
	tag = {*id, source.items[1].text};
	return true;
}

cu_result
load_tags(Arena &arena, std::span<const cu_json> sources, cu_definitions &definitions)
{
	auto &tags = arena.make_vector<cu_tag>(sources.size());
	auto &by_name = arena.make_vector<TagName>(sources.size());
	for (const auto &source : sources)
	{
		if (arena.interrupted())
			return CU_INTERRUPTED;
		cu_tag tag{};
		if (!read_tag(source, tag) || (!tags.empty() && tags.back().id >= tag.id))
			return CU_INTERNAL_ERROR;
		tags.push_back(tag);
		by_name.push_back({fold_case(arena, view(tag.name)), &tags.back()});
	}
	std::ranges::sort(by_name, {}, [](const TagName &name) { return std::pair(name.folded, name.tag); });
	definitions.tags = tags;
	definitions.tags_by_name = by_name;
	return CU_OK;
}

} // namespace

cu_result
load_definitions(Arena &arena, const cu_json &source, cu_definitions &definitions)
{
	std::string_view policy;
	std::span<const cu_json> fields;
	std::span<const cu_json> tags;
	if (!read_string(source, "status_policy", policy) || (policy != "api" && policy != "guarded") ||
		!read_list(source, "fields", fields) || !read_list(source, "tags", tags))
		return CU_INTERNAL_ERROR;

	definitions.guarded = policy == "guarded";
	const auto result = load_fields(arena, fields, definitions);
	return result == CU_OK ? load_tags(arena, tags, definitions) : result;
}

const Field *
find_field(const cu_definitions &definitions, std::string_view merge_tag) noexcept
{
	const auto found =
		std::ranges::lower_bound(definitions.fields_by_merge_tag, merge_tag, jsonb_less, &Field::merge_tag);
	const bool exists = found != definitions.fields_by_merge_tag.end() && (*found)->merge_tag == merge_tag;
	return exists ? *found : nullptr;
}

const cu_tag *
find_tag(const cu_definitions &definitions, std::int64_t id) noexcept
{
	const auto found = std::ranges::lower_bound(definitions.tags, id, {}, &cu_tag::id);
	const bool exists = found != definitions.tags.end() && found->id == id;
	return exists ? &*found : nullptr;
}

const cu_tag *
find_tag(const cu_definitions &definitions, std::string_view folded_name) noexcept
{
	const auto found = std::ranges::lower_bound(definitions.tags_by_name, folded_name, {}, &TagName::folded);
	const bool exists = found != definitions.tags_by_name.end() && found->folded == folded_name;
	return exists ? found->tag : nullptr;
}

} // namespace contact
