/*
 * refusal.cpp - see refusal.hpp. The buffers are cu_error's own, so that describing a refusal needs no memory.
 */
#include "refusal.hpp"

#include "text.hpp"

#include <cstring>

namespace contact {

namespace {

constexpr std::string_view kEllipsis = "...";

void
append_all(ErrorText &text, Refusal::Parts parts) noexcept
{
	for (const auto part : parts)
		text.append(part);
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

Refusal::Refusal(cu_error &error, cu_code code) noexcept : error_(error), message_(error.message), hint_(error.hint)
{
	error.code = code;
	error.field[0] = '\0';
	error.merge_tag[0] = '\0';
	error.tag[0] = '\0';
	error.tag_is_id = false;
}

Refusal &
Refusal::message(Parts parts) noexcept
{
	append_all(message_, parts);
	return *this;
}

Refusal &
Refusal::hint(Parts parts) noexcept
{
	append_all(hint_, parts);
	return *this;
}

Refusal &
Refusal::field(std::string_view key) noexcept
{
	ErrorText(error_.field).append(key);
	return *this;
}

Refusal &
Refusal::merge_tag(std::string_view key) noexcept
{
	ErrorText(error_.merge_tag).append(key);
	return *this;
}

Refusal &
Refusal::tag_id(std::string_view digits) noexcept
{
	ErrorText(error_.tag).append(digits);
	error_.tag_is_id = digits.size() < sizeof(error_.tag); /* digits that are cut are no number */
	return *this;
}

Refusal &
Refusal::tag_name(std::string_view name) noexcept
{
	ErrorText(error_.tag).append(name);
	return *this;
}

cu_result
refuse_shape(cu_error &error, std::string_view key, std::string_view expected) noexcept
{
	return Refusal(error, CU_INVALID_REQUEST)
		.message({key, " must be ", expected, "."})
		.hint({"Correct the value of ", key, ", or leave the key out."})
		.field(key);
}

} // namespace contact
