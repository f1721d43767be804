/* value_test.cpp - what each type of field accepts, and how it is stored. */
#include "core_call.hpp"
#include "table.hpp"

namespace {

constexpr const char *kInvalid = "invalid";
constexpr const char *kNone = "none";

struct Row
{
	const char *name;
	const char *merge_tag;
	std::string json;
	std::string stored;
};

const Row kRows[] = {
	{"text", "first_name", R"("Tywin")", R"("Tywin")"},
	{"text_number", "first_name", "12.50", R"("12.50")"},
	{"text_true", "first_name", "true", R"("true")"},
	{"text_false", "first_name", "false", R"("false")"},
	{"text_zero", "first_name", "0", R"("0")"},
	{"text_blank", "first_name", R"(" \t\u00a0\u2003\u3000\n")", kNone},
	{"text_space_around", "first_name", R"(" x ")", R"(" x ")"},
	{"text_zero_width_space", "first_name", "\"\u200b\"", "\"\u200b\""},
	{"text_65535", "first_name", '"' + std::string(65535, 'x') + '"', '"' + std::string(65535, 'x') + '"'},
	{"text_65536", "first_name", '"' + std::string(65536, 'x') + '"', kInvalid},
	{"text_number_65536", "first_name", "0." + std::string(65534, '1'), kInvalid},
	{"text_null", "first_name", "null", kNone},
	{"text_empty", "first_name", R"("")", kNone},
	{"text_array", "first_name", R"(["x"])", kInvalid},
	{"text_empty_array", "first_name", "[]", kInvalid},
	{"text_object", "first_name", "{}", kInvalid},

	{"number", "age", "12.50", "12.50"},
	{"number_zero", "age", "0", "0"},
	{"number_string", "age", R"("-1.5e3")", "-1.5e3"},
	{"number_digits_exactly", "age", "123456789012345678901234567890.10", "123456789012345678901234567890.10"},
	{"number_null", "age", "null", kNone},
	{"number_empty", "age", R"("")", kNone},
	{"number_blank", "age", R"(" ")", kNone},
	{"number_spaces", "age", R"("\u00a01.50 \n")", "1.50"},
	{"number_space_inside", "age", R"("1 000")", kInvalid},
	{"number_plus", "age", R"("+1")", kInvalid},
	{"number_nan", "age", R"("NaN")", kInvalid},
	{"number_word", "age", R"("twelve")", kInvalid},
	{"number_boolean", "age", "true", kInvalid},
	{"number_array", "age", "[1]", kInvalid},
	{"number_too_large", "age", R"("1e65535")", kInvalid},
	{"number_too_fine", "age", R"("1e-16384")", kInvalid},

	{"boolean_true", "active", "true", "true"},
	{"boolean_false", "active", "false", "false"},
	{"boolean_string", "active", R"("TRUE")", "true"},
	{"boolean_mixed_case", "active", R"("False")", "false"},
	{"boolean_null", "active", "null", kNone},
	{"boolean_empty", "active", R"("")", kNone},
	{"boolean_yes", "active", R"("yes")", kInvalid},
	{"boolean_t", "active", R"("t")", kInvalid},
	{"boolean_space", "active", R"(" True ")", "true"},
	{"boolean_blank", "active", R"("\u3000")", kNone},
	{"boolean_number", "active", "1", kInvalid},

	{"date", "birthday", R"("2024-02-29")", R"("2024-02-29")"},
	{"date_time", "birthday", R"("2024-02-15T12:30:00+02:00")", R"("2024-02-15T10:30:00Z")"},
	{"date_space", "birthday", R"(" 2024-02-29\t")", R"("2024-02-29")"},
	{"date_space_inside", "birthday", R"("2024-02- 29")", kInvalid},
	{"date_blank", "birthday", R"("  ")", kNone},
	{"date_null", "birthday", "null", kNone},
	{"date_empty", "birthday", R"("")", kNone},
	{"date_number", "birthday", "20240215", kInvalid},
	{"date_today", "birthday", R"("today")", kInvalid},
	{"date_infinity", "birthday", R"("infinity")", kInvalid},

	{"single", "plan", R"("Pro")", R"("Pro")"},
	{"single_null", "plan", "null", kNone},
	{"single_empty", "plan", R"("")", kNone},
	{"single_case", "plan", R"("pro")", kInvalid},
	{"single_space", "plan", R"(" Pro\u00a0")", R"("Pro")"},
	{"single_blank", "plan", R"(" ")", kNone},
	{"single_unknown", "plan", R"("Gold")", kInvalid},
	{"single_array", "plan", R"(["Pro"])", kInvalid},
	{"single_empty_array", "plan", "[]", kInvalid},

	{"multiple", "topics", R"(["News"])", R"(["News"])"},
	{"multiple_in_order", "topics", R"(["Art, Music","Jobs","News"])", R"(["News","Jobs","Art, Music"])"},
	{"multiple_twice", "topics", R"(["Jobs","Jobs"])", R"(["Jobs"])"},
	{"multiple_list", "topics", R"(" Jobs ,News,, ")", R"(["News","Jobs"])"},
	{"multiple_one", "topics", R"("Jobs")", R"(["Jobs"])"},
	{"multiple_null", "topics", "null", kNone},
	{"multiple_empty", "topics", R"("")", kNone},
	{"multiple_empty_array", "topics", "[]", kNone},
	{"multiple_blank_list", "topics", R"(" , ,")", kNone},
	{"multiple_unknown", "topics", R"(["Sports"])", kInvalid},
	{"multiple_space_in_array", "topics", R"([" Jobs ", "News"])", R"(["News","Jobs"])"},
	{"multiple_blank_element", "topics", R"(["Jobs"," "])", kInvalid},
	{"multiple_empty_element", "topics", R"(["Jobs",""])", kInvalid},
	{"multiple_null_element", "topics", R"(["Jobs",null])", kInvalid},
	{"multiple_number_element", "topics", "[1]", kInvalid},
	{"multiple_unknown_in_list", "topics", R"("Jobs,Sports")", kInvalid},
	{"multiple_option_with_comma_in_list", "topics", R"("Art, Music")", kInvalid},
	{"multiple_number", "topics", "1", kInvalid},

	{"country", "country", R"("DE")", R"("DE")"},
	{"country_lower", "country", R"("us")", R"("US")"},
	{"country_mixed", "country", R"("gB")", R"("GB")"},
	{"country_first", "country", R"("ad")", R"("AD")"},
	{"country_last", "country", R"("zw")", R"("ZW")"},
	{"country_null", "country", "null", kNone},
	{"country_empty", "country", R"("")", kNone},
	{"country_unassigned", "country", R"("XX")", kInvalid},
	{"country_reserved", "country", R"("UK")", kInvalid},
	{"country_alpha_3", "country", R"("DEU")", kInvalid},
	{"country_name", "country", R"("Germany")", kInvalid},
	{"country_space", "country", R"("de ")", R"("DE")"},
	{"country_blank", "country", R"(" ")", kNone},
	{"country_number", "country", "49", kInvalid},
};

TABLE_TEST(Value, kRows)
{
	CoreCall call(
		kDefinitions, "null", request_with("\"fields\":{\"" + std::string(row.merge_tag) + "\":" + row.json + "}"));
	const auto result = call.run();
	if (row.stored == kInvalid)
	{
		ASSERT_EQ(result, CU_REJECTED);
		EXPECT_EQ(call.error.code, CU_FIELD_INVALID);
		EXPECT_STREQ(call.error.merge_tag, row.merge_tag);
		return;
	}
	ASSERT_EQ(result, CU_OK);
	EXPECT_EQ(write_json(call.decision.data),
			  row.stored == kNone ? "{}" : "{\"" + std::string(row.merge_tag) + "\":" + row.stored + "}");
	EXPECT_TRUE(cu_is_stored_data(&call.decision.data));
}

TEST(Value, of_text_may_hold_bytes_that_are_not_utf8)
{
	TestHost host;
	cu_json value{};
	value.kind = CU_JSON_STRING;
	value.text = {"\xFF\xC3", 2};
	bool valid = false;
	ASSERT_EQ(cu_is_field_value(host.get(), CU_TEXT, nullptr, &value, &valid), CU_OK);
	EXPECT_TRUE(valid);
}

/* What a reader makes of a number with too many digits. */
TEST(Value, is_no_number_of_more_than_65535_digits)
{
	TestHost host;
	cu_json value{};
	value.kind = CU_JSON_NUMBER;
	for (const std::string_view text : {"1e65535", "-12e131000", "15e65600", "1e-16384"})
	{
		value.text = {text.data(), text.size()};
		for (const auto type : {CU_TEXT, CU_NUMBER})
		{
			bool valid = true;
			ASSERT_EQ(cu_is_field_value(host.get(), type, nullptr, &value, &valid), CU_OK);
			EXPECT_FALSE(valid) << text;
		}
		const cu_text key{"a", 1};
		cu_json data{};
		data.kind = CU_JSON_OBJECT;
		data.count = 1;
		data.keys = &key;
		data.items = &value;
		EXPECT_FALSE(cu_is_stored_data(&data)) << text;
	}
}

TEST(Value, of_text_is_no_number_without_digits)
{
	TestHost host;
	cu_json value{};
	value.kind = CU_JSON_NUMBER;
	bool valid = true;
	ASSERT_EQ(cu_is_field_value(host.get(), CU_TEXT, nullptr, &value, &valid), CU_OK);
	EXPECT_FALSE(valid);
}

struct ErrorRow
{
	const char *name;
	const char *field;
	const char *message;
	const char *hint;
};

const ErrorRow kErrorRows[] = {
	{"text",
	 R"("first_name": {})",
	 "Field 'First Name' is not a valid TEXT.",
	 "Expected a string of at most 65535 bytes, a number, or a boolean."},
	{"number",
	 R"("age": "x")",
	 "Field 'Age' is not a valid NUMBER.",
	 "Expected a number, or a string that is one, such as 12.5."},
	{"boolean", R"("active": 1)", "Field 'Active' is not a valid BOOLEAN.", "Expected true or false."},
	{"date",
	 R"("birthday": "x")",
	 "Field 'Birthday' is not a valid DATE.",
	 "Expected a date or time of RFC 3339, such as 2024-02-15 or 2024-02-15T10:30:00Z."},
	{"single",
	 R"("plan": "x")",
	 "Field 'Plan' is not a valid DROPDOWN_SINGLE.",
	 "Expected one of these options, exactly: Free, Pro, Team."},
	{"multiple",
	 R"("topics": "x")",
	 "Field 'Topics' is not a valid DROPDOWN_MULTIPLE.",
	 "Expected an array of these options, or a string that separates them by commas: News, Jobs, Art, Music."},
	{"country",
	 R"("country": "x")",
	 "Field 'Country' is not a valid COUNTRY.",
	 "Expected a country's code of two letters (ISO 3166-1 alpha-2), such as DE."},
};

TABLE_TEST(ValueError, kErrorRows)
{
	CoreCall call(kDefinitions, "null", request_with("\"fields\":{" + std::string(row.field) + "}"));
	ASSERT_EQ(call.run(), CU_REJECTED);
	EXPECT_EQ(call.error.code, CU_FIELD_INVALID);
	EXPECT_STREQ(call.error.message, row.message);
	EXPECT_STREQ(call.error.hint, row.hint);
	EXPECT_STREQ(call.error.field, "");
}

struct DefaultRow
{
	const char *name;
	cu_field_type type;
	const char *options;
	const char *json;
	bool valid;
};

const DefaultRow kDefaultRows[] = {
	{"null", CU_NUMBER, "null", "null", true},
	{"text", CU_TEXT, "null", R"("x")", true},
	{"number", CU_NUMBER, "null", R"("1")", true},
	{"no_number", CU_NUMBER, "null", R"("x")", false},
	{"option", CU_DROPDOWN_SINGLE, R"(["b","a"])", R"("a")", true},
	{"no_option", CU_DROPDOWN_SINGLE, R"(["b","a"])", R"("c")", false},
	{"options", CU_DROPDOWN_MULTIPLE, R"(["b","a"])", R"("a,b")", true},
	{"no_options", CU_DROPDOWN_MULTIPLE, R"(["b","a"])", R"("a,c")", false},
	{"number_is_no_option", CU_DROPDOWN_SINGLE, R"(["1","2"])", "1", false},
	{"number_is_none_of_options", CU_DROPDOWN_MULTIPLE, R"(["1","2"])", "[1]", false},
	{"date", CU_DATE, "null", R"("2024-01-01")", true},
	{"no_date", CU_DATE, "null", R"("2024-13-01")", false},
};

TABLE_TEST(FieldValue, kDefaultRows)
{
	TestHost host;
	const JsonDocument options(row.options);
	const JsonDocument value(row.json);
	bool valid = !row.valid;
	ASSERT_EQ(cu_is_field_value(host.get(), row.type, &options.root(), &value.root(), &valid), CU_OK);
	EXPECT_EQ(valid, row.valid);
}

struct DataRow
{
	const char *name;
	const char *json;
	bool stored;
};

const DataRow kDataRows[] = {
	{"empty", "{}", true},
	{"values", R"({"a":0,"b":false,"c":" ","d":["x"]})", true},
	{"null", R"({"a":null})", false},
	{"empty_string", R"({"a":""})", false},
	{"empty_array", R"({"a":[]})", false},
	{"object", R"({"a":{"b":1}})", false},
	{"array_of_numbers", R"({"a":["x",1]})", false},
	{"nested_array", R"({"a":[["x"]]})", false},
	{"email_address", R"({"email_address":"a@b"})", false},
	{"array", "[]", false},
	{"scalar", "1", false},
};

TABLE_TEST(StoredData, kDataRows)
{
	EXPECT_EQ(cu_is_stored_data(&JsonDocument(row.json).root()), row.stored);
}

} // namespace
