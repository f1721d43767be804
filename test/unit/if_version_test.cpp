/* if_version_test.cpp - the version that a contact must have, and what is no version. */
#include "core_call.hpp"
#include "table.hpp"

namespace {

const std::string kNone = "INVALID_REQUEST (if_version): if_version must be an integer from 0 to 9223372036854775807.";
const std::string kUnchanged = "UNCHANGED SUBSCRIBED [] {}";
const std::string kCreated = "CREATED SUBSCRIBED [] {}";

std::string
conflict(const std::string &version)
{
	return "VERSION_CONFLICT (if_version): The contact has changed since version " + version + ".";
}

struct Row
{
	const char *name;
	const char *given;
	std::string existing; /* the outcome if the contact has version 3 */
	std::string missing;
};

const Row kRows[] = {
	{"omitted", "null", kUnchanged, kCreated},
	{"the_one", "3", kUnchanged, conflict("3")},
	{"fraction_of_zeros", "3.0", kUnchanged, conflict("3")},
	{"exponent", "3e0", kUnchanged, conflict("3")},
	{"exponent_of_fraction", "0.3E1", kUnchanged, conflict("3")},
	{"negative_exponent", "30e-1", kUnchanged, conflict("3")},
	{"older", "2", conflict("2"), conflict("2")},
	{"newer", "4", conflict("4"), conflict("4")},
	{"none", "0", conflict("0"), kCreated},
	{"negative_zero", "-0", conflict("0"), kCreated},
	{"largest", "9223372036854775807", conflict("9223372036854775807"), conflict("9223372036854775807")},
	{"too_large", "9223372036854775808", kNone, kNone},
	{"far_too_large", "1e300", kNone, kNone},
	{"negative", "-1", kNone, kNone},
	{"smallest", "-9223372036854775808", kNone, kNone},
	{"fraction", "2.5", kNone, kNone},
	{"string", "\"3\"", kNone, kNone},
	{"boolean", "true", kNone, kNone},
	{"array", "[3]", kNone, kNone},
	{"object", "{}", kNone, kNone},
};

TABLE_TEST(IfVersion, kRows)
{
	const auto request = request_with(std::string("\"partial_update\": true, \"if_version\": ") + row.given);
	CoreCall existing(kDefinitions, R"({"version": 3})", request);
	CoreCall missing(kDefinitions, "null", request);
	EXPECT_EQ(existing.outcome(), row.existing);
	EXPECT_EQ(missing.outcome(), row.missing);
	EXPECT_EQ(existing.error.has_version, row.existing.starts_with("VERSION_CONFLICT"));
	EXPECT_EQ(existing.error.version, existing.error.has_version ? 3 : 0);
	EXPECT_EQ(missing.error.has_version, row.missing.starts_with("VERSION_CONFLICT"));
	EXPECT_EQ(missing.error.version, 0);
}

TEST(IfVersion, has_hints)
{
	const auto hint = [](const char *contact, const char *given) {
		CoreCall call(kDefinitions, contact, request_with(std::string("\"if_version\": ") + given));
		EXPECT_EQ(call.run(), CU_REJECTED);
		return std::string(call.error.hint);
	};
	EXPECT_EQ(hint("{}", "\"1\""), "Write the version as a number, without quotes.");
	EXPECT_EQ(hint("{}", "-1"), "It is the version that the contact had when you read it; 0 stands for no contact.");
	EXPECT_EQ(hint("{}", "9"), "Read the contact again: it has version 1 now. Then send what is still to be changed.");
	EXPECT_EQ(
		hint("null", "9"),
		"There is no such contact: it was deleted, or never created. With \"if_version\": 0 the request creates it.");
}

TEST(IfVersion, is_checked_behind_consent_and_before_the_size)
{
	EXPECT_EQ(outcome_of(guarded_definitions(),
						 R"({"status": "CLEANED"})",
						 request_with(R"("status": "SUBSCRIBED", "if_version": "9")")),
			  "RESUBSCRIBE_REFUSED (status): This contact has opted out and cannot be resubscribed without consent.");
	EXPECT_EQ(outcome_of("{}", request_with(R"("if_version": 9, "source": 1)")), conflict("9"));
	EXPECT_EQ(outcome_of("{}", request_with(R"("if_version": "9", "source": 1)")), kNone);
}

TEST(IfVersion, of_a_skipped_contact_is_not_compared_but_must_be_one)
{
	EXPECT_EQ(outcome_of("{}", request_with(R"("mode": "create", "if_version": 9)")), "SKIPPED SUBSCRIBED [] {}");
	EXPECT_EQ(outcome_of("null", request_with(R"("mode": "update", "if_version": 9)")), "SKIPPED SUBSCRIBED [] {}");
	EXPECT_EQ(outcome_of("{}", request_with(R"("mode": "create", "if_version": -9)")), kNone);
}

} // namespace
