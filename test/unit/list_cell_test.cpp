/* list_cell_test.cpp - lists in cells: array text, separators, quotes. A list that is none stays text. */
#include "row_call.hpp"
#include "table.hpp"

namespace {

struct ListRow
{
	const char *name;
	const char *column;
	std::string cell; /* a text, or JSON if it begins with "=" */
	const char *value;
};

const ListRow kLists[] = {
	{"one", "tags", "vip", R"(["vip"])"},
	{"commas", "tags", "vip, newsletter ,x y", R"(["vip","newsletter","x y"])"},
	{"blanks_dropped", "tags", ",vip,, ,\t,x,", R"(["vip","x"])"},
	{"blanks_alone", "tags", " , ,", "-"},
	{"quoted_blank_alone", "tags", "\"\"", "-"},
	{"semicolons", "tags", "a;b", R"(["a","b"])"},
	{"bars", "tags", "a|b|c", R"(["a","b","c"])"},
	{"comma_before_semicolon", "tags", "a;b,c", R"(["a;b","c"])"},
	{"semicolon_and_bar", "tags", "a;b|c", R"("a;b|c")"},
	{"quoted", "tags", R"("a","b c")", R"(["a","b c"])"},
	{"quoted_comma", "tags", R"("a, b","c")", R"(["a, b","c"])"},
	{"quoted_some", "tags", R"(a, "b, c" ,d)", R"(["a","b, c","d"])"},
	{"quoted_semicolons", "tags", R"("a, b";"c")", R"(["a, b","c"])"},
	{"quoted_one", "tags", R"("a, b")", R"(["a, b"])"},
	{"quoted_quotes", "tags", R"("the ""best""",x)", R"(["the \"best\"","x"])"},
	{"quotes_inside", "tags", R"(5" disk, x)", R"(["5\" disk","x"])"},
	{"quotes_open", "tags", R"("a, b)", R"("\"a, b")"},
	{"quotes_then_text", "tags", R"("a" b, c)", R"("\"a\" b, c")"},
	{"lines", "tags", "a,\n b", R"(["a","b"])"},
	{"array", "tags", R"({a,"b c"})", R"(["a","b c"])"},
	{"array_escapes", "tags", R"({"a\"b\\c","d,e",f\,g, h i })", R"(["a\"b\\c","d,e","f,g","h i"])"},
	{"array_nulls", "tags", R"({a,NULL,"NULL"})", R"(["a","NULL"])"},
	{"array_braces", "tags", R"({"{a}","}"})", R"(["{a}","}"])"},
	{"array_empty", "tags", "{}", "[]"},
	{"array_empty_spaces", "tags", " { } ", "[]"},
	{"array_blank_items", "tags", R"({"",NULL})", "-"},
	{"array_nested", "tags", "{{a},{b}}", R"("{{a},{b}}")"},
	{"array_open", "tags", "{a,b", R"("{a,b")"},
	{"array_blank_item", "tags", "{a,,b}", R"("{a,,b}")"},
	{"array_junk", "tags", R"({"a"b})", R"("{\"a\"b}")"},
	{"array_rest", "tags", "{a}, b", R"("{a}, b")"},
	{"json_not_parsed", "tags", "[a,b]", R"("[a,b]")"},
	{"json", "tags", R"(=["a"," b ",null,""])", R"(["a","b"])"},
	{"json_ids", "tags", "=[1,2]", "[1,2]"},
	{"json_empty", "tags", "=[]", "[]"},
	{"json_nulls", "tags", "=[null]", "-"},
	{"json_nested", "tags", R"(=["a",["b"],{"c":1}])", R"(["a",[],[]])"},
	{"a_number", "tags", "=1", "1"},
	{"add_tags", "add_tags", "a,b", R"(["a","b"])"},
	{"remove_tags", "remove_tags", "a;b", R"(["a","b"])"},
	{"names_with_bom",
	 "tags",
	 "\xEF\xBB\xBF"
	 "a,b",
	 R"(["a","b"])"},
	{"options", "topics", "news,JOBS", R"(["News","Jobs"])"},
	{"options_as_the_call", "topics", "Jobs, News", R"(["Jobs","News"])"},
	{"options_unknown", "topics", "news, Sports", R"(["News","Sports"])"},
	{"option_with_comma", "topics", "art, music", R"(["Art, Music"])"},
	{"option_with_comma_quoted", "topics", R"("Art, Music", jobs)", R"(["Art, Music","Jobs"])"},
	{"option_with_comma_in_array", "topics", R"({"Art, Music",Jobs})", R"(["Art, Music","Jobs"])"},
	{"option_with_comma_in_semicolons", "topics", "Art, Music;Jobs", R"(["Art","Music;Jobs"])"},
	{"options_array", "topics", R"(=["jobs"])", R"(["Jobs"])"},
	{"options_empty", "topics", "{}", "[]"},
};

std::string
cell_of(const std::string &cell)
{
	return cell[0] == '=' ? cell.substr(1) : json_text(cell);
}

TABLE_TEST(ListCell, kLists)
{
	EXPECT_EQ(cell_value(row.column, cell_of(row.cell)), row.value);
}

TEST(ListCell, takes_the_separator_that_it_is_told)
{
	RowCall call(R"(["topics"])");
	ASSERT_EQ(call.match(), CU_OK);
	RowCall told(R"(["tags"])");
	ASSERT_EQ(told.read("[null]"), CU_OK);
	told.columns[0].separator = ';';
	const cu_row_reader *reader = nullptr;
	ASSERT_EQ(cu_prepare_reader(told.host.get(), told.definitions, told.columns.data(), 1, &told.options, &reader),
			  CU_OK);
	const JsonDocument cells(R"(["a, b; c|d"])");
	ASSERT_EQ(cu_read_row(told.host.get(), reader, cells.root().items, &told.row), CU_OK);
	EXPECT_EQ(write_json(told.row.request.root), R"({"tags":["a, b","c|d"],"fields":{},"partial_update":true})");
}

const char *const kTagsAsOptions = R"({
	"status_policy": "api",
	"fields": [{"merge_tag": "topics", "label": "Topics", "type": "DROPDOWN_MULTIPLE",
		"options": ["a", "b", "a;b", "c;d", "X", "x"], "required": false, "tracked": false}],
	"tags": [[1, "a"], [2, "b"], [3, "a,b"], [4, "c,d"]]
})";

std::string
outcome_of_list(const char *column, const char *cell)
{
	RowCall call(R"(["email_address", ")" + std::string(column) + "\"]", kTagsAsOptions);
	return call.outcome("null", R"(["x@x.org", )" + json_text(cell) + "]");
}

TEST(ListCell, is_a_name_with_a_separator_only_if_that_is_the_only_reading)
{
	EXPECT_EQ(outcome_of_list("tags", "C,D"), "CREATED SUBSCRIBED [4] {}");
	EXPECT_EQ(outcome_of_list("tags", "a,b"),
			  "INVALID_REQUEST: tags must be an array of tag IDs or names. [It can be one item or several: write it in "
			  "quotes if it is one.]");
	EXPECT_EQ(outcome_of_list("tags", "\"a,b\""), "CREATED SUBSCRIBED [3] {}");
	EXPECT_EQ(outcome_of_list("tags", "b,a"), "CREATED SUBSCRIBED [1,2] {}");
	EXPECT_EQ(outcome_of_list("topics", "c;d"), R"(CREATED SUBSCRIBED [] {"topics":["c;d"]})");
	EXPECT_EQ(outcome_of_list("topics", "x"), R"(CREATED SUBSCRIBED [] {"topics":["x"]})");
}

TEST(ListCell, that_is_no_list_says_why)
{
	const std::string message = "INVALID_REQUEST: tags must be an array of tag IDs or names. [";
	EXPECT_EQ(outcome_of_list("tags", "x;y|z"),
			  message + "It has both ; and |: say which one separates the items, separator => ';'.]");
	EXPECT_EQ(outcome_of_list("tags", "\"x"),
			  message + "Its quotes do not match: write \"a\",\"b c\", and a quote inside as two.]");
	EXPECT_EQ(outcome_of_list("tags", "{x"),
			  message + "It begins like an array and is none: write {a,\"b c\"}, [\"a\",\"b c\"], or a,\"b c\".]");
}

struct SeparatorRow
{
	const char *name;
	const char *cell;
	unsigned separators;
};

const SeparatorRow kSeparators[] = {
	{"none", "a b", 0},
	{"empty", "", 0},
	{"comma", "a,b", CU_HAS_COMMA},
	{"semicolon", "a;b", CU_HAS_SEMICOLON},
	{"bar", "a|b", CU_HAS_BAR},
	{"all", "a|b;c,d", CU_HAS_COMMA | CU_HAS_SEMICOLON | CU_HAS_BAR},
	{"in_quotes", R"("a,b")", 0},
	{"between_quotes", R"("a,b";"c|d")", CU_HAS_SEMICOLON},
	{"in_quotes_with_quotes", R"("a"",b" | c)", CU_HAS_BAR},
	{"quotes_inside", R"(5",6)", CU_HAS_COMMA},
	{"open_quotes", R"("a;b)", CU_HAS_SEMICOLON},
	{"behind_open_quotes", R"(x|"a;b)", CU_HAS_SEMICOLON | CU_HAS_BAR},
};

TABLE_TEST(ListSeparators, kSeparators)
{
	cu_json cell{};
	cell.kind = CU_JSON_STRING;
	cell.text = {row.cell, std::string_view(row.cell).size()};
	EXPECT_EQ(cu_list_separators(&cell), row.separators);
}

TEST(ListSeparators, make_the_separator_of_a_column)
{
	EXPECT_EQ(cu_separator_of(0), ',');
	EXPECT_EQ(cu_separator_of(CU_HAS_COMMA | CU_HAS_SEMICOLON), ',');
	EXPECT_EQ(cu_separator_of(CU_HAS_SEMICOLON), ';');
	EXPECT_EQ(cu_separator_of(CU_HAS_BAR), '|');
	EXPECT_EQ(cu_separator_of(CU_HAS_SEMICOLON | CU_HAS_BAR), '\0');
	const JsonDocument array(R"(["a,b"])");
	EXPECT_EQ(cu_list_separators(&array.root()), 0U);
}

} // namespace
