/*
 * number.cpp - takes the text of a number apart, and compares two numbers digit by digit.
 */
#include "number.hpp"

#include "contact_core.h"
#include "text.hpp"

#include <algorithm>
#include <limits>

namespace contact {

namespace {

/* Larger exponents are rejected, as numeric_in does; it is smaller than what could overflow below. */
constexpr std::int64_t kExponentLimit = std::numeric_limits<std::int32_t>::max() / 2;

/* Digits after the decimal point that numeric has at most. Its limit before the point is beyond CU_MAX_NUMBER_BYTES. */
constexpr std::int64_t kMaxScale = 16383;

/* Takes one byte off text if it is one of those wanted. */
bool
take(std::string_view &text, std::string_view wanted) noexcept
{
	const bool found = !text.empty() && std::ranges::find(wanted, text[0]) != wanted.end();
	if (found)
		text.remove_prefix(1);
	return found;
}

std::string_view
take_digits(std::string_view &text) noexcept
{
	const auto size = static_cast<std::size_t>(std::ranges::find_if_not(text, is_ascii_digit) - text.begin());
	const auto digits = text.substr(0, size);
	text.remove_prefix(size);
	return digits;
}

/* Reads what follows "e"; beyond the limit it is the limit. */
std::optional<std::int64_t>
take_exponent(std::string_view &text) noexcept
{
	const bool negative = !text.empty() && text[0] == '-';
	take(text, "+-");
	const auto digits = take_digits(text);
	if (digits.empty())
		return std::nullopt;

	std::int64_t value = 0;
	for (const char digit : digits)
		value = std::min(value * 10 + (digit - '0'), kExponentLimit);
	return negative ? -value : value;
}

std::int64_t
size_of(std::string_view text) noexcept
{
	return static_cast<std::int64_t>(text.size());
}

} // namespace

std::optional<Decimal>
Decimal::parse(std::string_view text) noexcept
{
	Decimal number;
	const bool minus = take(text, "-");
	number.integer_ = take_digits(text);
	if (number.integer_.empty() || (number.integer_.size() > 1 && number.integer_[0] == '0'))
		return std::nullopt;
	if (take(text, "."))
	{
		number.fraction_ = take_digits(text);
		if (number.fraction_.empty())
			return std::nullopt;
	}
	if (take(text, "eE"))
	{
		const auto exponent = take_exponent(text);
		if (!exponent)
			return std::nullopt;
		number.exponent_ = *exponent;
	}
	if (!text.empty())
		return std::nullopt;

	number.last_ = size_of(number.integer_) + size_of(number.fraction_);
	while (number.first_ < number.last_ && number.digit(0) == '0')
		number.first_++;
	while (number.first_ < number.last_ && number.digit(number.digit_count() - 1) == '0')
		number.last_--;
	if (number.digit_count() > 0)
	{
		number.negative_ = minus;
		number.magnitude_ = size_of(number.integer_) - number.first_ + number.exponent_;
	}
	return number;
}

std::optional<Decimal>
Decimal::parse(const cu_json &number) noexcept
{
	auto decimal = parse(view(number.text));
	if (decimal)
		decimal->zeros_ = static_cast<std::int64_t>(std::min<std::size_t>(number.count, kExponentLimit));
	return decimal;
}

char
Decimal::digit(std::int64_t index) const noexcept
{
	const auto position = static_cast<std::size_t>(first_ + index);
	return position < integer_.size() ? integer_[position] : fraction_[position - integer_.size()];
}

std::int64_t
Decimal::scale() const noexcept
{
	return std::max<std::int64_t>(0, size_of(fraction_) - exponent_) + zeros_;
}

std::int64_t
Decimal::written_size() const noexcept
{
	return (negative_ ? 1 : 0) + std::max<std::int64_t>(1, magnitude_) + (scale() > 0 ? 1 + scale() : 0);
}

bool
Decimal::fits_numeric() const noexcept
{
	return exponent_ > -kExponentLimit && exponent_ < kExponentLimit && scale() <= kMaxScale &&
		   written_size() <= CU_MAX_NUMBER_BYTES;
}

std::string_view
Decimal::write_out(Arena &arena) const
{
	auto &text = arena.make_vector<char>(static_cast<std::size_t>(written_size()));
	const auto append = [this, &text](std::int64_t from, std::int64_t to) {
		for (auto i = from; i < to; i++)
			text.push_back(i >= 0 && i < digit_count() ? digit(i) : '0');
	};
	if (negative_)
		text.push_back('-');
	append(std::min<std::int64_t>(magnitude_ - 1, 0), magnitude_);
	if (scale() > 0)
	{
		text.push_back('.');
		append(magnitude_, magnitude_ + scale());
	}
	return {text.data(), text.size()};
}

bool
Decimal::is_integer() const noexcept
{
	return magnitude_ >= digit_count();
}

std::optional<std::int64_t>
Decimal::to_int64() const noexcept
{
	constexpr std::int64_t kMaxDigits = std::numeric_limits<std::int64_t>::digits10 + 1;
	if (!is_integer() || magnitude_ > kMaxDigits)
		return std::nullopt;

	/* Summed up below zero, where there is room for the smallest value. */
	std::int64_t value = 0;
	for (std::int64_t i = 0; i < magnitude_; i++)
	{
		const int next = i < digit_count() ? digit(i) - '0' : 0;
		if (__builtin_mul_overflow(value, 10, &value) || __builtin_sub_overflow(value, next, &value))
			return std::nullopt;
	}
	if (!negative_ && __builtin_sub_overflow(0, value, &value))
		return std::nullopt;
	return value;
}

bool
Decimal::operator==(const Decimal &other) const noexcept
{
	if (negative_ != other.negative_ || magnitude_ != other.magnitude_ || digit_count() != other.digit_count())
		return false;
	for (std::int64_t i = 0; i < digit_count(); i++)
	{
		if (digit(i) != other.digit(i))
			return false;
	}
	return true;
}

bool
is_number(std::string_view text) noexcept
{
	return Decimal::parse(text).has_value();
}

bool
is_plain_number(std::string_view text) noexcept
{
	const auto number = Decimal::parse(text);
	return number && number->fits_numeric();
}

bool
is_plain_number(const cu_json &number) noexcept
{
	const auto decimal = Decimal::parse(number);
	return decimal && decimal->fits_numeric();
}

bool
same_number(std::string_view left, std::string_view right) noexcept
{
	if (left == right)
		return true;
	const auto left_number = Decimal::parse(left);
	const auto right_number = Decimal::parse(right);
	return left_number && right_number && *left_number == *right_number;
}

} // namespace contact
