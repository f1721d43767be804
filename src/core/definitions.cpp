/*
 * definitions.cpp - builds the indexes of fields and tags, and finds in them by binary search.
 */
#include "definitions.hpp"

#include "names.hpp"

#include <algorithm>
#include <iterator>
#include <limits>

namespace contact {

namespace {

cu_result
read_field(Arena &arena, const cu_field &source, Field &field)
{
	const std::span options(source.options, source.option_count);
	if (name_of(kFieldTypeNames, source.type) == nullptr ||
		!std::ranges::all_of(options, [](const cu_json &option) { return option.kind == CU_JSON_STRING; }))
		return CU_INTERNAL_ERROR;

	field = {.merge_tag = view(source.merge_tag),
			 .label = view(source.label),
			 .type = source.type,
			 .options = Options(arena, options),
			 .default_value = {},
			 .required = source.required,
			 .tracked = source.tracked};
	const auto result = read_value(arena, field.type, field.options, source.default_value, field.default_value);
	return result == CU_REJECTED ? CU_OK : result;
}

cu_result
load_fields(Arena &arena, std::span<const cu_field> sources, cu_definitions &definitions)
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

/* FoldedName is a tag's name without its case, with the tag's place among the tags. */
struct FoldedName
{
	std::string_view folded;
	std::uint32_t tag;
};

cu_result
load_tags(Arena &arena, Arena &scratch, std::span<const cu_tag> tags, cu_definitions &definitions)
{
	const auto descends = [](const cu_tag &left, const cu_tag &right) { return left.id >= right.id; };
	if (tags.size() > std::numeric_limits<std::uint32_t>::max() || (!tags.empty() && tags[0].id < 1) ||
		std::ranges::adjacent_find(tags, descends) != tags.end())
		return CU_INTERNAL_ERROR;

	auto &names = scratch.make_vector<FoldedName>(tags.size());
	for (const auto &tag : tags)
	{
		if (arena.interrupted())
			return CU_INTERRUPTED;
		names.push_back({fold_case(scratch, view(tag.name)), static_cast<std::uint32_t>(names.size())});
	}
	std::ranges::sort(names, {}, [](const FoldedName &name) { return std::pair(name.folded, name.tag); });
	auto &by_name = arena.make_vector<std::uint32_t>(names.size());
	std::ranges::transform(names, std::back_inserter(by_name), &FoldedName::tag);
	definitions.tags = tags;
	definitions.tags_by_name = by_name;
	return CU_OK;
}

} // namespace

cu_result
load_definitions(Arena &arena, Arena &scratch, const cu_workspace &workspace, cu_definitions &definitions)
{
	definitions.guarded = workspace.guarded;
	const auto result = load_fields(arena, {workspace.fields, workspace.field_count}, definitions);
	return result == CU_OK ? load_tags(arena, scratch, {workspace.tags, workspace.tag_count}, definitions) : result;
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
	const auto &by_name = definitions.tags_by_name;
	const auto order_of = [&](std::uint32_t tag) {
		return compare_folded(view(definitions.tags[tag].name), folded_name);
	};
	const auto found = std::ranges::partition_point(by_name, [&](std::uint32_t tag) { return order_of(tag) < 0; });
	const bool exists = found != by_name.end() && order_of(*found) == 0;
	return exists ? &definitions.tags[*found] : nullptr;
}

} // namespace contact
