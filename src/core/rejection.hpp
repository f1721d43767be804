/*
 * rejection.hpp - errors as values: fills a cu_error.
 *
 * A step of the core returns CU_OK, CU_INTERRUPTED, or CU_REJECTED after it has described the reason with a Rejection.
 * Nothing here can fail: what does not fit into a buffer is cut at a code point and ends in "...". Text of the user is
 * copied, never used as a format.
 */
#pragma once

#include "contact_core.h"

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

namespace contact {

/* Appends to a buffer of fixed size, which is terminated at any time. */
class ErrorText
{
public:
	template <std::size_t kSize>
	explicit ErrorText(char (&buffer)[kSize]) noexcept : buffer_(buffer), capacity_(kSize - 1)
	{
		buffer_[0] = '\0';
	}

	ErrorText &append(std::string_view text) noexcept;

	/* Whether something has been cut: what is appended changes nothing any more. */
	bool is_full() const noexcept { return full_; }

private:
	char *buffer_;
	std::size_t capacity_;
	std::size_t size_ = 0;
	bool full_ = false;
};

/* Describes why a request is rejected; converts to CU_REJECTED, so that a step can return it. */
class Rejection
{
public:
	using Parts = std::initializer_list<std::string_view>;

	Rejection(cu_error &error, cu_code code) noexcept;

	Rejection &message(Parts parts) noexcept;
	Rejection &hint(Parts parts) noexcept;

	/* Adds "a, b, c." to the hint, as far as it fits. */
	template <class Range, class Projection>
	Rejection &hint_list(const Range &items, Projection name_of_item) noexcept
	{
		std::string_view separator = " ";
		for (const auto &item : items)
		{
			hint({separator, name_of_item(item)});
			separator = ", ";
		}
		return hint({"."});
	}

	Rejection &field(std::string_view key) noexcept;
	Rejection &merge_tag(std::string_view key) noexcept;
	Rejection &tag_id(std::string_view digits) noexcept;
	Rejection &tag_name(std::string_view name) noexcept;

	/* What was given: a string itself, else its JSON. */
	Rejection &value(const cu_json &given) noexcept;

	/* The contact's own; 0 if there is none. */
	Rejection &version(std::int64_t number) noexcept;

	/* options: of a dropdown, else none */
	Rejection &type(cu_field_type type, std::span<const cu_json> options) noexcept;

	operator cu_result() const noexcept { return CU_REJECTED; }

private:
	cu_error &error_;
	ErrorText message_;
	ErrorText hint_;
};

/* The rejection of a top-level key of the wrong kind: "<key> must be <expected>." */
[[nodiscard]] cu_result reject_shape(cu_error &error, std::string_view key, std::string_view expected) noexcept;

} // namespace contact
