/* number_test.cpp - JSON's grammar of numbers, numeric's limits, and equality by value. */
#include "core/number.hpp"

#include "core_call.hpp"
#include "table.hpp"

#include <limits>

namespace {

using contact::Decimal;

struct GrammarRow
{
	const char *name;
	std::string text;
	bool number;
};

const GrammarRow kGrammarRows[] = {
	{"zero", "0", true},
	{"minus_zero", "-0", true},
	{"integer", "120", true},
	{"fraction", "1.50", true},
	{"exponent", "1e3", true},
	{"upper_exponent", "1E+3", true},
	{"all", "-0.5e-10", true},
	{"long", std::string(400, '9'), true},
	{"empty", "", false},
	{"minus", "-", false},
	{"plus", "+1", false},
	{"leading_zero", "01", false},
	{"no_integer", ".5", false},
	{"no_fraction", "1.", false},
	{"no_exponent", "1e", false},
	{"sign_of_no_exponent", "1e+", false},
	{"two_signs", "1e+-3", false},
	{"space_before", " 1", false},
	{"space_behind", "1 ", false},
	{"hexadecimal", "0x10", false},
	{"not_a_number", "NaN", false},
	{"infinity", "Infinity", false},
	{"comma", "1,5", false},
	{"underscore", "1_000", false},
	{"two_points", "1.2.3", false},
	{"letters_behind", "1e3f", false},
};

TABLE_TEST(NumberGrammar, kGrammarRows)
{
	EXPECT_EQ(Decimal::parse(row.text).has_value(), row.number);
}

struct FitRow
{
	const char *name;
	std::string text;
	bool fits;
};

const FitRow kFitRows[] = {
	{"zero", "0", true},
	{"zero_of_any_exponent", "0e999999", true},
	{"fraction_16383", "1e-16383", true},
	{"fraction_16384", "1e-16384", false},
	{"written_fraction_16383", "0." + std::string(16383, '1'), true},
	{"written_fraction_16384", "0." + std::string(16384, '0'), false},
	{"fraction_moved_up", "0." + std::string(16384, '1') + "e1", true},
	{"zero_with_fraction_16384", "0e-16384", false},
	{"plain_65535", "1e65534", true},
	{"plain_65536", "1e65535", false},
	{"plain_65535_negative", "-1e65533", true},
	{"plain_65536_negative", "-1e65534", false},
	{"plain_65535_digits", std::string(65535, '9'), true},
	{"plain_65536_digits", std::string(65536, '9'), false},
	{"plain_with_point", std::string(65532, '9') + ".25", true},
	{"plain_with_point_too_long", std::string(65533, '9') + ".25", false},
	{"small_leading_digit", "0.001e65537", true},
	{"small_leading_digit_too_long", "0.001e65538", false},
	{"huge_exponent", "1e99999999999999999999", false},
	{"huge_negative_exponent", "1e-99999999999999999999", false},
	{"zero_of_huge_exponent", "0e99999999999999999999", false},
};

TABLE_TEST(NumberFits, kFitRows)
{
	const auto number = Decimal::parse(row.text);
	ASSERT_TRUE(number.has_value());
	EXPECT_EQ(number->fits_numeric(), row.fits);
}

struct WrittenRow
{
	const char *name;
	std::string text;
	std::string written;
};

const WrittenRow kWrittenRows[] = {
	{"integer", "-120", "-120"},
	{"fraction", "12.3400", "12.3400"},
	{"zero", "0", "0"},
	{"zero_with_exponent", "0e9", "0"},
	{"zero_with_fraction", "0e-3", "0.000"},
	{"minus_zero", "-0.0", "0.0"},
	{"zeros_behind", "12e5", "1200000"},
	{"zeros_before", "-12e-5", "-0.00012"},
	{"point_inside_the_digits", "12345e-2", "123.45"},
	{"point_moved_up", "1.2345e2", "123.45"},
	{"fraction_gone", "1.25e4", "12500"},
	{"zeros_that_count", "1.500e1", "15.00"},
	{"most", "1e65534", "1" + std::string(65534, '0')},
	{"finest", "1e-16383", "0." + std::string(16382, '0') + "1"},
};

TABLE_TEST(NumberWritten, kWrittenRows)
{
	const auto number = Decimal::parse(row.text);
	ASSERT_TRUE(number.has_value());
	TestHost host;
	contact::Arena arena(*host.get());
	EXPECT_EQ(number->write_out(arena), row.written);
	EXPECT_EQ(number->written_size(), static_cast<std::int64_t>(row.written.size()));
}

/* What a text leaves out counts like what it has. */
TEST(NumberWritten, zeros_left_out)
{
	TestHost host;
	contact::Arena arena(*host.get());
	cu_json json{};
	json.kind = CU_JSON_NUMBER;
	json.text = {"-15e-1", 6};
	json.count = 3;
	EXPECT_EQ(Decimal::parse(json)->write_out(arena), "-1.5000");
	json.text = {"1e2", 3};
	EXPECT_EQ(Decimal::parse(json)->write_out(arena), "100.000");
	json.text = {"0", 1};
	EXPECT_EQ(Decimal::parse(json)->write_out(arena), "0.000");
	EXPECT_TRUE(contact::is_plain_number(json));
	json.count = 16383;
	EXPECT_TRUE(contact::is_plain_number(json));
	EXPECT_EQ(Decimal::parse(json)->written_size(), 16385);
	json.count = 16384;
	EXPECT_FALSE(contact::is_plain_number(json));
	json.count = SIZE_MAX;
	EXPECT_FALSE(contact::is_plain_number(json));
}

struct EqualRow
{
	const char *name;
	std::string left;
	std::string right;
	bool equal;
};

const EqualRow kEqualRows[] = {
	{"same", "1", "1", true},
	{"trailing_zero", "1.5", "1.50", true},
	{"exponent", "1e3", "1000", true},
	{"negative_exponent", "12e-1", "1.2", true},
	{"minus_zero", "-0", "0", true},
	{"zero_point_zero", "0.00", "0e5", true},
	{"small", "0.0010", "1e-3", true},
	{"point_inside_the_digits", "123.45", "12345e-2", true},
	{"sign", "1", "-1", false},
	{"digit", "1.5", "1.6", false},
	{"magnitude", "1", "10", false},
	{"more_digits", "1", "1.0001", false},
	{"beyond_double", "9007199254740993", "9007199254740992", false},
	{"no_numbers", "x", "x", true},
	{"no_numbers_that_differ", "x", "y", false},
};

TABLE_TEST(NumberEqual, kEqualRows)
{
	EXPECT_EQ(contact::same_number(row.left, row.right), row.equal);
	EXPECT_EQ(contact::same_number(row.right, row.left), row.equal);
}

struct IntegerRow
{
	const char *name;
	std::string text;
	bool integer;
	std::optional<std::int64_t> value;
};

const IntegerRow kIntegerRows[] = {
	{"zero", "0", true, 0},
	{"minus_zero", "-0.0", true, 0},
	{"one", "1", true, 1},
	{"fraction_of_zeros", "1.0", true, 1},
	{"exponent", "1.5e1", true, 15},
	{"negative", "-12", true, -12},
	{"fraction", "1.5", false, {}},
	{"small", "1e-1", false, {}},
	{"largest", "9223372036854775807", true, std::numeric_limits<std::int64_t>::max()},
	{"beyond_largest", "9223372036854775808", true, {}},
	{"smallest", "-9223372036854775808", true, std::numeric_limits<std::int64_t>::min()},
	{"beyond_smallest", "-9223372036854775809", true, {}},
	{"twenty_digits", "10000000000000000000", true, {}},
	{"huge", "1e400", true, {}},
};

TABLE_TEST(NumberInteger, kIntegerRows)
{
	const auto number = Decimal::parse(row.text);
	ASSERT_TRUE(number.has_value());
	EXPECT_EQ(number->is_integer(), row.integer);
	EXPECT_EQ(number->to_int64(), row.value);
}

} // namespace
