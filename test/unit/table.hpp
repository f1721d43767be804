/*
 * table.hpp - tests as tables: each row is a GoogleTest of its own, named by its member name.
 */
#pragma once

#include <gtest/gtest.h>

#include <string>

/* Opens the body of a test that runs for each element of rows; it finds the element as row. */
#define TABLE_TEST(suite, rows)                                                                                \
	class suite : public testing::TestWithParam<std::remove_cvref_t<decltype(rows[0])>>                        \
	{                                                                                                          \
	public:                                                                                                    \
		static void check(const ParamType &row);                                                               \
	};                                                                                                         \
	TEST_P(suite, holds)                                                                                       \
	{                                                                                                          \
		check(GetParam());                                                                                     \
	}                                                                                                          \
	INSTANTIATE_TEST_SUITE_P(                                                                                  \
		table, suite, testing::ValuesIn(rows), [](const auto &test) { return std::string(test.param.name); }); \
	void suite::check(const ParamType &row)
