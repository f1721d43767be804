/*
 * if_version.cpp - reads and compares versions of contacts. A number is an integer by its value, as JSON has one kind of number only:
 * 1.0 and 1e0 are 1.
 */
#include "if_version.hpp"

#include "number.hpp"
#include "rejection.hpp"
#include "text.hpp"

#include <charconv>
#include <iterator>

namespace contact {

namespace {

/* Digits is an integer as text. */
class Digits
{
public:
	explicit Digits(std::int64_t number) noexcept : end_(std::to_chars(std::begin(text_), std::end(text_), number).ptr)
	{}

	std::string_view view() const noexcept { return {text_, static_cast<std::size_t>(end_ - text_)}; }

private:
	char text_[24];
	const char *end_;
};

cu_result
reject_if_version(const cu_json &given, cu_error &error) noexcept
{
	Rejection rejection(error, CU_INVALID_REQUEST);
	rejection.message({"if_version must be an integer from 0 to 9223372036854775807."})
		.field("if_version")
		.value(given);
	if (given.kind == CU_JSON_STRING)
		return rejection.hint({"Write the version as a number, without quotes."});
	return rejection.hint({"It is the version that the contact had when you read it; 0 stands for no contact."});
}

} // namespace

cu_result
read_if_version(const cu_json *given, std::optional<std::int64_t> &expected, cu_error &error) noexcept
{
	expected.reset();
	if (given == nullptr)
		return CU_OK;
	if (given->kind == CU_JSON_NUMBER)
	{
		if (const auto number = Decimal::parse(*given))
			expected = number->to_int64();
	}
	return expected.value_or(-1) >= 0 ? CU_OK : reject_if_version(*given, error);
}

cu_result
check_version(std::optional<std::int64_t> expected, const cu_contact *existing, cu_error &error) noexcept
{
	const auto version = existing == nullptr ? 0 : existing->version;
	if (!expected || *expected == version)
		return CU_OK;
	Rejection rejection(error, CU_VERSION_CONFLICT);
	rejection.message({"The contact has changed since version ", Digits(*expected).view(), "."})
		.field("if_version")
		.version(version);
	if (existing == nullptr)
		return rejection.hint({"There is no such contact: it was deleted, or never created. With \"if_version\": 0 the "
							   "request creates it."});
	return rejection.hint({"Read the contact again: it has version ",
						   Digits(version).view(),
						   " now. Then send what is still to be changed."});
}

} // namespace contact
