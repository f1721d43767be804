/*
 * rejection.cpp - fills the texts of a cu_error. The buffers are cu_error's own, so that describing a rejection needs no memory.
 */
#include "rejection.hpp"

#include "text.hpp"

#include <cstring>

namespace contact {

namespace {

constexpr std::string_view kEllipsis = "...";

void
append_all(ErrorText &text, Rejection::Parts parts) noexcept
{
	for (const auto part : parts)
		text.append(part);
}

/* Appends what fits of a value as JSON, without escapes. A request is not nested deeper than CU_MAX_DEPTH. */
void
append_json(ErrorText &text, const cu_json &json) noexcept
{
	const bool is_object = json.kind == CU_JSON_OBJECT;
	switch (json.kind)
	{
		case CU_JSON_NULL:
			text.append("null");
			break;
		case CU_JSON_BOOLEAN:
			text.append(json.boolean ? "true" : "false");
			break;
		case CU_JSON_NUMBER:
			text.append(view(json.text));
			break;
		case CU_JSON_STRING:
			text.append("\"").append(view(json.text)).append("\"");
			break;
		case CU_JSON_ARRAY:
		case CU_JSON_OBJECT:
			text.append(is_object ? "{" : "[");
			for (std::size_t i = 0; i < json.count && !text.is_full(); i++)
			{
				text.append(i > 0 ? ", " : "");
				if (is_object)
					text.append("\"").append(view(json.keys[i])).append("\": ");
				append_json(text, json.items[i]);
			}
			text.append(is_object ? "}" : "]");
			break;
	}
}

} // namespace

ErrorText &
ErrorText::append(std::string_view text) noexcept
{
	if (full_ || text.empty())
		return *this;

	const auto fits = std::min(text.size(), capacity_ - size_);
	std::memcpy(buffer_ + size_, text.data(), fits);
	size_ += fits;
	full_ = fits < text.size();
	if (full_)
	{
		size_ = floor_code_point({buffer_, size_}, capacity_ - kEllipsis.size());
		std::memcpy(buffer_ + size_, kEllipsis.data(), kEllipsis.size());
		size_ += kEllipsis.size();
	}
	buffer_[size_] = '\0';
	return *this;
}

Rejection::Rejection(cu_error &error, cu_code code) noexcept : error_(error), message_(error.message), hint_(error.hint)
{
	error.code = code;
	error.has_field = error.has_merge_tag = error.has_tag = error.has_value = error.has_type = error.has_version =
		false;
	error.field[0] = error.merge_tag[0] = error.tag[0] = error.value[0] = '\0';
	error.tag_is_id = false;
	error.type = CU_TEXT;
	error.options = nullptr;
	error.option_count = 0;
	error.version = 0;
}

Rejection &
Rejection::message(Parts parts) noexcept
{
	append_all(message_, parts);
	return *this;
}

Rejection &
Rejection::hint(Parts parts) noexcept
{
	append_all(hint_, parts);
	return *this;
}

Rejection &
Rejection::field(std::string_view key) noexcept
{
	error_.has_field = true;
	ErrorText(error_.field).append(key);
	return *this;
}

Rejection &
Rejection::merge_tag(std::string_view key) noexcept
{
	error_.has_merge_tag = true;
	ErrorText(error_.merge_tag).append(key);
	return *this;
}

Rejection &
Rejection::tag_id(std::string_view digits) noexcept
{
	error_.has_tag = true;
	ErrorText(error_.tag).append(digits);
	/* Digits that are cut are no number, and what has an exponent may have more than anybody wants to read. */
	error_.tag_is_id = digits.size() < sizeof(error_.tag) && digits.find_first_of("eE") == std::string_view::npos;
	return *this;
}

Rejection &
Rejection::tag_name(std::string_view name) noexcept
{
	error_.has_tag = true;
	ErrorText(error_.tag).append(name);
	return *this;
}

Rejection &
Rejection::value(const cu_json &given) noexcept
{
	error_.has_value = true;
	ErrorText text(error_.value);
	if (given.kind == CU_JSON_STRING)
		text.append(view(given.text));
	else
		append_json(text, given);
	return *this;
}

Rejection &
Rejection::version(std::int64_t number) noexcept
{
	error_.has_version = true;
	error_.version = number;
	return *this;
}

Rejection &
Rejection::type(cu_field_type type, std::span<const cu_json> options) noexcept
{
	error_.has_type = true;
	error_.type = type;
	error_.options = options.empty() ? nullptr : options.data();
	error_.option_count = options.size();
	return *this;
}

cu_result
reject_shape(cu_error &error, std::string_view key, std::string_view expected) noexcept
{
	return Rejection(error, CU_INVALID_REQUEST)
		.message({key, " must be ", expected, "."})
		.hint({"Correct the value of ", key, ", or leave the key out."})
		.field(key);
}

} // namespace contact
