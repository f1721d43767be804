/* cell_test.cpp - docs/files.md, "Cells": what each cell of a file becomes in a request. A cell that is not understood stays text. */
#include "row_call.hpp"
#include "table.hpp"

namespace {

constexpr const char *kNothing = "-";

struct CellRow
{
	const char *name;
	const char *column;
	std::string cell;
	std::string value;
};

const CellRow kCells[] = {
	{"text", "first_name", R"("Ann")", R"("Ann")"},
	{"text_white_space", "first_name", R"(" \t\u00a0Ann B\u3000\n")", R"("Ann B")"},
	{"text_bom", "first_name", R"("\ufeffAnn")", R"("Ann")"},
	{"text_white_space_bom", "first_name", R"(" \ufeff Ann")", R"("Ann")"},
	{"text_bom_inside", "first_name", R"("A\ufeffnn")", "\"A\xEF\xBB\xBFnn\""},
	{"text_number", "first_name", "12.50", R"("12.50")"},
	{"text_boolean", "first_name", "true", R"("true")"},
	{"text_like_an_array", "first_name", R"("{a,b}")", R"("{a,b}")"},
	{"text_array", "first_name", R"(["a"])", R"(["a"])"},

	{"blank_null", "first_name", "null", kNothing},
	{"blank_empty", "first_name", R"("")", kNothing},
	{"blank_white_space", "first_name", R"(" \u00a0\t")", kNothing},
	{"blank_bom", "first_name", R"("\ufeff")", kNothing},
	{"blank_number", "age", R"(" ")", kNothing},
	{"blank_boolean", "active", R"("")", kNothing},
	{"blank_date", "birthday", R"("")", kNothing},
	{"blank_option", "plan", R"("  ")", kNothing},
	{"blank_options", "topics", R"("  ")", kNothing},
	{"blank_country", "country", R"("")", kNothing},
	{"blank_status", "status", R"(" ")", kNothing},
	{"blank_tags", "tags", R"("")", kNothing},
	{"blank_add_tags", "add_tags", "null", kNothing},
	{"blank_source", "source", R"(" ")", kNothing},
	{"blank_address", "email_address", R"(" ")", kNothing},
	{"blank_created_at", "created_at", R"(" ")", kNothing},

	{"boolean_true", "active", R"("TRUE")", "true"},
	{"boolean_t", "active", R"("T")", "true"},
	{"boolean_yes", "active", R"(" Yes ")", "true"},
	{"boolean_y", "active", R"("y")", "true"},
	{"boolean_on", "active", R"("On")", "true"},
	{"boolean_1", "active", R"("1")", "true"},
	{"boolean_false", "active", R"("False")", "false"},
	{"boolean_f", "active", R"("f")", "false"},
	{"boolean_no", "active", R"("NO")", "false"},
	{"boolean_n", "active", R"("N")", "false"},
	{"boolean_off", "active", R"("off")", "false"},
	{"boolean_0", "active", R"("0")", "false"},
	{"boolean_itself", "active", "true", "true"},
	{"boolean_number", "active", "0", "false"},
	{"boolean_2", "active", R"("2")", R"("2")"},
	{"boolean_word", "active", R"("ja")", R"("ja")"},
	{"boolean_beginning", "active", R"("tru")", R"("tru")"},

	{"date", "birthday", R"(" 2024-02-15 ")", R"("2024-02-15")"},
	{"date_time", "birthday", R"("2024-02-15T12:30:00+02:00")", R"("2024-02-15T10:30:00Z")"},
	{"date_blank_time", "birthday", R"("2024-02-15 10:30:45")", R"("2024-02-15T10:30:45Z")"},
	{"date_minutes", "birthday", R"("2024-02-15 10:30")", R"("2024-02-15T10:30:00Z")"},
	{"date_t_without_zone", "birthday", R"("2024-02-15T10:30")", R"("2024-02-15T10:30:00Z")"},
	{"date_fraction", "birthday", R"("2024-02-15 10:30:45.123456")", R"("2024-02-15T10:30:45Z")"},
	{"date_timestamptz", "birthday", R"("2024-02-15 10:30:45+00")", R"("2024-02-15T10:30:45Z")"},
	{"date_timestamptz_minutes", "birthday", R"("2024-02-15 10:30:45.5-03:30")", R"("2024-02-15T14:00:45Z")"},
	{"date_offset_without_colon", "birthday", R"("2024-02-15 00:30 +0100")", R"("2024-02-14T23:30:00Z")"},
	{"date_utc", "birthday", R"("2024-02-15 10:30:45 UTC")", R"("2024-02-15T10:30:45Z")"},
	{"date_go", "birthday", R"("2021-03-12 10:11:12.123456 +0000 UTC")", R"("2021-03-12T10:11:12Z")"},
	{"date_go_without_name", "birthday", R"("2021-03-12 10:11:12 +0000 +0000")", R"("2021-03-12T10:11:12Z")"},
	{"date_go_zone", "birthday", R"("2021-03-12 10:11:12 +0530 IST")", R"("2021-03-12T04:41:12Z")"},
	{"date_two_names", "birthday", R"("2021-03-12 10:11:12 +0530 IST IST")", R"("2021-03-12 10:11:12 +0530 IST IST")"},
	{"date_z", "birthday", R"("2024-02-15 10:30Z")", R"("2024-02-15T10:30:00Z")"},
	{"date_zone_name", "birthday", R"("2024-02-15 10:30 CET")", R"("2024-02-15 10:30 CET")"},
	{"date_hours_alone", "birthday", R"("2024-02-15 10")", R"("2024-02-15 10")"},
	{"date_24", "birthday", R"("2024-02-15 24:00")", R"("2024-02-15 24:00")"},
	{"date_no_such_day", "birthday", R"("2024-02-30 10:00")", R"("2024-02-30 10:00")"},
	{"date_year_0", "birthday", R"("0001-01-01 00:00+01")", R"("0001-01-01 00:00+01")"},
	{"date_rest", "birthday", R"("2024-02-15 10:30+01:00x")", R"("2024-02-15 10:30+01:00x")"},
	{"date_slashes", "birthday", R"("02/15/2024")", R"("02/15/2024")"},
	{"date_number", "birthday", "20240215", R"("20240215")"},
	{"date_today", "birthday", R"("today")", R"("today")"},
	{"date_infinity", "birthday", R"("infinity")", R"("infinity")"},

	{"country", "country", R"(" de ")", R"("DE")"},
	{"country_alpha_3", "country", R"("deu")", R"("DE")"},
	{"country_name", "country", R"("GERMANY")", R"("DE")"},
	{"country_accents", "country", R"("COTE D'IVOIRE")", R"("CI")"},
	{"country_accents_given", "country", "\"Côte d’Ivoire\"", R"("CI")"},
	{"country_combining_accent", "country", "\"Re\xCC\x81union\"", R"("RE")"},
	{"country_capital_accent", "country", "\"TÜRKİYE\"", R"("TR")"},
	{"country_official", "country", R"("Federal Republic of Germany")", R"("DE")"},
	{"country_common", "country", R"("Bolivia")", R"("BO")"},
	{"country_inverted", "country", R"("Korea, Republic of")", R"("KR")"},
	{"country_turned_round", "country", R"("Republic of Korea")", R"("KR")"},
	{"country_parentheses", "country", R"("Falkland Islands")", R"("FK")"},
	{"country_article", "country", R"("The Netherlands")", R"("NL")"},
	{"country_spaces", "country", R"("united  states\u00a0of America")", R"("US")"},
	{"country_punctuation", "country", R"("U.S.A.")", R"("US")"},
	{"country_own_list", "country", R"("Russia")", R"("RU")"},
	{"country_uk", "country", R"("UK")", R"("GB")"},
	{"country_in_german", "country", R"("Deutschland")", R"("Deutschland")"},
	{"country_two", "country", R"("DE, FR")", R"("DE, FR")"},
	{"country_beginning", "country", R"("Germ")", R"("Germ")"},
	{"country_korea", "country", R"("Korea")", R"("Korea")"},
	{"country_other_script", "country", "\"Россия\"", "\"Россия\""},
	{"country_long", "country", '"' + std::string(100, 'a') + '"', '"' + std::string(100, 'a') + '"'},
	{"country_punctuation_alone", "country", R"("--")", R"("--")"},

	{"option", "plan", R"("Pro")", R"("Pro")"},
	{"option_case", "plan", R"(" pRO ")", R"("Pro")"},
	{"option_unknown", "plan", R"(" Gold ")", R"("Gold")"},

	{"status", "status", R"("SUBSCRIBED")", R"("SUBSCRIBED")"},
	{"status_case", "status", R"("Unsubscribed")", R"("UNSUBSCRIBED")"},
	{"status_active", "status", R"("Active")", R"("SUBSCRIBED")"},
	{"status_confirmed", "status", R"("confirmed")", R"("SUBSCRIBED")"},
	{"status_enabled", "status", R"("enabled")", R"("SUBSCRIBED")"},
	{"status_opted_in", "status", R"("Opted-In")", R"("SUBSCRIBED")"},
	{"status_opted_out", "status", R"("opted out")", R"("UNSUBSCRIBED")"},
	{"status_blocklisted", "status", R"("blocklisted")", R"("UNSUBSCRIBED")"},
	{"status_pending", "status", R"("Pending")", R"("UNCONFIRMED")"},
	{"status_not_confirmed", "status", R"("not_confirmed")", R"("UNCONFIRMED")"},
	{"status_cleaned", "status", R"("cleaned")", R"("CLEANED")"},
	{"status_bounced", "status", R"("bounced")", R"("CLEANED")"},
	{"status_unreachable", "status", R"("unreachable")", R"("CLEANED")"},
	{"status_spam", "status", R"("spam")", R"("COMPLAINED")"},
	{"status_abuse", "status", R"("Abuse")", R"("COMPLAINED")"},
	{"status_marked", "status", R"("Marked as spam")", R"("COMPLAINED")"},
	{"status_inactive", "status", R"("inactive")", R"("inactive")"},
	{"status_yes", "status", R"("yes")", R"("yes")"},
	{"status_non_subscribed", "status", R"("non-subscribed")", R"("non-subscribed")"},
	{"status_boolean", "status", "true", R"("true")"},
	{"status_long", "status", R"("subscribedsubscribed")", R"("subscribedsubscribed")"},

	{"address", "email_address", R"(" Ann@X.org ")", R"("Ann@X.org")"},
	{"address_named", "email_address", R"("Ann <ann@x.org>")", R"("ann@x.org")"},
	{"address_quoted_name", "email_address", R"("\"Doe, Ann\" <ann@x.org>")", R"("ann@x.org")"},
	{"address_name_with_comma", "email_address", R"("Doe, Ann <ann@x.org>")", R"("ann@x.org")"},
	{"address_brackets", "email_address", R"("< ann@x.org >")", R"("ann@x.org")"},
	{"address_named_like_itself", "email_address", R"("'Ann@x.org' <ann@x.org>")", R"("ann@x.org")"},
	{"address_mailto", "email_address", R"("MailTo:ann@x.org")", R"("ann@x.org")"},
	{"address_mailto_in_brackets", "email_address", R"("Ann <mailto:ann@x.org>")", R"("ann@x.org")"},
	{"address_bom", "email_address", R"("\ufeffann@x.org")", R"("ann@x.org")"},
	{"address_two", "email_address", R"("ann@x.org, Bob <bob@x.org>")", R"("ann@x.org, Bob <bob@x.org>")"},
	{"address_other_name", "email_address", R"("ann@y.org <ann@x.org>")", R"("ann@y.org <ann@x.org>")"},
	{"address_two_in_brackets", "email_address", R"("A <a@x.org> B <b@x.org>")", R"("A <a@x.org> B <b@x.org>")"},
	{"address_open", "email_address", R"("Ann <ann@x.org")", R"("Ann <ann@x.org")"},
	{"address_number", "email_address", "12", R"("12")"},

	{"source", "source", R"(" fair 2024 ")", R"("fair 2024")"},

	{"created_at_date", "created_at", R"("2024-02-15")", R"("2024-02-15T00:00:00Z")"},
	{"created_at_time", "created_at", R"("2024-02-15 12:30+02")", R"("2024-02-15T10:30:00Z")"},
	{"created_at_bad", "created_at", R"("15.02.2024")", "created_at must be a date or a time."},
	{"created_at_array", "created_at", R"(["2024-02-15"])", "created_at must be a date or a time."},
};

TABLE_TEST(Cell, kCells)
{
	EXPECT_EQ(cell_value(row.column, row.cell), row.value);
}

} // namespace
