/* subscription_test.cpp - a contact's status under both policies, for every old status. */
#include "core_call.hpp"
#include "table.hpp"

namespace {

struct CreateRow
{
	const char *name;
	const char *members;
	const char *status;
};

const CreateRow kCreateRows[] = {
	{"omitted", "", "SUBSCRIBED"},
	{"subscribed", R"("status": "SUBSCRIBED")", "SUBSCRIBED"},
	{"unsubscribed", R"("status": "UNSUBSCRIBED")", "UNSUBSCRIBED"},
	{"unconfirmed", R"("status": "UNCONFIRMED")", "UNCONFIRMED"},
	{"cleaned", R"("status": "CLEANED")", "CLEANED"},
	{"complained", R"("status": "COMPLAINED")", "COMPLAINED"},
	{"partial", R"("partial_update": true)", "SUBSCRIBED"},
};

TABLE_TEST(StatusOfCreated, kCreateRows)
{
	for (const auto &definitions : {std::string(kDefinitions), guarded_definitions()})
		EXPECT_EQ(outcome_of(definitions, "null", request_with(row.members)),
				  "CREATED " + std::string(row.status) + " [] {}");
}

constexpr const char *kStatuses[] = {"SUBSCRIBED", "UNSUBSCRIBED", "UNCONFIRMED", "CLEANED", "COMPLAINED"};
constexpr const char *kRefused = "refused";

/* What becomes of a contact of each old status, in the order of kStatuses. */
struct Row
{
	const char *name;
	bool guarded;
	const char *members;
	const char *becomes[CU_STATUS_COUNT];
};

const Row kRows[] = {
	{"api_replace_omitted", false, "", {"SUBSCRIBED", "SUBSCRIBED", "SUBSCRIBED", "SUBSCRIBED", "SUBSCRIBED"}},
	{"api_partial_omitted",
	 false,
	 R"("partial_update": true)",
	 {"SUBSCRIBED", "UNSUBSCRIBED", "UNCONFIRMED", "CLEANED", "COMPLAINED"}},
	{"api_subscribed",
	 false,
	 R"("status": "SUBSCRIBED")",
	 {"SUBSCRIBED", "SUBSCRIBED", "SUBSCRIBED", "SUBSCRIBED", "SUBSCRIBED"}},
	{"api_unconfirmed",
	 false,
	 R"("status": "UNCONFIRMED")",
	 {"UNCONFIRMED", "UNCONFIRMED", "UNCONFIRMED", "UNCONFIRMED", "UNCONFIRMED"}},
	{"guarded_replace_omitted", true, "", {"SUBSCRIBED", "UNSUBSCRIBED", "SUBSCRIBED", "CLEANED", "COMPLAINED"}},
	{"guarded_replace_omitted_resubscribe",
	 true,
	 R"("resubscribe": true)",
	 {"SUBSCRIBED", "UNSUBSCRIBED", "SUBSCRIBED", "CLEANED", "COMPLAINED"}},
	{"guarded_partial_omitted",
	 true,
	 R"("partial_update": true)",
	 {"SUBSCRIBED", "UNSUBSCRIBED", "UNCONFIRMED", "CLEANED", "COMPLAINED"}},
	{"guarded_subscribed",
	 true,
	 R"("status": "SUBSCRIBED")",
	 {"SUBSCRIBED", kRefused, "SUBSCRIBED", kRefused, kRefused}},
	{"guarded_subscribed_partial",
	 true,
	 R"("status": "SUBSCRIBED", "partial_update": true)",
	 {"SUBSCRIBED", kRefused, "SUBSCRIBED", kRefused, kRefused}},
	{"guarded_unconfirmed",
	 true,
	 R"("status": "UNCONFIRMED")",
	 {"SUBSCRIBED", kRefused, "UNCONFIRMED", kRefused, kRefused}},
	{"guarded_subscribed_not_resubscribe",
	 true,
	 R"("status": "SUBSCRIBED", "resubscribe": false)",
	 {"SUBSCRIBED", kRefused, "SUBSCRIBED", kRefused, kRefused}},
	{"guarded_subscribed_resubscribe",
	 true,
	 R"("status": "SUBSCRIBED", "resubscribe": true)",
	 {"SUBSCRIBED", "SUBSCRIBED", "SUBSCRIBED", "SUBSCRIBED", "SUBSCRIBED"}},
	{"guarded_unconfirmed_resubscribe",
	 true,
	 R"("status": "UNCONFIRMED", "resubscribe": true)",
	 {"SUBSCRIBED", "UNCONFIRMED", "UNCONFIRMED", "UNCONFIRMED", "UNCONFIRMED"}},
	{"guarded_unsubscribed",
	 true,
	 R"("status": "UNSUBSCRIBED")",
	 {"UNSUBSCRIBED", "UNSUBSCRIBED", "UNSUBSCRIBED", "UNSUBSCRIBED", "UNSUBSCRIBED"}},
	{"guarded_complained",
	 true,
	 R"("status": "COMPLAINED")",
	 {"COMPLAINED", "COMPLAINED", "COMPLAINED", "COMPLAINED", "COMPLAINED"}},
};

TABLE_TEST(Status, kRows)
{
	const auto definitions = row.guarded ? guarded_definitions() : std::string(kDefinitions);
	for (std::size_t i = 0; i < CU_STATUS_COUNT; i++)
	{
		const std::string old_status = kStatuses[i];
		const std::string becomes = row.becomes[i];
		const auto outcome = old_status == becomes ? "UNCHANGED " : "UPDATED ";
		CoreCall call(definitions, R"({"status": ")" + old_status + "\"}", request_with(row.members));
		EXPECT_EQ(call.outcome(),
				  becomes == kRefused ? "RESUBSCRIBE_REFUSED (status): This contact has opted out and cannot be "
										"resubscribed without consent."
									  : outcome + becomes + " [] {}")
			<< old_status;
		if (becomes != kRefused)
		{
			EXPECT_STREQ(cu_status_name(call.decision.old_status), old_status.c_str());
		}
	}
}

} // namespace
