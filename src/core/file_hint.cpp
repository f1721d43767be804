/*
 * file_hint.cpp - set_file_hint(): the hints of errors whose own speak of JSON.
 */
#include "file_hint.hpp"

#include "rejection.hpp"
#include "text.hpp"

#include <span>
#include <string_view>

namespace contact {

namespace {

/* The separator of lists that a name has in it, as it is written in a call; empty if it has none. */
std::string_view
separator_in(std::string_view name) noexcept
{
	if (name.find(';') != std::string_view::npos)
		return "';'";
	if (name.find('|') != std::string_view::npos)
		return "'|'";
	return name.find(',') != std::string_view::npos ? "','" : std::string_view();
}

void
set_tag_hint(const cu_error &error, ErrorText &hint) noexcept
{
	const auto separator = error.tag_is_id ? std::string_view() : separator_in(error.tag);
	if (!separator.empty())
		hint.append("If these are several tags, say separator => ")
			.append(separator)
			.append(". If it is one: define it");
	else
		hint.append("Define the tag");
	hint.append(error.tag_is_id ? ", or take its number out of the cell."
								: ", correct the cell, or say create_tags => true.");
}

void
set_option_hint(const cu_error &error, ErrorText &hint) noexcept
{
	hint.append(error.type == CU_DROPDOWN_SINGLE ? "Write one of these options:" : "Write some of these options:");
	std::string_view separator = " ";
	for (const auto &option : std::span(error.options, error.option_count))
	{
		hint.append(separator).append(view(option.text));
		separator = ", ";
	}
	hint.append(".");
}

} // namespace

void
set_file_hint(cu_error &error, cu_text hint_of_cell) noexcept
{
	if (hint_of_cell.size > 0)
		ErrorText(error.hint).append(view(hint_of_cell));
	else if (error.code == CU_EMAIL_REQUIRED)
		ErrorText(error.hint).append("Write an address into the cell, or leave the row out.");
	else if (error.code == CU_FIELD_REQUIRED)
		ErrorText(error.hint)
			.append("Write a value into the cell of ")
			.append(error.merge_tag)
			.append("; a blank is none.");
	else if (error.code == CU_RESUBSCRIBE_REFUSED)
		ErrorText(error.hint)
			.append(
				"A file resubscribes nobody: write UNSUBSCRIBED. With the contact's consent, contact_upsert() does, by "
				R"("resubscribe": true.)");
	else if (error.code == CU_TAG_NOT_FOUND)
	{
		ErrorText hint(error.hint);
		set_tag_hint(error, hint);
	}
	else if (error.code == CU_FIELD_INVALID && error.options != nullptr)
	{
		ErrorText hint(error.hint);
		set_option_hint(error, hint);
	}
}

} // namespace contact
