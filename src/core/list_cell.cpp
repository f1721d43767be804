/*
 * list_cell.cpp - takes a cell apart into items, and finds out what each of them is.
 *
 * A name or option that has a separator in it is one item as a whole, if it is known and the list's own items are not: "Art, Music" is
 * the option of that name, where there is none called "Art" or none called "Music".
 */
#include "list_cell.hpp"

#include "column_name.hpp"
#include "list_syntax.hpp"

#include <algorithm>

namespace contact {

namespace {

using Items = std::span<const cu_json>;

/* Longer than any name of a tag. */
constexpr std::size_t kMaxNameBytes = 256;

/* Split is a cell taken apart. */
struct Split
{
	std::optional<Items> items; /* nothing: the cell is no list */
	bool is_array = false;		/* by its syntax, an empty one too */
	std::string_view hint;		/* why it is no list */
};

/* Takes a text apart that is not blank and no longer than a request may be. */
Split
split(Arena &arena, std::string_view text, char separator)
{
	if (text[0] == '{' || text[0] == '[')
	{
		if (const auto items = read_array_text(arena, text))
			return {items, true, {}};
		return {{}, false, "It begins like an array and is none: write {a,\"b c\"}, [\"a\",\"b c\"], or a,\"b c\"."};
	}
	if (separator == '\0')
		separator = separator_of(list_separators(text));
	if (separator == '\0')
		return {{}, false, "It has both ; and |: say which one separates the items, separator => ';'."};
	if (const auto items = split_list(arena, text, separator))
		return {items, false, {}};
	return {{}, false, "Its quotes do not match: write \"a\",\"b c\", and a quote inside as two."};
}

bool
is_blank(const cu_json &item) noexcept
{
	return item.kind == CU_JSON_NULL || (item.kind == CU_JSON_STRING && trim_cell(view(item.text)).empty());
}

/* TagNames are the tags of a workspace, as items of lists. */
class TagNames
{
public:
	TagNames(Arena &arena, const cu_definitions &definitions) : arena_(arena), definitions_(definitions) {}

	bool knows(std::string_view name)
	{
		return name.size() <= kMaxNameBytes && find_tag(definitions_, fold_case(arena_, name)) != nullptr;
	}

	/* The rules for any request look a name up. */
	static cu_json item_of(std::string_view text) noexcept { return json_string(trim_cell(text)); }

private:
	Arena &arena_;
	const cu_definitions &definitions_;
};

/* OptionNames are the options of a dropdown, as items of lists: sorted by their folded texts once that is needed. */
class OptionNames
{
public:
	OptionNames(Arena &arena, const Options &options) : arena_(arena), options_(options) {}

	bool knows(std::string_view text) { return find(text) != nullptr; }

	cu_json item_of(std::string_view text)
	{
		const auto *option = find(text);
		return option == nullptr ? json_string(trim_cell(text)) : *option;
	}

private:
	struct Folded
	{
		std::string_view text;
		const cu_json *option;
	};

	/* The option that text is, as it is, trimmed, or as the only one but for case. */
	const cu_json *find(std::string_view as_it_is)
	{
		const auto text = trim_cell(as_it_is);
		auto index = options_.find(as_it_is);
		if (!index)
			index = options_.find(text);
		if (index)
			return &options_.items()[*index];
		sort();
		const auto folded = fold_case(arena_, text);
		const auto found = std::ranges::lower_bound(*folded_, folded, {}, &Folded::text);
		const auto is_like = [&](auto at) { return at != folded_->end() && at->text == folded; };
		return is_like(found) && !is_like(found + 1) ? found->option : nullptr;
	}

	void sort()
	{
		if (folded_ != nullptr)
			return;
		folded_ = &arena_.make_vector<Folded>(options_.size());
		for (const auto &option : options_.items())
			folded_->push_back({fold_case(arena_, view(option.text)), &option});
		std::ranges::sort(*folded_, {}, &Folded::text);
	}

	Arena &arena_;
	const Options &options_;
	std::pmr::vector<Folded> *folded_ = nullptr;
};

/* The items that are not blank, each as names has it. */
template <class Names>
cu_result
convert(Arena &arena, Items items, Names &names, std::pmr::vector<cu_json> &converted)
{
	converted.reserve(items.size() + 1);
	for (const auto &item : items)
	{
		if (arena.interrupted())
			return CU_INTERRUPTED;
		const bool is_nested = item.kind == CU_JSON_ARRAY || item.kind == CU_JSON_OBJECT;
		/* Nothing is nested in a list; an empty array in its place is rejected, however deep the item was. */
		if (is_nested)
			converted.push_back(json_array({}));
		else if (!is_blank(item))
			converted.push_back(item.kind == CU_JSON_STRING ? names.item_of(view(item.text)) : item);
	}
	return CU_OK;
}

/* What a text is that is a list of these items, or as it is if it is none. */
template <class Names>
Cell
choose(std::string_view text, const Split &list, Names &names, std::pmr::vector<cu_json> &items)
{
	const auto known = [&names](const cu_json &item) { return names.knows(view(item.text)); };
	const bool may_be_one = !list.is_array && text.size() <= kMaxNameBytes && (!list.items || items.size() > 1);
	if (may_be_one && names.knows(text))
	{
		if (list.items && std::ranges::all_of(items, known))
			return {json_string(text), "It can be one item or several: write it in quotes if it is one."};
		items.assign(1, names.item_of(text));
		return {json_array(items), {}};
	}
	if (!list.items)
		return {json_string(text), list.hint};
	const bool is_blank_list = items.empty() && !(list.is_array && list.items->empty());
	return is_blank_list ? Cell{} : Cell{json_array(items), {}};
}

template <class Names>
cu_result
read_list(Arena &arena, char separator, const cu_json &given, Names names, Cell &cell)
{
	const bool is_text = given.kind == CU_JSON_STRING;
	const auto text = is_text ? trim_cell(view(given.text)) : std::string_view();
	cell = {};
	if (given.kind == CU_JSON_NULL || (is_text && text.empty()))
		return CU_OK;
	/* A single number or boolean is for the rules; so is what is too long for a request. */
	cell.value = is_text ? json_string(text) : given;
	if ((!is_text && given.kind != CU_JSON_ARRAY) || text.size() > CU_MAX_REQUEST_BYTES)
		return CU_OK;

	const auto list = is_text ? split(arena, text, separator) : Split{elements(given), true, {}};
	auto &items = arena.make_vector<cu_json>(0);
	const auto result = convert(arena, list.items.value_or(Items()), names, items);
	if (result == CU_OK)
		cell = choose(text, list, names, items);
	return result;
}

} // namespace

cu_result
read_tags_cell(Arena &arena, const cu_definitions &definitions, char separator, const cu_json &given, Cell &cell)
{
	return read_list(arena, separator, given, TagNames(arena, definitions), cell);
}

cu_result
read_options_cell(Arena &arena, const Options &options, char separator, const cu_json &given, Cell &cell)
{
	return read_list(arena, separator, given, OptionNames(arena, options), cell);
}

} // namespace contact
