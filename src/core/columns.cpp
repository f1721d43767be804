/*
 * columns.cpp - match_columns(): a table of all names that targets have, then each column by the surest of them.
 *
 * The table has a row for each Name: a merge tag, a label, or a name of the contact's own, such as "tags" and "contact.tags". It is
 * sorted once by the names as they are and once by the folded ones, so that each column is two searches. A column that
 * has no such name but is called like an address ("E-Mail 1 - Value") is the address if no other column is surer to be it.
 */
#include "columns.hpp"

#include "column_name.hpp"
#include "json.hpp"

#include <algorithm>
#include <array>
#include <tuple>

namespace contact {

namespace {

constexpr std::string_view kOwnPrefix = "contact.";

/* By cu_target, with kOwnPrefix, which no merge tag has. */
constexpr std::string_view kOwnNames[] = {"",
										  "contact.email_address",
										  "contact.status",
										  "contact.tags",
										  "contact.add_tags",
										  "contact.remove_tags",
										  "contact.source",
										  "contact.created_at",
										  ""};
static_assert(std::size(kOwnNames) == CU_TARGET_COUNT);

/* Target is what a name stands for; field is nullptr for the contact's own. */
struct Target
{
	cu_target target = CU_NO_TARGET;
	const Field *field = nullptr;

	bool operator==(const Target &other) const noexcept = default;
};

struct Name
{
	std::string_view text;
	std::string_view folded;
	cu_match_kind kind; /* CU_MATCHED_MERGE_TAG or CU_MATCHED_LABEL */
	Target target;
};

/* Found is a target with how it was found. */
struct Found
{
	Target target;
	cu_match_kind kind = CU_NOT_MATCHED;
	bool is_ambiguous = false;
};

cu_column
column_of(std::string_view name, const Target &target) noexcept
{
	const auto merge_tag = target.field == nullptr ? std::string_view() : target.field->merge_tag;
	return {to_text(name), target.target, to_text(merge_tag), '\0'};
}

class Names
{
public:
	Names(Arena &arena, const cu_definitions &definitions) : arena_(arena), definitions_(definitions) {}

	[[nodiscard]] cu_result collect()
	{
		for (std::size_t i = CU_TARGET_EMAIL_ADDRESS; i <= CU_TARGET_CREATED_AT; i++)
		{
			const Target own{static_cast<cu_target>(i), nullptr};
			add(kOwnNames[i], CU_MATCHED_MERGE_TAG, own);
			if (find_field(definitions_, key_of(own.target)) == nullptr)
				add(key_of(own.target), CU_MATCHED_MERGE_TAG, own);
		}
		add("Email Address", CU_MATCHED_LABEL, {CU_TARGET_EMAIL_ADDRESS, nullptr});
		for (const auto &field : definitions_.fields)
		{
			if (arena_.interrupted())
				return CU_INTERRUPTED;
			add(field.merge_tag, CU_MATCHED_MERGE_TAG, {CU_TARGET_FIELD, &field});
			add(field.label, CU_MATCHED_LABEL, {CU_TARGET_FIELD, &field});
		}
		std::ranges::sort(by_text_, {}, [](const Name &name) { return std::pair(name.text, name.kind); });
		by_folded_ = by_text_;
		std::ranges::sort(
			by_folded_, {}, [](const Name &name) { return std::tuple(name.folded, name.text, name.kind); });
		return CU_OK;
	}

	/* The surest match of a name, but not as one that is only like an address. */
	Found find(std::string_view name, std::string_view folded) const noexcept
	{
		const auto exact = std::ranges::lower_bound(by_text_, name, {}, &Name::text);
		if (exact != by_text_.end() && exact->text == name)
			return {exact->target, exact->kind, false};
		auto alike = std::ranges::lower_bound(by_folded_, folded, {}, &Name::folded);
		const auto is_alike = [&] { return alike != by_folded_.end() && alike->folded == folded; };
		if (folded.empty() || !is_alike())
			return {};
		const auto &target = alike->target;
		while (is_alike() && alike->target == target)
			++alike;
		if (is_alike())
			return {target, CU_NOT_MATCHED, true};
		return {target, CU_MATCHED_FOLDED, false};
	}

	/* The target whose name, folded, is nearest; none if all are far. */
	Target nearest(std::string_view folded) const noexcept
	{
		if (rank_address_name(folded) > 0)
			return {CU_TARGET_EMAIL_ADDRESS, nullptr};
		auto limit = std::min(folded.size() / 3, kMaxEditDistance);
		Target target;
		for (auto name = by_folded_.begin(); name != by_folded_.end() && limit > 0; ++name)
		{
			const auto distance = edit_distance(name->folded, folded, limit);
			if (distance > limit)
				continue;
			target = name->target;
			limit = distance - 1;
		}
		return target;
	}

private:
	void add(std::string_view text, cu_match_kind kind, const Target &target)
	{
		by_text_.push_back({text, fold_column_name(arena_, text), kind, target});
	}

	Arena &arena_;
	const cu_definitions &definitions_;
	std::pmr::vector<Name> &by_text_ =
		arena_.make_vector<Name>(2 * (definitions_.fields.size() + std::size_t{CU_TARGET_COUNT}));
	std::pmr::vector<Name> &by_folded_ = arena_.make_vector<Name>(0);
};

/* Matcher matches the columns of one file. */
class Matcher
{
public:
	Matcher(Arena &arena, const cu_definitions &definitions, const cu_json *targets)
		: arena_(arena), definitions_(definitions), names_(arena, definitions),
		  targets_(targets != nullptr && targets->kind == CU_JSON_OBJECT ? targets : nullptr),
		  used_(arena.make_vector<char>(target_count()))
	{
		used_.resize(target_count());
	}

	[[nodiscard]] cu_result match(std::span<const cu_text> names, cu_column *columns, cu_column_match *matches)
	{
		if (const auto result = names_.collect(); result != CU_OK)
			return result;
		for (std::size_t i = 0; i < names.size(); i++)
		{
			if (arena_.interrupted())
				return CU_INTERRUPTED;
			match_column(view(names[i]), columns[i], matches[i]);
		}
		match_address({columns, names.size()}, matches);
		return find_duplicates({columns, names.size()}, matches);
	}

	void describe(std::span<const cu_column> columns, const cu_column_match *matches, cu_matching &matching)
	{
		auto &unused = arena_.make_vector<cu_text>(0);
		for (std::size_t i = 0; i < used_.size(); i++)
		{
			if (used_[i] == 0)
				unused.push_back(targets_->keys[i]);
		}
		matching.has_address = std::ranges::find(columns, CU_TARGET_EMAIL_ADDRESS, &cu_column::target) != columns.end();
		matching.has_problems = !unused.empty() || std::ranges::any_of(std::span(matches, columns.size()),
																	   [](const cu_column_match &match) {
																		   return match.problem != CU_MATCH_GOOD;
																	   });
		matching.unused = unused.data();
		matching.unused_count = unused.size();
	}

private:
	std::size_t target_count() const noexcept { return targets_ == nullptr ? 0 : targets_->count; }

	cu_text name_of_target(const Target &target) const noexcept
	{
		return to_text(target_name(definitions_, column_of({}, target)));
	}

	/* Whether "columns" says what the column of that name is. */
	bool match_explicitly(std::string_view name, cu_column &column, cu_column_match &match)
	{
		const auto count = target_count();
		const auto index = static_cast<std::size_t>(
			std::ranges::find(targets_->keys, targets_->keys + count, name, view) - targets_->keys);
		if (index == count)
			return false;
		used_[index] = 1;
		match.kind = CU_MATCHED_EXPLICITLY;
		const auto &given = targets_->items[index];
		if (given.kind == CU_JSON_NULL)
			return true;
		const auto text = given.kind == CU_JSON_STRING ? view(given.text) : std::string_view();
		const auto folded = fold_column_name(arena_, text);
		const auto found = names_.find(trim_cell(text), folded);
		if (found.kind == CU_NOT_MATCHED)
		{
			match = {CU_MATCHED_EXPLICITLY,
					 CU_MATCH_BAD_TARGET,
					 found.is_ambiguous ? name_of_target(found.target) : suggest(folded),
					 0,
					 to_text(text)};
			return true;
		}
		column = column_of(name, found.target);
		return true;
	}

	void match_column(std::string_view name, cu_column &column, cu_column_match &match)
	{
		column = column_of(name, {});
		match = {CU_NOT_MATCHED, CU_MATCH_GOOD, {}, 0, {}};
		if (targets_ != nullptr && match_explicitly(name, column, match))
			return;
		const auto folded = fold_column_name(arena_, name);
		const auto found = names_.find(trim_cell(name), folded);
		match.kind = found.kind;
		if (found.kind != CU_NOT_MATCHED)
			column = column_of(name, found.target);
		else
		{
			match.problem = found.is_ambiguous ? CU_MATCH_AMBIGUOUS : CU_MATCH_UNKNOWN;
			match.nearest = found.is_ambiguous ? name_of_target(found.target) : suggest(folded);
		}
	}

	/* Nobody reads more suggestions than so many, and each compares a name with all others. */
	cu_text suggest(std::string_view folded)
	{
		constexpr std::size_t kMaxSuggestions = 100;
		return suggestions_++ < kMaxSuggestions ? name_of_target(names_.nearest(folded)) : cu_text{};
	}

	/* Where no column is the address for sure, those that are called like one are it, or one that is more so than others. */
	void match_address(std::span<cu_column> columns, cu_column_match *matches)
	{
		if (std::ranges::find(columns, CU_TARGET_EMAIL_ADDRESS, &cu_column::target) != columns.end())
			return;
		const auto rank_of = [&](std::size_t i) {
			const bool is_free = matches[i].problem == CU_MATCH_UNKNOWN;
			return is_free ? rank_address_name(fold_column_name(arena_, view(columns[i].name))) : 0;
		};
		int best = 1;
		for (std::size_t i = 0; i < columns.size(); i++)
			best = std::max(best, rank_of(i));
		for (std::size_t i = 0; i < columns.size(); i++)
		{
			if (rank_of(i) != best)
				continue;
			columns[i].target = CU_TARGET_EMAIL_ADDRESS;
			matches[i] = {CU_MATCHED_ADDRESS, CU_MATCH_GOOD, {}, 0, {}};
		}
	}

	[[nodiscard]] cu_result find_duplicates(std::span<const cu_column> columns, cu_column_match *matches)
	{
		auto &order = arena_.make_vector<std::size_t>(columns.size());
		for (std::size_t i = 0; i < columns.size(); i++)
		{
			if (columns[i].target != CU_NO_TARGET)
				order.push_back(i);
		}
		const auto target_of = [&columns](std::size_t i) {
			return std::pair(columns[i].target, view(columns[i].merge_tag));
		};
		std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(target_of(i), i); });
		std::size_t first = 0;
		for (std::size_t at = 1; at < order.size(); at++)
		{
			if (target_of(order[at]) != target_of(order[first]))
				first = at;
			else
			{
				matches[order[at]].problem = CU_MATCH_DUPLICATE;
				matches[order[at]].other = order[first];
			}
		}
		return CU_OK;
	}

	Arena &arena_;
	const cu_definitions &definitions_;
	Names names_;
	const cu_json *targets_;
	std::pmr::vector<char> &used_; /* for each key of targets_: whether a column has that name */
	std::size_t suggestions_ = 0;
};

} // namespace

cu_result
match_columns(Arena &arena, const cu_definitions &definitions, std::span<const cu_text> names, const cu_json *targets,
			  cu_column *columns, cu_column_match *matches, cu_matching &matching)
{
	Matcher matcher(arena, definitions, targets);
	const auto result = matcher.match(names, columns, matches);
	if (result == CU_OK)
		matcher.describe({columns, names.size()}, matches, matching);
	return result;
}

std::string_view
key_of(cu_target target) noexcept
{
	const auto name = static_cast<std::size_t>(target) < CU_TARGET_COUNT ? kOwnNames[target] : std::string_view();
	return name.empty() ? name : name.substr(kOwnPrefix.size());
}

std::string_view
target_name(const cu_definitions &definitions, const cu_column &column) noexcept
{
	if (column.target == CU_TARGET_FIELD)
		return view(column.merge_tag);
	const auto key = key_of(column.target);
	return key.empty() || find_field(definitions, key) == nullptr ? key : kOwnNames[column.target];
}

bool
is_list(const cu_definitions &definitions, const cu_column &column) noexcept
{
	if (column.target == CU_TARGET_FIELD)
	{
		const auto *field = find_field(definitions, view(column.merge_tag));
		return field != nullptr && field->type == CU_DROPDOWN_MULTIPLE;
	}
	return column.target == CU_TARGET_TAGS || column.target == CU_TARGET_ADD_TAGS ||
		   column.target == CU_TARGET_REMOVE_TAGS;
}

} // namespace contact
