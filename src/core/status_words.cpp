/*
 * status_words.cpp - find_status(): a table of the words of other systems. A word is in it only if there is one status that it can mean:
 * "inactive", "disabled" and "non-subscribed" are not.
 */
#include "status_words.hpp"

#include "text.hpp"

#include <algorithm>
#include <iterator>

namespace contact {

namespace {

struct StatusWord
{
	std::string_view word; /* in lower case, without white space, "_" and "-" */
	cu_status status;
};

constexpr StatusWord kWords[] = {
	{"subscribed", CU_SUBSCRIBED},	  {"active", CU_SUBSCRIBED},		{"confirmed", CU_SUBSCRIBED},
	{"optedin", CU_SUBSCRIBED},		  {"optin", CU_SUBSCRIBED},			{"unsubscribed", CU_UNSUBSCRIBED},
	{"enabled", CU_SUBSCRIBED},		  {"optedout", CU_UNSUBSCRIBED},	{"optout", CU_UNSUBSCRIBED},
	{"blocklisted", CU_UNSUBSCRIBED}, {"blacklisted", CU_UNSUBSCRIBED}, {"suppressed", CU_UNSUBSCRIBED},
	{"unconfirmed", CU_UNCONFIRMED},  {"notconfirmed", CU_UNCONFIRMED}, {"pending", CU_UNCONFIRMED},
	{"cleaned", CU_CLEANED},		  {"bounced", CU_CLEANED},			{"hardbounced", CU_CLEANED},
	{"hardbounce", CU_CLEANED},		  {"unreachable", CU_CLEANED},		{"undeliverable", CU_CLEANED},
	{"complained", CU_COMPLAINED},	  {"complaint", CU_COMPLAINED},		{"spam", CU_COMPLAINED},
	{"markedasspam", CU_COMPLAINED},  {"spamcomplaint", CU_COMPLAINED}, {"abuse", CU_COMPLAINED},
	{"junk", CU_COMPLAINED},
};

constexpr std::size_t kMaxWordBytes = 16;

} // namespace

std::optional<cu_status>
find_status(std::string_view word) noexcept
{
	char buffer[kMaxWordBytes];
	std::size_t size = 0;
	while (!word.empty())
	{
		const auto next = decode(word);
		const bool counts = next.value != U'_' && next.value != U'-' && !is_white_space(next.value);
		if (next.size == 0 || (counts && (size == kMaxWordBytes || next.value >= 0x80)))
			return std::nullopt;
		if (counts)
			buffer[size++] = to_lower_ascii(word[0]);
		word.remove_prefix(next.size);
	}
	const auto *found = std::ranges::find(kWords, std::string_view(buffer, size), &StatusWord::word);
	return found == std::end(kWords) ? std::nullopt : std::optional(found->status);
}

} // namespace contact
