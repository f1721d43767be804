/*
 * date_format.hpp - dates in a form that the user describes: date_format of contacts.import (docs/files.md, "Date format").
 *
 * A format consists of patterns of to_timestamp that mean digits, and of what stands between them, which must be there as it is. A
 * reading never depends on a setting, and no digit is left over.
 */
#pragma once

#include "arena.hpp"
#include "date.hpp"

#include <optional>
#include <string_view>

namespace contact {

/* DateFormat is a format, taken apart. */
class DateFormat
{
public:
	/* What is wrong with a format, as a hint; empty if it is good. */
	static std::string_view problem_of(std::string_view format) noexcept;

	DateFormat() = default;

	/* format: empty, or without a problem. It must outlive this. */
	explicit DateFormat(std::string_view format) noexcept : format_(format) {}

	bool is_given() const noexcept { return !format_.empty(); }
	std::string_view text() const noexcept { return format_; }

	/* A date or time, of UTC, as it is stored; nothing if text is not of this form. */
	std::optional<std::string_view> read(Arena &arena, std::string_view text) const;

	/* Whether a date of RFC 3339 is of this form too, maybe with another meaning. */
	bool is_like_rfc_3339() const noexcept;

private:
	std::string_view format_;
};

/* The format that a text seems to be in, such as "DD/MM/YYYY", as a hint that names it; empty if it looks like no date. */
std::string_view suggest_date_format(Arena &arena, std::string_view text);

} // namespace contact
