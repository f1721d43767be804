/*
 * tags.cpp - reads lists of tags, and merges them as sorted sets. Sets of defined tags are vectors of pointers into the definitions: these are sorted by id, so
 * that the order of the pointers is the order of the ids.
 */
#include "tags.hpp"

#include "number.hpp"
#include "rejection.hpp"
#include "text.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>

namespace contact {

namespace {

using TagSet = std::pmr::vector<const cu_tag *>;

constexpr std::size_t kMaxNameLength = 64;

struct TagList
{
	std::string_view key;
	const cu_json *given;
	bool removes;

	std::span<const cu_json> items() const noexcept
	{
		return given == nullptr ? std::span<const cu_json>() : elements(*given);
	}
};

/* The name of a tag that does not exist. */
struct NewName
{
	std::string_view folded;
	std::string_view name;
	std::size_t position;
};

cu_result
reject_list(const TagList &list, cu_error &error) noexcept
{
	return reject_shape(error, list.key, "an array of tag IDs or names");
}

cu_result
reject_id(const TagList &list, std::string_view digits, cu_error &error) noexcept
{
	return Rejection(error, CU_TAG_NOT_FOUND)
		.message({"Tag ID ", digits, " does not exist in this workspace"})
		.hint({"Define the tag, or remove its ID from ", list.key, "."})
		.field(list.key)
		.tag_id(digits);
}

cu_result
reject_name(const TagList &list, std::string_view name, cu_error &error) noexcept
{
	return Rejection(error, CU_TAG_NOT_FOUND)
		.message({"Tag '", name, "' does not exist in this workspace"})
		.hint({"Define the tag, remove its name from ", list.key, ", or add \"create_tags\": true."})
		.field(list.key)
		.tag_name(name);
}

/* Whether a name is most likely the id of a tag: drivers hand out large integers as strings. */
bool
looks_like_id(std::string_view name) noexcept
{
	return !name.empty() && std::ranges::all_of(name, is_ascii_digit);
}

cu_result
reject_id_as_name(const TagList &list, std::string_view name, cu_error &error) noexcept
{
	return Rejection(error, CU_TAG_NOT_FOUND)
		.message({"Tag '", name, "' does not exist in this workspace"})
		.hint({"It is likely the ID of a tag: write it in ",
			   list.key,
			   " as a number, without quotes. A name of digits alone is never created here."})
		.field(list.key)
		.tag_name(name);
}

cu_result
reject_new_name(const TagList &list, std::string_view name, cu_error &error) noexcept
{
	return Rejection(error, CU_INVALID_REQUEST)
		.message({"A tag name must have 1 to 64 characters."})
		.hint({"Correct the name in ", list.key, "; create_tags makes it a tag."})
		.field(list.key)
		.tag_name(name);
}

void
sort_unique(TagSet &tags) noexcept
{
	std::ranges::sort(tags);
	tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
}

std::pmr::vector<cu_tag> &
difference(Arena &arena, const TagSet &tags, std::span<const cu_tag *const> without, std::size_t room)
{
	auto &result = arena.make_vector<cu_tag>(tags.size() + room);
	for (const auto *tag : tags)
	{
		if (!std::ranges::binary_search(without, tag))
			result.push_back(*tag);
	}
	return result;
}

class TagReader
{
public:
	TagReader(Arena &arena, const cu_definitions &definitions, const cu_parsed_request &request, cu_error &error)
		: arena_(arena), definitions_(definitions), request_(request), error_(error)
	{}

	[[nodiscard]] cu_result check_shape() noexcept
	{
		for (const auto &list : lists_)
		{
			if (list.given != nullptr && list.given->kind != CU_JSON_ARRAY)
				return reject_list(list, error_);
			count_ += list.items().size();
			if (count_ > CU_MAX_TAGS)
				return Rejection(error_, CU_INVALID_REQUEST)
					.message({"The request has more than 1000 tags."})
					.hint({"Spread the tags over several requests with add_tags."})
					.field(list.key);
		}
		for (const auto &list : lists_)
		{
			if (arena_.interrupted())
				return CU_INTERRUPTED;
			if (!std::ranges::all_of(list.items(), is_reference))
				return reject_list(list, error_);
		}
		return read_flag(request_.create_tags, "create_tags", create_, error_);
	}

	[[nodiscard]] cu_result look_up(TagRequest &tags)
	{
		auto &wanted = arena_.make_vector<const cu_tag *>(count_);
		auto &removed = arena_.make_vector<const cu_tag *>(0);
		auto &new_names = arena_.make_vector<NewName>(0);
		auto &removed_names = arena_.make_vector<NewName>(0);
		for (const auto &list : lists_)
		{
			auto &found = list.removes ? removed : wanted;
			auto &unknown = list.removes ? removed_names : new_names;
			for (const auto &item : list.items())
			{
				if (arena_.interrupted())
					return CU_INTERRUPTED;
				if (const auto result = look_up_item(list, item, found, unknown); result != CU_OK)
					return result;
			}
		}
		sort_unique(wanted);
		sort_unique(removed);
		tags = {request_.tags != nullptr, wanted, removed, names_to_create(new_names, removed_names)};
		return CU_OK;
	}

private:
	using NewNames = std::pmr::vector<NewName>;

	static bool is_reference(const cu_json &item) noexcept
	{
		if (item.kind != CU_JSON_NUMBER)
			return item.kind == CU_JSON_STRING;
		const auto number = Decimal::parse(view(item.text));
		return number && number->is_integer();
	}

	[[nodiscard]] cu_result look_up_item(const TagList &list, const cu_json &item, TagSet &found, NewNames &unknown)
	{
		if (item.kind == CU_JSON_NUMBER)
			return look_up_id(list, view(item.text), found);

		const auto name = trim(view(item.text));
		const auto folded = fold_case(arena_, name);
		if (const auto *tag = find_tag(definitions_, folded))
		{
			found.push_back(tag);
			return CU_OK;
		}
		if (looks_like_id(name))
			return reject_id_as_name(list, name, error_);
		if (!create_)
			return reject_name(list, name, error_);
		if (!list.removes && !is_tag_name(name))
			return reject_new_name(list, name, error_);
		unknown.push_back({folded, name, unknown.size()});
		return CU_OK;
	}

	[[nodiscard]] cu_result look_up_id(const TagList &list, std::string_view text, TagSet &found)
	{
		const auto number = Decimal::parse(text);
		const auto id = number ? number->to_int64() : std::nullopt;
		if (!id)
			return reject_id(list, text, error_);
		if (const auto *tag = find_tag(definitions_, *id))
		{
			found.push_back(tag);
			return CU_OK;
		}
		char digits[24];
		const auto *end = std::to_chars(std::begin(digits), std::end(digits), *id).ptr;
		return reject_id(list, {digits, static_cast<std::size_t>(end - digits)}, error_);
	}

	/* Each name once, as it was spelled first, unless it is removed again. */
	std::span<const std::string_view> names_to_create(NewNames &names, NewNames &removed)
	{
		const auto same_name = [](const NewName &a, const NewName &b) { return a.folded == b.folded; };
		std::ranges::sort(removed, {}, &NewName::folded);
		std::erase_if(names, [&removed](const NewName &name) {
			return std::ranges::binary_search(removed, name.folded, {}, &NewName::folded);
		});
		std::ranges::sort(names, {}, [](const NewName &name) { return std::pair(name.folded, name.position); });
		names.erase(std::unique(names.begin(), names.end(), same_name), names.end());
		std::ranges::sort(names, {}, &NewName::position);

		auto &result = arena_.make_vector<std::string_view>(names.size());
		std::ranges::transform(names, std::back_inserter(result), &NewName::name);
		return result;
	}

	Arena &arena_;
	const cu_definitions &definitions_;
	const cu_parsed_request &request_;
	cu_error &error_;
	const TagList lists_[3]{
		{"tags", request_.tags, false},
		{"add_tags", request_.add_tags, false},
		{"remove_tags", request_.remove_tags, true},
	};
	bool create_ = false;
	std::size_t count_ = 0;
};

} // namespace

cu_result
read_tags(Arena &arena, const cu_definitions &definitions, const cu_parsed_request &request, TagRequest &tags,
		  cu_error &error)
{
	TagReader reader(arena, definitions, request, error);
	const auto result = reader.check_shape();
	return result == CU_OK ? reader.look_up(tags) : result;
}

void
only_add(Arena &arena, TagRequest &request)
{
	auto &wanted = arena.make_vector<const cu_tag *>(request.wanted.size());
	std::ranges::set_difference(request.wanted, request.removed, std::back_inserter(wanted));
	request = {false, wanted, {}, request.new_names};
}

cu_result
merge_tags(Arena &arena, const cu_definitions &definitions, std::span<const std::int64_t> ids, bool keep,
		   const TagRequest &request, MergedTags &merged)
{
	auto &before = arena.make_vector<const cu_tag *>(ids.size());
	for (const auto id : ids)
	{
		if (arena.interrupted())
			return CU_INTERRUPTED;
		if (const auto *tag = find_tag(definitions, id))
			before.push_back(tag);
	}
	sort_unique(before);

	const auto kept = keep && !request.replaces ? before.size() : 0;
	auto &after = arena.make_vector<const cu_tag *>(kept + request.wanted.size());
	after.assign(before.begin(), before.begin() + static_cast<std::ptrdiff_t>(kept));
	after.insert(after.end(), request.wanted.begin(), request.wanted.end());
	sort_unique(after);
	std::erase_if(after, [&request](const cu_tag *tag) { return std::ranges::binary_search(request.removed, tag); });

	auto &tags = difference(arena, after, {}, request.new_names.size());
	auto &added = difference(arena, after, before, request.new_names.size());
	for (const auto name : request.new_names)
	{
		tags.push_back({0, to_text(name)});
		added.push_back(tags.back());
	}
	merged = {tags, request.new_names.size(), added, difference(arena, before, after, 0)};
	return CU_OK;
}

bool
is_tag_name(std::string_view text) noexcept
{
	const auto length = count_code_points(text);
	return length && *length >= 1 && *length <= kMaxNameLength && trim(text).size() == text.size();
}

} // namespace contact
