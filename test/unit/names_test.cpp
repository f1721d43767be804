/* names_test.cpp - the names of the ABI's enums. */
#include "core/contact_core.h"

#include <gtest/gtest.h>

namespace {

TEST(Names, of_each_value)
{
	EXPECT_STREQ(cu_status_name(CU_SUBSCRIBED), "SUBSCRIBED");
	EXPECT_STREQ(cu_status_name(CU_UNSUBSCRIBED), "UNSUBSCRIBED");
	EXPECT_STREQ(cu_status_name(CU_UNCONFIRMED), "UNCONFIRMED");
	EXPECT_STREQ(cu_status_name(CU_CLEANED), "CLEANED");
	EXPECT_STREQ(cu_status_name(CU_COMPLAINED), "COMPLAINED");
	EXPECT_STREQ(cu_field_type_name(CU_TEXT), "TEXT");
	EXPECT_STREQ(cu_field_type_name(CU_DROPDOWN_MULTIPLE), "DROPDOWN_MULTIPLE");
	EXPECT_STREQ(cu_field_type_name(CU_COUNTRY), "COUNTRY");
	EXPECT_STREQ(cu_event_type_name(CU_CONTACT_SUBSCRIBED_PENDING), "CONTACT_SUBSCRIBED_PENDING");
	EXPECT_STREQ(cu_event_type_name(CU_FIELD_UPDATED), "FIELD_UPDATED");
	EXPECT_STREQ(cu_code_name(CU_INVALID_REQUEST), "INVALID_REQUEST");
	EXPECT_STREQ(cu_code_name(CU_NOT_INSTALLED), "NOT_INSTALLED");
}

TEST(Names, of_no_value)
{
	EXPECT_EQ(cu_status_name(static_cast<cu_status>(CU_STATUS_COUNT)), nullptr);
	EXPECT_EQ(cu_field_type_name(static_cast<cu_field_type>(CU_FIELD_TYPE_COUNT)), nullptr);
	EXPECT_EQ(cu_code_name(static_cast<cu_code>(CU_NOT_INSTALLED + 1)), nullptr);
}

} // namespace
