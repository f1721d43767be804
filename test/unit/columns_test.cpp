/* columns_test.cpp - docs/files.md, "Column names": what the columns of a file are, by their names. */
#include "row_call.hpp"
#include "table.hpp"

namespace {

const char *const kFields = R"({
	"status_policy": "api",
	"fields": [
		{"merge_tag": "email_address", "label": "Email Address", "type": "TEXT", "required": true, "tracked": false},
		{"merge_tag": "first_name", "label": "First Name", "type": "TEXT", "required": false, "tracked": false},
		{"merge_tag": "prenom", "label": "Prénom", "type": "TEXT", "required": false, "tracked": false},
		{"merge_tag": "status", "label": "Order Status", "type": "TEXT", "required": false, "tracked": false},
		{"merge_tag": "ref", "label": "Source", "type": "TEXT", "required": false, "tracked": false},
		{"merge_tag": "size_1", "label": "Size", "type": "TEXT", "required": false, "tracked": false},
		{"merge_tag": "size_2", "label": "size", "type": "TEXT", "required": false, "tracked": false},
		{"merge_tag": "optin_time", "label": "Signed up", "type": "DATE", "required": false, "tracked": false},
		{"merge_tag": "dashes", "label": "---", "type": "TEXT", "required": false, "tracked": false}
	],
	"tags": []
})";

struct ColumnsRow
{
	const char *name;
	const char *names;
	const char *targets;
	const char *found;
};

const ColumnsRow kColumns[] = {
	{"merge_tags",
	 R"(["email_address", "first_name", "tags", "add_tags", "remove_tags", "created_at", "source"])",
	 "null",
	 "email_address, first_name, tags, add_tags, remove_tags, created_at, source"},
	{"labels", R"(["Email Address", "First Name"])", "null", "email_address (label), first_name (label)"},
	{"folded",
	 R"(["EMAIL ADDRESS", "FIRST-NAME", "Signed_Up", "Tags", "Created At", "add-tags"])",
	 "null",
	 "email_address (folded), first_name (folded), optin_time (folded), tags (folded), created_at (folded), add_tags "
	 "(folded)"},
	{"accents", "[\"email_address\", \"PRE\xCC\x81NOM\"]", "null", "email_address, prenom (folded)"},
	{"no_break_hyphen", "[\"email_address\", \"First\xE2\x80\x91name\"]", "null", "email_address, first_name (folded)"},
	{"white_space_and_bom",
	 "[\"\xEF\xBB\xBF email_address \", \" First Name\"]",
	 "null",
	 "email_address, first_name (label)"},
	{"merge_tag_wins",
	 R"(["email_address", "status", "contact.status"])",
	 "null",
	 "email_address, status, contact.status"},
	{"own_by_prefix", R"(["contact.email_address", "contact.tags"])", "null", "email_address, tags"},
	{"label_beside_own_name", R"(["email_address", "Source", "source"])", "null", "email_address, ref (label), source"},
	{"own_name_or_label", R"(["email_address", "SOURCE"])", "null", "email_address, - ambiguous: ref?"},
	{"labels_alike",
	 R"(["email_address", "Size", "size", "SIZE"])",
	 "null",
	 "email_address, size_1 (label), size_2 (label), - ambiguous: size_1?"},
	{"same_target",
	 R"(["email_address", "First Name", "first_name"])",
	 "null",
	 "email_address, first_name (label), first_name duplicate of 1"},
	{"same_name", R"(["email_address", "email_address"])", "null", "email_address, email_address duplicate of 0"},
	{"no_address", R"(["first_name"])", "null", "first_name; no address"},
	{"unknown",
	 R"(["email_address", "Frist Name", "Notes", "tag", "Sttus"])",
	 "null",
	 "email_address, - unknown: first_name?, - unknown, - unknown: tags?, - unknown: status?"},
	{"blank", R"(["email_address", "", " ", "___"])", "null", "email_address, - unknown, - unknown, - unknown"},
	{"symbols", R"(["email_address", "---"])", "null", "email_address, dashes (label)"},
	{"told",
	 R"(["email_address", "Opt-in Time", "Notes"])",
	 R"({"Opt-in Time": "optin_time", "Notes": null})",
	 "email_address, optin_time (told), - (told)"},
	{"told_label",
	 R"(["E-mail", "Mail 2"])",
	 R"({"Mail 2": "Email Address", "E-mail": null})",
	 "- (told), email_address (told)"},
	{"told_own",
	 R"(["email_address", "a", "b"])",
	 R"({"a": "contact.status", "b": "Tags"})",
	 "email_address, contact.status (told), tags (told)"},
	{"told_against_name",
	 R"(["email_address", "first_name"])",
	 R"({"first_name": "prenom"})",
	 "email_address, prenom (told)"},
	{"told_twice",
	 R"(["email_address", "a", "b"])",
	 R"({"a": "prenom", "b": "prenom"})",
	 "email_address, prenom (told), prenom (told) duplicate of 1"},
	{"told_unknown",
	 R"(["email_address", "a"])",
	 R"({"a": "frist_name"})",
	 "email_address, - (told) bad target frist_name: first_name?"},
	{"told_ambiguous",
	 R"(["email_address", "a"])",
	 R"({"a": "SIZE"})",
	 "email_address, - (told) bad target SIZE: size_1?"},
	{"told_number", R"(["email_address", "a"])", R"({"a": 1})", "email_address, - (told) bad target "},
	{"told_unused",
	 R"(["email_address"])",
	 R"({"Email_Address": "tags", "x": null})",
	 "email_address; unused x; unused Email_Address"},
	{"told_nothing", R"(["email_address"])", "{}", "email_address"},
	{"told_no_object", R"(["email_address"])", "[]", "email_address"},

	{"email", R"(["Email"])", "null", "email_address (address)"},
	{"e_mail", R"(["E-mail"])", "null", "email_address (address)"},
	{"e_mail_underscore", R"(["e_mail"])", "null", "email_address (address)"},
	{"email_upper", R"(["EMail"])", "null", "email_address (address)"},
	{"google",
	 R"(["Name", "E-mail 1 - Type", "E-mail 1 - Value", "E-mail 2 - Value"])",
	 "null",
	 "- unknown, - unknown, email_address (address), - unknown"},
	{"outlook",
	 R"(["E-mail Address", "E-mail 2 Address", "E-mail Type"])",
	 "null",
	 "email_address (folded), - unknown: email_address?, - unknown"},
	{"subscriber", R"(["Subscriber Email"])", "null", "email_address (address)"},
	{"primary", R"(["Primary Email"])", "null", "email_address (address)"},
	{"primary_address", R"(["Primary e-mail address"])", "null", "email_address (address)"},
	{"german", R"(["E-Mail-Adresse"])", "null", "email_address (address)"},
	{"french", R"(["Adresse e-mail"])", "null", "email_address (address)"},
	{"spanish", R"(["Correo electrónico"])", "null", "email_address (address)"},
	{"plain_is_surer",
	 R"(["Primary Email", "Email", "Email 1"])",
	 "null",
	 "- unknown: email_address?, email_address (address), - unknown: email_address?"},
	{"name_is_surer", R"(["Email", "Email Address"])", "null", "- unknown: email_address?, email_address (label)"},
	{"told_is_surer",
	 R"(["Email", "Login"])",
	 R"({"Login": "email_address"})",
	 "- unknown: email_address?, email_address (told)"},
	{"two_addresses",
	 R"(["Email", "E-Mail"])",
	 "null",
	 "email_address (address), email_address (address) duplicate of 0"},
	{"work_email", R"(["Work Email"])", "null", "- unknown; no address"},
	{"email_opt_in", R"(["Email Opt-in"])", "null", "- unknown; no address"},
};

TABLE_TEST(Columns, kColumns)
{
	RowCall call(row.names, kFields, row.targets);
	EXPECT_EQ(call.columns_found(), row.found);
	const std::string_view found = row.found;
	const bool good = found.find("unknown") == found.npos && found.find("duplicate") == found.npos &&
					  found.find("bad") == found.npos && found.find("ambiguous") == found.npos &&
					  found.find("unused") == found.npos;
	EXPECT_EQ(call.matching.has_problems, !good);
}

TEST(Columns, are_found_again_by_the_names_of_their_targets)
{
	RowCall call(R"(["email_address", "First Name", "contact.status", "status", "TAGS", "source"])", kFields);
	ASSERT_EQ(call.match(), CU_OK);
	for (const auto &column : call.columns)
	{
		const auto name = std::string(view_text(cu_target_name(call.definitions, &column)));
		RowCall again("[" + json_text(name) + "]", kFields);
		ASSERT_EQ(again.match(), CU_OK);
		EXPECT_EQ(again.columns[0].target, column.target) << name;
		EXPECT_EQ(view_text(again.columns[0].merge_tag), view_text(column.merge_tag)) << name;
		EXPECT_EQ(again.matches[0].kind, CU_MATCHED_MERGE_TAG) << name;
	}
}

TEST(Columns, have_types)
{
	RowCall call(R"(["email_address", "topics", "age", "tags", "add_tags", "source", "nothing"])");
	ASSERT_EQ(call.match(), CU_OK);
	const cu_field_type types[] = {CU_TEXT, CU_DROPDOWN_MULTIPLE, CU_NUMBER, CU_TEXT, CU_TEXT, CU_TEXT, CU_TEXT};
	const bool lists[] = {false, true, false, true, true, false, false};
	for (std::size_t i = 0; i < call.columns.size(); i++)
	{
		EXPECT_EQ(cu_target_type(call.definitions, &call.columns[i]), types[i]) << i;
		EXPECT_EQ(cu_is_list(call.definitions, &call.columns[i]), lists[i]) << i;
	}
}

struct MergeTagRow
{
	const char *name;
	const char *column;
	const char *merge_tag;
};

const MergeTagRow kMergeTags[] = {
	{"words", "Opt-in Time", "opt_in_time"},
	{"accents", "Prénom (usuel)", "prenom_usuel"},
	{"symbols", " --Net %/year-- ", "net_year"},
	{"digits_first", "2024 goal", "_2024_goal"},
	{"one_letter", "X", "x_"},
	{"underscores", "first__name", "first_name"},
	{"none", "Имя", ""},
	{"empty", "", ""},
	{"long",
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
};

TABLE_TEST(MergeTag, kMergeTags)
{
	TestHost host;
	cu_text merge_tag{};
	ASSERT_EQ(cu_make_merge_tag(host.get(), {row.column, std::string_view(row.column).size()}, &merge_tag), CU_OK);
	EXPECT_EQ(view_text(merge_tag), row.merge_tag);
}

TEST(Columns, may_be_1600_unknown_ones_among_1000_fields)
{
	std::string names = "[\"email_address\"";
	std::string fields;
	for (int i = 0; i < 1600; i++)
		names += ", \"some field called n" + std::to_string(i) + "x\"";
	for (int i = 0; i < 1000; i++)
		fields += std::string(i > 0 ? "," : "") + R"({"merge_tag": "some_field_called_)" + std::to_string(i) +
				  R"(_yy", "label": "Some field )" + std::to_string(i) +
				  R"(", "type": "TEXT", "required": false, "tracked": false})";
	RowCall call(names + "]", R"({"status_policy": "api", "tags": [], "fields": [)" + fields + "]}");
	ASSERT_EQ(call.match(), CU_OK);
	EXPECT_TRUE(call.matching.has_problems);
	EXPECT_EQ(call.matches[5].problem, CU_MATCH_UNKNOWN);
}

} // namespace
