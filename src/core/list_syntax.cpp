/*
 * list_syntax.cpp - reads lists from left to right. Texts of items that had to be unescaped stand one behind the other in one block, which
 * the list's own size bounds.
 */
#include "list_syntax.hpp"

#include "contact_rows.h"

#include <algorithm>

namespace contact {

namespace {

using Items = std::pmr::vector<cu_json>;

/* PostgreSQL's own white space in array text, which is ASCII's. */
constexpr bool
is_space(char byte) noexcept
{
	return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

bool
is_null_word(std::string_view text) noexcept
{
	return std::ranges::equal(text, std::string_view("null"), {}, to_lower_ascii);
}

void
skip_spaces(std::string_view &text) noexcept
{
	while (!text.empty() && is_space(text[0]))
		text.remove_prefix(1);
}

/* ArrayReader reads the items of array text between the braces. */
class ArrayReader
{
public:
	ArrayReader(Arena &arena, std::string_view text)
		: text_(text), items_(arena.make_vector<cu_json>(static_cast<std::size_t>(std::ranges::count(text, ',')) + 1)),
		  bytes_(arena.make_vector<char>(text.size()))
	{}

	std::optional<std::span<const cu_json>> read()
	{
		skip_spaces(text_);
		if (text_.empty())
			return items_;
		for (;;)
		{
			if (!read_item())
				return std::nullopt;
			if (text_.empty())
				return items_;
			if (text_[0] != ',')
				return std::nullopt;
			text_.remove_prefix(1);
		}
	}

private:
	bool read_item()
	{
		skip_spaces(text_);
		const auto start = bytes_.size();
		const bool quoted = text_.starts_with('"');
		if (quoted ? !read_quoted() : !read_plain(start))
			return false;
		skip_spaces(text_);
		const std::string_view item(bytes_.data() + start, bytes_.size() - start);
		if (!quoted && item.empty())
			return false;
		items_.push_back(!quoted && !escaped_ && is_null_word(item) ? json_null() : json_string(item));
		return true;
	}

	/* A byte, or the one behind a backslash; false at the end. */
	bool take_byte()
	{
		if (text_.starts_with('\\'))
		{
			text_.remove_prefix(1);
			escaped_ = true;
		}
		if (text_.empty())
			return false;
		bytes_.push_back(text_[0]);
		text_.remove_prefix(1);
		return true;
	}

	bool read_quoted()
	{
		text_.remove_prefix(1);
		while (!text_.starts_with('"'))
		{
			if (!take_byte())
				return false;
		}
		text_.remove_prefix(1);
		return true;
	}

	/* Up to a comma; white space behind the item is none of it, unless it is escaped. */
	bool read_plain(std::size_t start)
	{
		auto end = start;
		escaped_ = false;
		while (!text_.empty() && text_[0] != ',')
		{
			const char next = text_[0];
			if (next == '"' || next == '{' || next == '}' || !take_byte())
				return false;
			if (next == '\\' || !is_space(next))
				end = bytes_.size();
		}
		bytes_.resize(end);
		return true;
	}

	std::string_view text_;
	Items &items_;
	std::pmr::vector<char> &bytes_;
	bool escaped_ = false;
};

/* Takes an item in quotes, whose first one is text[0], and the white space around it, up to the separator; nothing if it does not end there. */
std::optional<std::string_view>
take_quoted(std::string_view &text, char separator) noexcept
{
	std::size_t end = 1;
	for (;; end += 2)
	{
		end = text.find('"', end);
		if (end == std::string_view::npos)
			return std::nullopt;
		if (end + 1 == text.size() || text[end + 1] != '"')
			break;
	}
	const auto item = text.substr(1, end - 1);
	auto behind = text.substr(end + 1);
	for (auto next = decode(behind); next.size != 0 && is_white_space(next.value); next = decode(behind))
		behind.remove_prefix(next.size);
	if (!behind.empty() && behind[0] != separator)
		return std::nullopt;
	text = behind;
	return item;
}

/* item with one quote for each two. */
std::string_view
undouble(Arena &arena, std::string_view item)
{
	if (item.find('"') == std::string_view::npos)
		return item;
	auto &bytes = arena.make_vector<char>(item.size());
	for (std::size_t i = 0; i < item.size(); i++)
	{
		bytes.push_back(item[i]);
		if (item[i] == '"')
			i++;
	}
	return {bytes.data(), bytes.size()};
}

/* text without the white space at its head. */
std::string_view
trim_head(std::string_view text) noexcept
{
	for (auto next = decode(text); next.size != 0 && is_white_space(next.value); next = decode(text))
		text.remove_prefix(next.size);
	return text;
}

constexpr unsigned
bit_of(char byte) noexcept
{
	return byte == ',' ? CU_HAS_COMMA : byte == ';' ? CU_HAS_SEMICOLON : byte == '|' ? CU_HAS_BAR : 0;
}

unsigned
all_separators(std::string_view text) noexcept
{
	unsigned found = 0;
	for (const char byte : text)
		found |= bit_of(byte);
	return found;
}

} // namespace

std::optional<std::span<const cu_json>>
read_array_text(Arena &arena, std::string_view text)
{
	if (text.size() < 2 || text.front() != '{' || text.back() != '}')
		return std::nullopt;
	return ArrayReader(arena, text.substr(1, text.size() - 2)).read();
}

bool
is_array_text_of(Arena &arena, std::string_view text, std::span<const cu_json> items)
{
	const auto read = read_array_text(arena, text);
	return read && std::ranges::equal(*read, items, [](const cu_json &left, const cu_json &right) {
			   return left.kind == CU_JSON_STRING && right.kind == CU_JSON_STRING &&
					  view(left.text) == view(right.text);
		   });
}

std::optional<std::span<const cu_json>>
split_list(Arena &arena, std::string_view text, char separator)
{
	auto &items = arena.make_vector<cu_json>(static_cast<std::size_t>(std::ranges::count(text, separator)) + 1);
	for (bool more = true; more;)
	{
		auto rest = trim_head(text);
		if (rest.starts_with('"'))
		{
			const auto item = take_quoted(rest, separator);
			if (!item)
				return std::nullopt;
			items.push_back(json_string(undouble(arena, *item)));
		}
		else
		{
			const auto item = text.substr(0, text.find(separator));
			items.push_back(json_string(item));
			rest = text.substr(item.size());
		}
		more = !rest.empty();
		text = more ? rest.substr(1) : rest;
	}
	return items;
}

unsigned
list_separators(std::string_view text) noexcept
{
	unsigned found = 0;
	for (auto rest = trim_head(text); !rest.empty(); rest = trim_head(rest))
	{
		if (rest[0] != '"')
		{
			const auto size = std::min(rest.find_first_of(",;|"), rest.size());
			found |= size < rest.size() ? bit_of(rest[size]) : 0;
			rest.remove_prefix(std::min(size + 1, rest.size()));
			continue;
		}
		/* What stands behind the closing quote tells the separator. */
		auto item = rest;
		if (!take_quoted(item, ',') && !take_quoted(item, ';') && !take_quoted(item, '|'))
			return found | all_separators(rest);
		found |= item.empty() ? 0 : bit_of(item[0]);
		item.remove_prefix(item.empty() ? 0 : 1);
		rest = item;
	}
	return found;
}

char
separator_of(unsigned separators) noexcept
{
	if ((separators & CU_HAS_COMMA) != 0 || separators == 0)
		return ',';
	if (separators == (CU_HAS_SEMICOLON | CU_HAS_BAR))
		return '\0';
	return separators == CU_HAS_BAR ? '|' : ';';
}

} // namespace contact
