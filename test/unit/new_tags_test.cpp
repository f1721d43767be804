/* new_tags_test.cpp - which tags a request would create: an array creates them all before it runs. */
#include "core_call.hpp"

#include <gtest/gtest.h>

namespace {

class NewTags : public testing::Test
{
protected:
	explicit NewTags() : definitions_source_(kDefinitions)
	{
		EXPECT_EQ(workspace_.load(host_.get(), definitions_source_.root(), &definitions_), CU_OK);
	}

	std::string names_of(std::string_view members)
	{
		const auto *request = read(members);
		const cu_text *names = nullptr;
		std::size_t count = 0;
		EXPECT_EQ(cu_new_tags(host_.get(), definitions_, request, &names, &count), CU_OK);
		std::string text = cu_creates_tags(request) ? "creates" : "creates not";
		for (std::size_t i = 0; i < count; i++)
			text += "|" + std::string(view_text(names[i]));
		return text;
	}

private:
	const cu_parsed_request *read(std::string_view members)
	{
		requests_.push_back(std::make_unique<JsonDocument>(request_with(members)));
		const cu_parsed_request *request = nullptr;
		cu_text email{};
		cu_error error{};
		EXPECT_EQ(cu_parse_request(host_.get(), &requests_.back()->document(), false, &request, &email, &error), CU_OK);
		return request;
	}

	TestHost host_;
	JsonDocument definitions_source_;
	WorkspaceSource workspace_;
	const cu_definitions *definitions_ = nullptr;
	std::vector<std::unique_ptr<JsonDocument>> requests_;
};

TEST_F(NewTags, are_the_names_that_the_decision_would_create)
{
	EXPECT_EQ(names_of(R"("tags": ["new", "VIP", "New", " b "], "add_tags": ["c"], "create_tags": true)"),
			  "creates|new|b|c");
	EXPECT_EQ(names_of(R"("tags": ["new", "c"], "remove_tags": ["NEW"], "create_tags": true)"), "creates|c");
	EXPECT_EQ(names_of(R"("create_tags": true)"), "creates");
}

TEST_F(NewTags, are_none_where_the_tags_are_refused)
{
	EXPECT_EQ(names_of(R"("tags": ["new"])"), "creates not");
	EXPECT_EQ(names_of(R"("tags": ["new"], "create_tags": false)"), "creates not");
	EXPECT_EQ(names_of(R"("tags": ["new"], "create_tags": "true")"), "creates not");
	EXPECT_EQ(names_of(R"("tags": ["new", 99], "create_tags": true)"), "creates");
	EXPECT_EQ(names_of(R"("tags": "new", "create_tags": true)"), "creates");
}

} // namespace
