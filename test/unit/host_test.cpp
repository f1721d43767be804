/* host_test.cpp - what the core makes of a host that has no memory or wants to stop. */
#include "core_call.hpp"

#include <gtest/gtest.h>

namespace {

const char *const kContact = R"({"status": "SUBSCRIBED", "tags": [1, 7], "data": {"age": 1, "first_name": "Tywin"}})";

/* Long enough to need memory in each step. */
std::string
long_request(const std::string &mode)
{
	std::string names;
	for (int i = 0; i < 300; i++)
		names += ", \"Tag " + std::to_string(i) + "\"";
	return R"({"email_address": "TYWIN@EXAMPLE.COM", "create_tags": true, "partial_update": true, "tags": [2)" + names +
		   R"(], "remove_tags": ["TAG 3"], "fields": {"age": 2, "topics": "Jobs,News,Jobs", "country": "de",
		   "birthday": "2024-02-15T10:30:00+01:00", "first_name": "Tyrion", "last_name": ""}, "mode": ")" +
		   mode + "\"}";
}

/* The request decides on tags, data and events: without them, nothing was written. */
bool
is_untouched(const cu_decision &decision)
{
	return decision.data.kind == CU_JSON_NULL && decision.tags == nullptr && decision.tag_count == 0 &&
		   decision.events == nullptr && decision.event_count == 0;
}

class HostOfMode : public testing::TestWithParam<const char *>
{};
INSTANTIATE_TEST_SUITE_P(modes, HostOfMode, testing::Values("upsert", "create", "update", "fill"));

TEST_P(HostOfMode, may_fail_at_any_allocation)
{
	const auto request = long_request(GetParam());
	std::size_t failures = 0;
	for (std::size_t n = 1;; n++)
	{
		CoreCall call(kDefinitions, kContact, request);
		call.host.fail_at = n;
		const auto result = call.run();
		if (call.host.allocations < n)
		{
			EXPECT_EQ(result, CU_OK);
			break;
		}
		ASSERT_EQ(result, CU_OUT_OF_MEMORY) << n;
		ASSERT_TRUE(is_untouched(call.decision)) << n;
		failures++;
	}
	EXPECT_GE(failures, 6U);
}

TEST_P(HostOfMode, may_interrupt_at_any_poll)
{
	const auto request = long_request(GetParam());
	std::size_t interrupts = 0;
	for (std::size_t n = 1;; n++)
	{
		CoreCall call(kDefinitions, kContact, request);
		call.host.interrupt_at = n;
		const auto result = call.run();
		if (call.host.polls < n)
		{
			EXPECT_EQ(result, CU_OK);
			break;
		}
		ASSERT_EQ(result, CU_INTERRUPTED) << n;
		ASSERT_TRUE(is_untouched(call.decision)) << n;
		interrupts++;
	}
	EXPECT_GE(interrupts, 300U);
}

TEST(Host, without_memory_fails_the_small_functions_too)
{
	TestHost host;
	host.fail_at = 1;
	cu_text folded{};
	EXPECT_EQ(cu_fold_case(host.get(), {"ABC", 3}, &folded), CU_OUT_OF_MEMORY);
	EXPECT_EQ(folded.data, nullptr);

	host.fail_at = 2;
	const JsonDocument options(R"(["a"])");
	bool valid = false;
	EXPECT_EQ(cu_is_field_value(host.get(), CU_DROPDOWN_SINGLE, &options.root(), &options.root().items[0], &valid),
			  CU_OUT_OF_MEMORY);
	EXPECT_FALSE(valid);
}

TEST(Host, need_not_give_memory_for_a_refusal)
{
	TestHost host;
	bool valid = true;
	const JsonDocument value("{}");
	ASSERT_EQ(cu_is_field_value(host.get(), CU_NUMBER, nullptr, &value.root(), &valid), CU_OK);
	EXPECT_FALSE(valid);
}

} // namespace
