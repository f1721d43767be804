/* date_format_test.cpp - date_format: which formats there are, and what they read. */
#include "row_call.hpp"
#include "table.hpp"

namespace {

/* As text, which the rules of any request then reject. */
constexpr const char *kAsItIs = "as it is";

/* As what no rule takes: the text would be a date by them, another one. */
constexpr const char *kRejected = "rejected";

struct FormatRow
{
	const char *name;
	std::string format;
	std::string cell;
	std::string date;
};

const FormatRow kFormats[] = {
	{"points", "DD.MM.YYYY", "15.02.2024", "2024-02-15"},
	{"slashes", "MM/DD/YYYY", "02/15/2024", "2024-02-15"},
	{"lower_case", "dd/mm/yyyy", "15/02/2024", "2024-02-15"},
	{"one_digit", "MM/DD/YYYY", "2/5/2024", "2024-02-05"},
	{"white_space", "DD.MM.YYYY", " 15.02.2024 ", "2024-02-15"},
	{"minutes", "MM/DD/YYYY HH24:MI", "02/15/2024 9:30", "2024-02-15T09:30:00Z"},
	{"seconds", "DD.MM.YYYY HH24:MI:SS", "15.02.2024 23:59:58", "2024-02-15T23:59:58Z"},
	{"pm", "MM/DD/YYYY HH12:MI AM", "02/15/2024 01:30 pm", "2024-02-15T13:30:00Z"},
	{"noon", "MM/DD/YYYY HH:MI PM", "02/15/2024 12:30 PM", "2024-02-15T12:30:00Z"},
	{"midnight", "MM/DD/YYYY HH12:MI a.m.", "02/15/2024 12:30 a.m.", "2024-02-15T00:30:00Z"},
	{"no_separators", "YYYYMMDD", "20240215", "2024-02-15"},
	{"no_separators_time", "YYYYMMDDHH24MISS", "20240215103045", "2024-02-15T10:30:45Z"},
	{"quoted", "DD\" of \"MM\", \"YYYY", "15 of 02, 2024", "2024-02-15"},
	{"t", "DD.MM.YYYYTHH24:MI", "15.02.2024T10:30", "2024-02-15T10:30:00Z"},
	{"rfc_3339_too", "DD.MM.YYYY", "2024-02-15", "2024-02-15"},
	{"rfc_3339_time_too", "DD.MM.YYYY", "2024-02-15T10:30:00Z", "2024-02-15T10:30:00Z"},
	{"not_rfc_3339", "YYYY-DD-MM", "2024-03-02", "2024-02-03"},
	{"never_both", "YYYY-DD-MM", "2024-02-15", kRejected},
	{"leap_day", "DD.MM.YYYY", "29.02.2024", "2024-02-29"},
	{"no_leap_day", "DD.MM.YYYY", "29.02.2023", kAsItIs},
	{"month_13", "DD.MM.YYYY", "01.13.2024", kAsItIs},
	{"day_0", "DD.MM.YYYY", "00.01.2024", kAsItIs},
	{"year_0", "DD.MM.YYYY", "01.01.0000", kAsItIs},
	{"year_of_two_digits", "DD.MM.YYYY", "15.02.24", kAsItIs},
	{"year_of_five_digits", "DD.MM.YYYY", "15.02.20245", kAsItIs},
	{"other_separator", "DD.MM.YYYY", "15/02/2024", kAsItIs},
	{"rest", "DD.MM.YYYY", "15.02.2024 10:30", kAsItIs},
	{"date_alone", "DD.MM.YYYY HH24:MI", "15.02.2024", "2024-02-15"},
	{"date_alone_seconds", "DD-MM-YYYY HH24:MI:SS", "15-02-2024", "2024-02-15"},
	{"date_alone_pm", "MM/DD/YYYY HH12:MI AM", "2/15/2024", "2024-02-15"},
	{"without_seconds", "DD-MM-YYYY HH24:MI:SS", "15-02-2024 10:00", "2024-02-15T10:00:00Z"},
	{"without_minutes", "DD.MM.YYYY HH24:MI", "15.02.2024 10", kAsItIs},
	{"without_half", "MM/DD/YYYY HH12:MI AM", "2/15/2024 10:30", kAsItIs},
	{"without_year", "DD.MM.YYYY", "15.02.", kAsItIs},
	{"ends_in_separator", "DD.MM.YYYY HH24:MI", "15.02.2024 10:", kAsItIs},
	{"hour_24", "DD.MM.YYYY HH24:MI", "15.02.2024 24:00", kAsItIs},
	{"hour_13_of_12", "DD.MM.YYYY HH12:MI AM", "15.02.2024 13:00 PM", kAsItIs},
	{"hour_0_of_12", "DD.MM.YYYY HH12:MI AM", "15.02.2024 00:00 AM", kAsItIs},
	{"second_60", "DD.MM.YYYY HH24:MI:SS", "15.02.2024 10:30:60", kAsItIs},
	{"one_digit_without_separator", "YYYYMMDD", "2024215", kAsItIs},
	{"sign", "DD.MM.YYYY", "-1.02.2024", kAsItIs},
};

TABLE_TEST(DateFormat, kFormats)
{
	RowCall call(R"(["birthday"])");
	call.options.date_format = {row.format.data(), row.format.size()};
	const auto expected = row.date == kAsItIs	  ? json_text(row.cell)
						  : row.date == kRejected ? "[" + json_text(row.cell) + "]"
												  : json_text(row.date);
	EXPECT_EQ(call.value("[" + json_text(row.cell) + "]"), expected);
}

struct ProblemRow
{
	const char *name;
	const char *format;
	const char *hint; /* nullptr: there is no problem */
};

const char *const kPatterns = "Use YYYY, MM, DD, HH24, HH12, MI, SS and AM, and put other text in double quotes.";
const char *const kIncomplete = "It must have YYYY, MM and DD: a date without one of them could be any.";
const char *const kTwice = "Each pattern may be there once, HH12 without HH24.";
const char *const kTwelve = "HH and HH12 go with AM; use HH24 for hours from 0 to 23.";
const char *const kMinutes = "Minutes go with hours, and seconds with minutes: HH24:MI:SS.";

const ProblemRow kProblems[] = {
	{"good", "DD.MM.YYYY HH24:MI", nullptr},
	{"good_am", "YYYY/MM/DD HH:MI:SS p.m.", nullptr},
	{"empty", "", kIncomplete},
	{"no_year", "DD.MM.", kIncomplete},
	{"two_digits", "DD.MM.YY", kPatterns},
	{"month_name", "DD Mon YYYY", kPatterns},
	{"zone", "YYYY-MM-DD HH24:MI TZ", kPatterns},
	{"nonsense", "hello", kPatterns},
	{"twice", "DD.DD.MM.YYYY", kTwice},
	{"hh_twice", "YYYY-MM-DD HH HH12 AM", kTwice},
	{"hh24_am", "YYYY-MM-DD HH24:MI AM", "HH24 goes without HH12 and AM."},
	{"hh_without_am", "YYYY-MM-DD HH:MI", kTwelve},
	{"am_without_hh", "YYYY-MM-DD AM", kTwelve},
	{"minutes_alone", "YYYY-MM-DD MI", kMinutes},
	{"seconds_without_minutes", "YYYY-MM-DD HH24 SS", kMinutes},
};

TABLE_TEST(DateFormatProblem, kProblems)
{
	cu_error error{};
	const std::string_view format = row.format;
	const auto result = cu_check_date_format({format.data(), format.size()}, &error);
	ASSERT_EQ(result, row.hint == nullptr ? CU_OK : CU_REJECTED);
	if (row.hint == nullptr)
		return;
	EXPECT_EQ(error.code, CU_INVALID_REQUEST);
	EXPECT_STREQ(error.field, "date_format");
	EXPECT_EQ(error.message, "date_format '" + std::string(format) + "' does not say how a date is written.");
	EXPECT_STREQ(error.hint, row.hint);
}

struct HintRow
{
	const char *name;
	const char *format;
	const char *cell;
	const char *hint; /* empty: the rules' own */
};

const char *const kOr = ", or write dates as 2024-02-15 is.";

const HintRow kHints[] = {
	{"month_first", "", "02/15/2024", "Say date_format => 'MM/DD/YYYY'"},
	{"day_first", "", "15.02.2024", "Say date_format => 'DD.MM.YYYY'"},
	{"either", "", "01-02-2024", "Say date_format => 'DD-MM-YYYY' or 'MM-DD-YYYY'"},
	{"year_first", "", "2024/02/15", "Say date_format => 'YYYY/MM/DD'"},
	{"time", "", "2/15/2024 9:30", "Say date_format => 'MM/DD/YYYY HH24:MI'"},
	{"time_am", "", "2/15/2024 09:30 PM", "Say date_format => 'MM/DD/YYYY HH12:MI AM'"},
	{"two_digits", "", "02/15/24", "Write years with four digits."},
	{"no_such_day", "", "45.45.2024", ""},
	{"words", "", "Feb 15, 2024", ""},
	{"given", "DD.MM.YYYY", "02/15/2024", "It is neither in the form that date_format says nor as 2024-02-15 is."},
	{"given_year_first", "YYYY-DD-MM", "2024-02-15", "It is not in the form that date_format says."},
};

TABLE_TEST(DateFormatHint, kHints)
{
	RowCall call(R"(["email_address", "birthday"])");
	call.options.date_format = {row.format, std::string_view(row.format).size()};
	const std::string_view hint = row.hint;
	const auto expected = std::string(hint) + (hint.starts_with("Say") ? kOr : "");
	EXPECT_EQ(call.outcome("null", R"(["a@x.org", )" + json_text(row.cell) + "]"),
			  "FIELD_INVALID: Field 'Birthday' is not a valid DATE." + (expected.empty() ? "" : " [" + expected + "]"));
}

TEST(DateFormat, is_checked_before_rows_are_read)
{
	RowCall call(R"(["birthday"])");
	call.options.date_format = {"DD", 2};
	EXPECT_EQ(call.read("[\"1\"]"), CU_INTERNAL_ERROR);
}

} // namespace
