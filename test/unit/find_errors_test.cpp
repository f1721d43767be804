/* find_errors_test.cpp - all errors of a request, in the order of the checks. */
#include "core_call.hpp"

#include <gtest/gtest.h>

namespace {

const char *const kRequired = R"({
	"status_policy": "guarded",
	"fields": [
		{"merge_tag": "email_address", "label": "Email Address", "type": "TEXT", "required": true, "tracked": false},
		{"merge_tag": "name", "label": "Name", "type": "TEXT", "required": true, "tracked": false},
		{"merge_tag": "age", "label": "Age", "type": "NUMBER", "required": true, "tracked": false},
		{"merge_tag": "size", "label": "Size", "type": "DROPDOWN_SINGLE", "options": ["S", "M"], "default_value": "S",
		 "required": true, "tracked": false},
		{"merge_tag": "born", "label": "Born", "type": "DATE", "required": false, "tracked": false}
	],
	"tags": [[1, "vip"]]
})";

std::string
describe(const cu_error &error)
{
	std::string text = cu_code_name(error.code);
	for (const char *part : {error.field, error.merge_tag, error.tag})
		text += *part == '\0' ? "" : " " + std::string(part);
	return text;
}

/* The errors of a request, one behind the other; the first of them is the one that deciding reports. */
std::string
errors_of(std::string_view contact, std::string_view request, std::size_t room = 100)
{
	TestHost host;
	const JsonDocument definitions(kRequired);
	const JsonDocument source(contact);
	const JsonDocument document(request);
	const StoredContact existing(source.root());
	WorkspaceSource workspace;
	const cu_definitions *loaded = nullptr;
	EXPECT_EQ(workspace.load(host.get(), definitions.root(), &loaded), CU_OK);
	std::vector<cu_error> errors(room);
	std::size_t count = room + 1;
	EXPECT_EQ(
		cu_find_errors(host.get(), loaded, &document.document(), existing.get(), nullptr, errors.data(), room, &count),
		CU_OK);
	EXPECT_LE(count, room);
	std::string text;
	for (std::size_t i = 0; i < count; i++)
		text += (i > 0 ? ", " : "") + describe(errors[i]);

	CoreCall call(kRequired, contact, request);
	const auto result = call.run();
	EXPECT_EQ(result, count == 0 && room > 0 ? CU_OK : CU_REJECTED);
	if (count > 0)
	{
		EXPECT_STREQ(errors[0].message, call.error.message);
		EXPECT_STREQ(errors[0].hint, call.error.hint);
	}
	return text;
}

const char *const kContact = R"({"status": "UNSUBSCRIBED", "tags": [], "data": {"age": 1, "name": "Ann"}})";

TEST(FindErrors, finds_none_in_a_good_request)
{
	EXPECT_EQ(errors_of("null", R"({"email_address": "a@x.org", "fields": {"name": "Ann", "age": 1}})"), "");
}

TEST(FindErrors, finds_all)
{
	EXPECT_EQ(errors_of("null",
						R"({"email_address": "a@x.org", "status": "gone", "tags": ["vip", "x", 7], "add_tags": ["y"],
			"remove_tags": ["z"], "fields": {"a": 1, "born": "x", "size": "XL", "b": 2}, "if_version": 3, "source": 1})"),
			  "FIELD_NOT_FOUND a, FIELD_NOT_FOUND b, STATUS_INVALID status, FIELD_INVALID size, FIELD_INVALID born, "
			  "TAG_NOT_FOUND tags x, TAG_NOT_FOUND tags 7, TAG_NOT_FOUND add_tags y, TAG_NOT_FOUND remove_tags z, "
			  "FIELD_REQUIRED name, FIELD_REQUIRED age, VERSION_CONFLICT if_version, INVALID_REQUEST source");
}

TEST(FindErrors, does_not_miss_a_value_that_was_rejected)
{
	EXPECT_EQ(errors_of("null", R"({"email_address": "a@x.org", "fields": {"name": "Ann", "age": "x"}})"),
			  "FIELD_INVALID age");
}

TEST(FindErrors, of_an_address_hides_no_other_but_those_of_the_contact)
{
	EXPECT_EQ(errors_of("null", R"({"email_address": "x", "fields": {"age": "x"}, "tags": ["x"], "source": 1})"),
			  "EMAIL_INVALID email_address, FIELD_INVALID age, TAG_NOT_FOUND tags x, INVALID_REQUEST source");
	EXPECT_EQ(errors_of("null", R"({"fields": {"age": "x"}})"), "EMAIL_REQUIRED email_address, FIELD_INVALID age");
}

TEST(FindErrors, of_a_contact_that_exists)
{
	EXPECT_EQ(errors_of(kContact, R"({"email_address": "a@x.org", "partial_update": true, "status": "SUBSCRIBED",
		"fields": {"name": "", "age": null}})"),
			  "FIELD_REQUIRED name, FIELD_REQUIRED age, RESUBSCRIBE_REFUSED status");
	EXPECT_EQ(errors_of(kContact, R"({"email_address": "a@x.org", "fields": {"size": ""}})"),
			  "FIELD_REQUIRED name, FIELD_REQUIRED age");
	EXPECT_EQ(errors_of(kContact, R"({"email_address": "a@x.org", "mode": "fill", "fields": {"born": "x"}})"),
			  "FIELD_INVALID born");
	EXPECT_EQ(errors_of(kContact, R"({"email_address": "a@x.org", "mode": "create", "fields": {"born": "x"}})"),
			  "FIELD_INVALID born");
}

TEST(FindErrors, of_the_shape)
{
	EXPECT_EQ(errors_of("null", "[]"), "INVALID_REQUEST");
	EXPECT_EQ(errors_of("null", R"({"email_address": "x", "emailAddress": "y"})"), "INVALID_REQUEST emailAddress");
	EXPECT_EQ(
		errors_of("null", R"({"email_address": "a@x.org", "fields": 1, "tags": "a", "mode": "x", "partial_update": 1,
		"source": 2})"),
		"INVALID_REQUEST fields, INVALID_REQUEST tags, INVALID_REQUEST mode, INVALID_REQUEST source");
	EXPECT_EQ(errors_of("null", R"({"email_address": "a@x.org", "fields": {"name": "A", "age": 1}, "resubscribe": 1})"),
			  "INVALID_REQUEST resubscribe");
}

TEST(FindErrors, of_merging)
{
	std::string name(60000, 'x');
	std::string data = R"({"age": 1, "name": "Ann")";
	for (int i = 0; i < 18; i++)
		data += ", \"old_" + std::to_string(i) + "\": \"" + name + "\"";
	EXPECT_EQ(errors_of(R"({"status": "SUBSCRIBED", "data": )" + data + "}}",
						R"({"email_address": "a@x.org", "partial_update": true, "fields": {"age": 2}})"),
			  "");
}

TEST(FindErrors, stops_when_there_is_no_room)
{
	const char *const request =
		R"({"email_address": "a@x.org", "fields": {"a": 1, "b": 2, "c": 3}, "tags": ["x", "y"]})";
	EXPECT_EQ(errors_of("null", request, 2), "FIELD_NOT_FOUND a, FIELD_NOT_FOUND b");
	EXPECT_EQ(errors_of("null", request, 0), "");
}

TEST(FindErrors, may_fail_and_be_interrupted)
{
	const JsonDocument definitions(kRequired);
	const JsonDocument document(
		R"({"email_address": "a@x.org", "fields": {"a": 1, "born": "x"}, "tags": ["x", "vip"]})");
	for (const bool fails : {true, false})
	{
		std::size_t ended = 0;
		for (std::size_t n = 1;; n++)
		{
			TestHost loading;
			TestHost host;
			WorkspaceSource workspace;
			const cu_definitions *loaded = nullptr;
			ASSERT_EQ(workspace.load(loading.get(), definitions.root(), &loaded), CU_OK);
			(fails ? host.fail_at : host.interrupt_at) = n;
			std::vector<cu_error> errors(10);
			std::size_t count = 11;
			const auto result =
				cu_find_errors(host.get(), loaded, &document.document(), nullptr, nullptr, errors.data(), 10, &count);
			if ((fails ? host.allocations : host.polls) < n)
			{
				EXPECT_EQ(result, CU_OK);
				break;
			}
			ASSERT_EQ(result, fails ? CU_OUT_OF_MEMORY : CU_INTERRUPTED);
			ASSERT_EQ(count, 11U);
			ended++;
		}
		EXPECT_GE(ended, 1U);
	}
}

} // namespace
