/* row_test.cpp - rows of files as requests, and what becomes of the contacts. */
#include "row_call.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace {

/* The names of two columns, of which the first one is the address. */
std::string
names_with(std::string_view column)
{
	return R"(["email_address", )" + json_text(column) + "]";
}

TEST(Row, is_a_request)
{
	RowCall call(
		R"(["Email", "Topics", "Age", "status", "tags", "add_tags", "remove_tags", "source", "Notes", "Country"])");
	call.options.create_tags = true;
	call.options.mode = {"fill", 4};
	EXPECT_EQ(call.request(R"(["Ann <a@x.org>", "jobs", "1,5", "active", "a", "b;c", "d", "fair", "n", "Germany"])"),
			  R"({"mode":"fill","tags":["a"],"fields":{"age":"1.5","topics":["Jobs"],"country":"DE"},"source":"fair",)"
			  R"("status":"SUBSCRIBED","add_tags":["b","c"],"create_tags":true,"remove_tags":["d"],)"
			  R"("email_address":"a@x.org","partial_update":true})");
	EXPECT_EQ(call.row.request.depth, 3U);
	EXPECT_EQ(write_json(*call.row.cells), R"({"age":"1,5","topics":"jobs","country":"Germany"})");
}

TEST(Row, of_blank_cells_says_nothing)
{
	RowCall call(R"(["email_address", "first_name", "tags", "add_tags", "status", "topics", "source"])");
	EXPECT_EQ(call.request(R"(["a@x.org", "", " ", null, "", ",", "\u00a0"])"),
			  R"({"fields":{},"email_address":"a@x.org","partial_update":true})");
}

TEST(Row, of_blank_cells_clears_if_it_is_told_to)
{
	RowCall call(R"(["email_address", "first_name", "tags", "add_tags", "remove_tags", "status", "topics", "source"])");
	call.options.clears_blank = true;
	EXPECT_EQ(
		call.request(R"(["a@x.org", "", " ", null, "", "", ",", null])"),
		R"({"tags":[],"fields":{"topics":null,"first_name":null},"email_address":"a@x.org","partial_update":true})");
}

TEST(Row, that_replaces_all_clears_with_blank_cells)
{
	RowCall call(R"(["email_address", "first_name", "tags"])");
	call.options.partial_update = false;
	EXPECT_EQ(call.request(R"(["a@x.org", "", ""])"),
			  R"({"tags":[],"fields":{"first_name":null},"email_address":"a@x.org"})");
}

TEST(Row, has_the_source_of_all_unless_it_has_its_own)
{
	RowCall call(R"(["email_address", "source"])");
	call.options.source = {"import", 6};
	EXPECT_EQ(call.request(R"(["a@x.org", " "])"),
			  R"({"fields":{},"source":"import","email_address":"a@x.org","partial_update":true})");
	EXPECT_EQ(call.request(R"(["a@x.org", "fair"])"),
			  R"({"fields":{},"source":"fair","email_address":"a@x.org","partial_update":true})");
	RowCall without(R"(["email_address"])");
	without.options.source = {"import", 6};
	EXPECT_EQ(without.request(R"(["a@x.org"])"),
			  R"({"fields":{},"source":"import","email_address":"a@x.org","partial_update":true})");
}

TEST(Row, says_when_a_contact_was_created)
{
	RowCall call(R"(["email_address", "created_at"])");
	call.options.now_seconds = 1708000000; /* 2024-02-15T12:26:40Z */
	ASSERT_EQ(call.read(R"(["a@x.org", "2024-02-15 12:26:40"])"), CU_OK);
	EXPECT_EQ(view_text(call.row.created_at), "2024-02-15T12:26:40Z");
	EXPECT_EQ(call.row.error, nullptr);
	EXPECT_EQ(write_json(call.row.request.root), R"({"fields":{},"email_address":"a@x.org","partial_update":true})");

	ASSERT_EQ(call.read(R"(["a@x.org", "2024-02-15T12:26:41Z"])"), CU_OK);
	ASSERT_NE(call.row.error, nullptr);
	EXPECT_EQ(call.row.error->code, CU_INVALID_REQUEST);
	EXPECT_STREQ(call.row.error->message, "created_at must not be in the future.");
	EXPECT_STREQ(call.row.error->value, "2024-02-15T12:26:41Z");
	EXPECT_EQ(cu_error_column(call.columns.data(), call.columns.size(), call.row.error), 1U);
	EXPECT_EQ(call.row.created_at.size, 0U);

	ASSERT_EQ(call.read(R"(["a@x.org", "02/15/2024"])"), CU_OK);
	ASSERT_NE(call.row.error, nullptr);
	EXPECT_STREQ(call.row.error->message, "created_at must be a date or a time.");
	EXPECT_EQ(view_text(call.row.hints[1]), "Say date_format => 'MM/DD/YYYY', or write dates as 2024-02-15 is.");
}

TEST(Row, of_a_field_that_is_gone_is_rejected_unless_its_cell_is_blank)
{
	RowCall call(R"(["email_address", "first_name"])");
	call.options.clears_blank = true;
	ASSERT_EQ(call.match(), CU_OK);
	call.columns[1].merge_tag = {"gone", 4};
	const cu_row_reader *reader = nullptr;
	ASSERT_EQ(cu_prepare_reader(call.host.get(), call.definitions, call.columns.data(), 2, &call.options, &reader),
			  CU_OK);
	const JsonDocument blank(R"(["a@x.org", " "])");
	const JsonDocument given(R"(["a@x.org", " x "])");
	ASSERT_EQ(cu_read_row(call.host.get(), reader, blank.root().items, &call.row), CU_OK);
	EXPECT_EQ(write_json(call.row.request.root), R"({"fields":{},"email_address":"a@x.org","partial_update":true})");
	ASSERT_EQ(cu_read_row(call.host.get(), reader, given.root().items, &call.row), CU_OK);
	EXPECT_EQ(write_json(call.row.request.root),
			  R"({"fields":{"gone":"x"},"email_address":"a@x.org","partial_update":true})");
}

TEST(Row, needs_columns_of_different_targets)
{
	RowCall call(R"(["first_name", "First Name"])");
	EXPECT_EQ(call.read(R"(["a", "b"])"), CU_INTERNAL_ERROR);
}

TEST(Row, that_is_rejected_says_more)
{
	RowCall call(R"(["email_address", "status", "active", "plan", "country", "birthday"])");
	EXPECT_EQ(call.outcome("null", R"(["a@x.org, b@x.org", "", "", "", "", ""])"),
			  "EMAIL_INVALID: The email address you provided is not valid. [Write one address in a row.]");
	EXPECT_EQ(
		call.outcome("null", R"(["a@x.org", "gone", "", "", "", ""])"),
		"STATUS_INVALID: The status you provided is not valid. [Write SUBSCRIBED, UNSUBSCRIBED, UNCONFIRMED, CLEANED "
		"or COMPLAINED, or a word of other systems for one of them, such as active, opted out, pending, bounced or "
		"spam.]");
	EXPECT_EQ(
		call.outcome("null", R"(["a@x.org", "", "ja", "", "", ""])"),
		"FIELD_INVALID: Field 'Active' is not a valid BOOLEAN. [Write true or false, yes or no, on or off, 1 or 0.]");
	EXPECT_EQ(
		call.outcome("null", R"(["a@x.org", "", "", "", "Deutschland", ""])"),
		"FIELD_INVALID: Field 'Country' is not a valid COUNTRY. [Write a country's code, such as DE or DEU, or its "
		"English name.]");
	EXPECT_EQ(call.outcome("null", R"(["a@x.org", "", "", "x", "", ""])"),
			  "FIELD_INVALID: Field 'Plan' is not a valid DROPDOWN_SINGLE.");
	cu_error refused{};
	refused.code = CU_RESUBSCRIBE_REFUSED;
	cu_set_hint(&refused, {nullptr, 0});
	EXPECT_STREQ(
		refused.hint,
		"A file resubscribes nobody: write UNSUBSCRIBED. With the contact's consent, contact_upsert() does, by "
		"\"resubscribe\": true.");
	cu_error error{};
	cu_set_hint(&error, {"x", 1});
	EXPECT_STREQ(error.hint, "x");
	cu_set_hint(&error, {nullptr, 0});
	EXPECT_STREQ(error.hint, "x");
}

std::string
hint_of(cu_error error)
{
	cu_set_hint(&error, {nullptr, 0});
	return error.hint;
}

std::string
hint_of_tag(std::string_view name, bool is_id)
{
	cu_error error{};
	error.code = CU_TAG_NOT_FOUND;
	error.tag_is_id = is_id;
	name.copy(error.tag, sizeof(error.tag) - 1);
	return hint_of(error);
}

TEST(Row, that_is_rejected_speaks_of_cells_and_parameters)
{
	cu_error error{};
	error.code = CU_EMAIL_REQUIRED;
	EXPECT_EQ(hint_of(error), "Write an address into the cell, or leave the row out.");
	error.code = CU_FIELD_REQUIRED;
	error.merge_tag[0] = 'x';
	EXPECT_EQ(hint_of(error), "Write a value into the cell of x; a blank is none.");
	EXPECT_EQ(hint_of_tag("vip", false), "Define the tag, correct the cell, or say create_tags => true.");
	EXPECT_EQ(hint_of_tag("7", true), "Define the tag, or take its number out of the cell.");
	EXPECT_EQ(hint_of_tag("a;b", false),
			  "If these are several tags, say separator => ';'. If it is one: define it, correct the cell, or say "
			  "create_tags => true.");
	EXPECT_NE(hint_of_tag("a|b", false).find("separator => '|'"), std::string::npos);
	EXPECT_NE(hint_of_tag("a,b", false).find("separator => ','"), std::string::npos);
	const JsonDocument options(R"(["S", "M"])");
	cu_error option{};
	option.code = CU_FIELD_INVALID;
	option.type = CU_DROPDOWN_SINGLE;
	option.options = options.root().items;
	option.option_count = options.root().count;
	EXPECT_EQ(hint_of(option), "Write one of these options: S, M.");
	option.type = CU_DROPDOWN_MULTIPLE;
	EXPECT_EQ(hint_of(option), "Write some of these options: S, M.");
}

/* What a contact has, as text, changes nothing, whatever else it may mean: also what no request could have stored. */
TEST(Row, of_what_is_stored_changes_nothing)
{
	const char *const rows[][3] = {
		{"first_name", R"(" Ann ")", R"(" Ann ")"},
		{"first_name", R"(" ")", R"(" ")"},
		{"first_name", "\"\xEF\xBB\xBFx\"", "\"\xEF\xBB\xBFx\""},
		{"first_name", "12.50", R"("12.50")"},
		{"first_name", "true", R"("true")"},
		{"first_name", R"(["a","b c"])", R"("{a,\"b c\"}")"},
		{"age", "12.50", R"("12.50")"},
		{"age", "1e3", R"("1000")"},
		{"age", R"("12.50")", R"("12.50")"},
		{"age", R"("$1,234.50")", R"("$1,234.50")"},
		{"age", R"(" x ")", R"(" x ")"},
		{"age", "false", R"("false")"},
		{"active", "true", R"("true")"},
		{"active", R"("yes")", R"("yes")"},
		{"active", "1", R"("1")"},
		{"birthday", R"("2024-02-15 10:30")", R"("2024-02-15 10:30")"},
		{"plan", R"("pro")", R"("pro")"},
		{"plan", R"("Gone ")", R"("Gone ")"},
		{"country", R"("Germany")", R"("Germany")"},
		{"country", R"("de")", R"("de")"},
		{"topics", R"(["news","Gone, too"])", R"("{news,\"Gone, too\"}")"},
		{"topics", R"([""])", R"("{\"\"}")"},
		{"topics", R"([" a ","NULL"])", R"("{\" a \",\"NULL\"}")"},
		{"topics", R"("news")", R"("news")"},
		{"topics", R"(["a","a"])", R"(["a","a"])"},
		{"topics", "7", "7"},
	};
	for (const auto &[field, stored, cell] : rows)
	{
		for (const bool partial : {true, false})
		{
			RowCall call(names_with(field));
			call.options.partial_update = partial;
			call.options.clears_blank = true;
			const auto data = std::string("{\"") + field + "\":" + stored + "}";
			EXPECT_EQ(call.outcome(R"({"status": "SUBSCRIBED", "tags": [], "data": )" + data + "}",
								   R"(["a@x.org", )" + std::string(cell) + "]"),
					  "UNCHANGED SUBSCRIBED [] " + data);
		}
	}
}

TEST(Row, of_something_else_than_what_is_stored_is_read)
{
	RowCall call(R"(["email_address", "first_name", "topics", "age"])");
	const std::string contact =
		R"({"status": "SUBSCRIBED", "tags": [], "data": {"age": 1, "topics": ["gone"], "first_name": " Ann "}})";
	EXPECT_EQ(call.outcome(contact, R"(["a@x.org", "Ann", "{news}", "2"])"),
			  R"(UPDATED SUBSCRIBED [] {"age":2,"topics":["News"],"first_name":"Ann"})");
	EXPECT_EQ(call.outcome(contact, R"(["a@x.org", " Ann", "{gone,news}", "1"])"),
			  "FIELD_INVALID: Field 'Topics' is not a valid DROPDOWN_MULTIPLE.");
}

std::string
outcome_of_texts(std::string_view names, const std::vector<std::string_view> &texts)
{
	RowCall call(names);
	const auto result = call.read_texts(texts);
	return result == CU_OK ? call.outcome_of_row("null") : "result " + std::to_string(result);
}

TEST(Row, that_is_too_large_is_rejected)
{
	constexpr std::size_t kLarge = 10 << 20;
	const std::string large(kLarge, 'x');
	const std::string blank(kLarge, ' ');
	for (const std::string column : {"first_name",
									 "age",
									 "active",
									 "birthday",
									 "plan",
									 "topics",
									 "country",
									 "tags",
									 "add_tags",
									 "status",
									 "source"})
	{
		const auto names = names_with(column);
		EXPECT_EQ(outcome_of_texts(names, {"a@x.org", large}), "INVALID_REQUEST: The request is larger than 1 MiB.")
			<< column;
	}
	EXPECT_EQ(outcome_of_texts(R"(["email_address"])", {large}), "INVALID_REQUEST: The request is larger than 1 MiB.");
	EXPECT_EQ(outcome_of_texts(names_with("first_name"), {"a@x.org", blank}), "CREATED SUBSCRIBED [] {}");
	EXPECT_EQ(outcome_of_texts(R"(["email_address", "Notes"])", {"a@x.org", large}), "CREATED SUBSCRIBED [] {}");
	RowCall created(R"(["email_address", "created_at"])");
	ASSERT_EQ(created.read_texts({"a@x.org", large}), CU_OK);
	EXPECT_STREQ(created.row.error->message, "created_at must be a date or a time.");
}

TEST(Row, of_the_largest_contact_is_not_too_large)
{
	const std::string value(65000, 'x');
	const std::string names = R"(["email_address", "first_name", "last_name"])";
	EXPECT_EQ(outcome_of_texts(names, {"a@x.org", value, value}).substr(0, 21), "CREATED SUBSCRIBED []");
}

/* Cells that would take long if something in them were read again and again. */
TEST(Row, of_hostile_cells_takes_memory_in_proportion)
{
	constexpr std::size_t kSize = 1 << 15;
	for (const std::string_view part :
		 {",",		";",	   "\"", "\"\"", "\"\"\",",	 "\",",			 "a,",	  "{",	  "{,",	 "\\",
		  "\"a\",", "\"a\"b,", " ",	 " ,",	 "1,",		 "1 ",			 "$",	  "-",	  "<",	 "<a@x.org>",
		  "@",		"mailto:", "1.", "'",	 "\xC2\xA0", "\xEF\xBB\xBF", "news,", "a|b;", "\xFF"})
	{
		std::string text;
		while (text.size() < kSize)
			text += part;
		const auto braces = "{" + text + "}";
		const auto quotes = "\"" + text + "\"";
		for (const std::string column :
			 {"tags", "topics", "age", "birthday", "country", "plan", "status", "active", "created_at"})
		{
			for (const std::string_view cell : {text, braces, quotes})
			{
				RowCall call(names_with(column));
				ASSERT_EQ(call.read_texts({cell, cell}), CU_OK);
				EXPECT_LE(call.host.bytes, 250 * kSize) << column << " " << part;
			}
		}
	}
}

std::string
long_list()
{
	std::string list = "zero";
	for (int i = 0; i < 300; i++)
		list += ",\"tag " + std::to_string(i) + "\"";
	return list;
}

RowCall
long_call()
{
	return RowCall(
		R"(["E-Mail", "tags", "First Name", "topics", "age", "plan", "birthday", "country", "created_at", "x"])");
}

const std::string &
long_row()
{
	static const std::string row =
		R"(["Ann <a@x.org>", )" + json_text(long_list()) +
		R"(, " Ann ", "{news,jobs}", "1,234", "pro", "2024-02-15 10:00", "Germany", "x", "y"])";
	return row;
}

TEST(Row, may_fail_at_any_allocation)
{
	std::size_t failures = 0;
	for (std::size_t n = 1;; n++)
	{
		auto call = long_call();
		call.host.fail_at = n;
		const auto result = call.read(long_row());
		if (call.host.allocations < n)
		{
			EXPECT_EQ(result, CU_OK);
			break;
		}
		ASSERT_EQ(result, CU_OUT_OF_MEMORY) << n;
		ASSERT_EQ(call.row.cells, nullptr) << n;
		failures++;
	}
	EXPECT_GE(failures, 5U);
}

TEST(Row, may_be_interrupted_at_any_poll)
{
	std::size_t interrupts = 0;
	for (std::size_t n = 1;; n++)
	{
		auto call = long_call();
		call.host.interrupt_at = n;
		const auto result = call.read(long_row());
		if (call.host.polls < n)
		{
			EXPECT_EQ(result, CU_OK);
			break;
		}
		ASSERT_EQ(result, CU_INTERRUPTED) << n;
		ASSERT_EQ(call.row.cells, nullptr) << n;
		interrupts++;
	}
	EXPECT_GE(interrupts, 300U);
}

} // namespace
