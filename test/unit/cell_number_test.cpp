/* cell_number_test.cpp - numbers in cells: a reading is taken only if it is the only one. */
#include "row_call.hpp"
#include "table.hpp"

namespace {

/* As text, which the rules of any request then reject. */
constexpr const char *kAsItIs = "as it is";

struct NumberRow
{
	const char *name;
	std::string cell;
	std::string number;
};

const NumberRow kNumbers[] = {
	{"integer", "1234", "1234"},
	{"strict", "-12.50e3", "-12.50e3"},
	{"strict_point", "1.234", "1.234"},
	{"white_space", " 12.5 ", "12.5"},
	{"thousands", "1,234.50", "1234.50"},
	{"thousands_points", "1.234,50", "1234.50"},
	{"thousands_blanks", "1 234,50", "1234.50"},
	{"thousands_no_break_blanks",
	 "1\xC2\xA0"
	 "234\xE2\x80\xAF"
	 "567,50",
	 "1234567.50"},
	{"thousands_apostrophe", "1'234.50", "1234.50"},
	{"thousands_typesetters_apostrophe",
	 "1\xE2\x80\x99"
	 "234.50",
	 "1234.50"},
	{"millions", "1,234,567", "1234567"},
	{"millions_points", "1.234.567", "1234567"},
	{"millions_fraction", "1.234.567,8", "1234567.8"},
	{"millions_three_digits", "1,234,567.890", "1234567.890"},
	{"blank_thousands", "12 345", "12345"},
	{"apostrophe_thousands", "12'345", "12345"},
	{"blank_then_comma", "12 345,678", "12345.678"},
	{"decimal_comma", "1,5", "1.5"},
	{"decimal_comma_two", "-12,50", "-12.50"},
	{"decimal_comma_four", "1,2345", "1.2345"},
	{"decimal_comma_behind_zero", "0,234", "0.234"},
	{"decimal_comma_behind_four", "1234,567", "1234.567"},
	{"currency", "$1,234.50", "1234.50"},
	{"currency_blank", "$ 12", "12"},
	{"currency_behind", "1.234,50 \xE2\x82\xAC", "1234.50"},
	{"currency_behind_close", "12\xC2\xA3", "12"},
	{"currency_minus", "-$12.50", "-12.50"},
	{"currency_then_minus", "$-12.50", "-12.50"},
	{"percent", "50%", "50"},
	{"percent_fraction", "12,5 %", "12.5"},
	{"ambiguous", "1,234", kAsItIs},
	{"ambiguous_currency", "$1,234", kAsItIs},
	{"ambiguous_currency_point",
	 "\xE2\x82\xAC"
	 "1.234",
	 kAsItIs},
	{"ambiguous_percent", "1.234%", kAsItIs},
	{"two_currencies", "$12\xE2\x82\xAC", kAsItIs},
	{"currency_and_percent", "$12%", kAsItIs},
	{"currency_alone", "$", kAsItIs},
	{"percent_alone", "%", kAsItIs},
	{"minus_alone", "-", kAsItIs},
	{"two_minus", "-$-5", kAsItIs},
	{"mixed_separators", "1,234 567", kAsItIs},
	{"mixed_thousands", "1,234.567.890", kAsItIs},
	{"indian", "12,34,567", kAsItIs},
	{"two_decimals", "1.5.2", kAsItIs},
	{"date", "15.02.2024", kAsItIs},
	{"comma_first", ",5", kAsItIs},
	{"comma_last", "5,", kAsItIs},
	{"two_commas", "1,,234", kAsItIs},
	{"blank_short", "1 23", kAsItIs},
	{"zero_thousands", "0,123,456", kAsItIs},
	{"leading_zero", "007,5", kAsItIs},
	{"plus", "+5", kAsItIs},
	{"parentheses", "(5)", kAsItIs},
	{"code", "EUR 5", kAsItIs},
	{"words", "five", kAsItIs},
	{"exponent", "1,5e3", kAsItIs},
	{"other_digits", "\xD9\xA1\xD9\xA2", kAsItIs},
};

TABLE_TEST(CellNumber, kNumbers)
{
	const auto expected = row.number == kAsItIs ? row.cell : row.number;
	EXPECT_EQ(cell_value("age", json_text(row.cell)), json_text(expected));
}

TEST(CellNumber, that_is_ambiguous_says_how_to_write_it)
{
	RowCall call(R"(["email_address", "age"])");
	EXPECT_EQ(
		call.outcome("null", R"(["a@x.org", "1,234"])"),
		"FIELD_INVALID: Field 'Age' is not a valid NUMBER. [1,234 can be read in two ways: write 1234 or 1.234.]");
	EXPECT_EQ(
		call.outcome("null", R"(["a@x.org", "-$1.234"])"),
		"FIELD_INVALID: Field 'Age' is not a valid NUMBER. [-$1.234 can be read in two ways: write -1234 or -1.234.]");
	EXPECT_EQ(call.outcome("null", R"(["a@x.org", "x"])"), "FIELD_INVALID: Field 'Age' is not a valid NUMBER.");
}

TEST(CellNumber, may_be_as_long_as_a_number_may)
{
	std::string given = "1";
	std::string written = "1";
	for (int i = 0; i < 20000; i++)
	{
		given += ",234";
		written += "234";
	}
	EXPECT_EQ(cell_value("age", json_text(given.substr(0, 40001))), json_text(written.substr(0, 30001)));
	EXPECT_EQ(cell_value("age", json_text(given)), json_text(given));
}

} // namespace
