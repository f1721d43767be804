/*
 * number.hpp - decimal numbers as text: JSON's grammar, PostgreSQL's limits, comparison by value.
 *
 * Digits are never converted, so nothing is rounded and no locale takes part. Exponents beyond PostgreSQL's own limit
 * are all treated alike. No function here fails; only write_out needs memory.
 */
#pragma once

#include "arena.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace contact {

/* Decimal is a number of JSON's grammar, taken apart. */
class Decimal
{
public:
	/* Nothing if text is not exactly a JSON number. */
	static std::optional<Decimal> parse(std::string_view text) noexcept;

	/* The same for a NUMBER, with the zeros that its text leaves out. */
	static std::optional<Decimal> parse(const cu_json &number) noexcept;

	/* Whether PostgreSQL's numeric holds it, and writes it without an exponent in at most CU_MAX_NUMBER_BYTES. */
	bool fits_numeric() const noexcept;

	/* How many bytes it has without an exponent. */
	std::int64_t written_size() const noexcept;

	/* The number without an exponent. For one that fits_numeric: others may be of any size. */
	std::string_view write_out(Arena &arena) const;

	bool is_integer() const noexcept;

	/* The value, if it is an integer and fits. */
	std::optional<std::int64_t> to_int64() const noexcept;

	bool operator==(const Decimal &other) const noexcept;

private:
	std::int64_t digit_count() const noexcept { return last_ - first_; }
	char digit(std::int64_t index) const noexcept; /* of the significant ones */
	std::int64_t scale() const noexcept;		   /* digits behind the point, without an exponent */

	bool negative_ = false; /* zero is not */
	std::string_view integer_;
	std::string_view fraction_;
	std::int64_t exponent_ = 0;
	std::int64_t zeros_ = 0; /* that follow behind the point */
	/* The significant digits, without zeros around them, are [first_, last_) of integer_ and fraction_ together. */
	std::int64_t first_ = 0;
	std::int64_t last_ = 0;
	/* The value is 0.<significant digits> times ten to the power of magnitude_; 0 for zero. */
	std::int64_t magnitude_ = 0;
};

/* Whether text is a number at all. */
bool is_number(std::string_view text) noexcept;

/* Whether text, or a NUMBER, is a number that fits_numeric. */
bool is_plain_number(std::string_view text) noexcept;
bool is_plain_number(const cu_json &number) noexcept;

/* Whether two numbers have the same value; texts that are no numbers are equal if their bytes are. */
bool same_number(std::string_view left, std::string_view right) noexcept;

} // namespace contact
