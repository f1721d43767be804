/*
 * contact_core_fuzz.cpp - runs requests through the C ABI and checks what must hold for each of them.
 *
 * An input that begins with "{" is JSON: {"definitions": .., "contact": .., "request": .., "fail_at": n,
 * "interrupt_at": n}, all optional. Any other is bytes from which trees are built, with text that need not be UTF-8.
 * A broken rule aborts and names itself.
 */
#include "core_call.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace {

void
require(bool holds, const char *rule)
{
	if (holds)
		return;
	std::fprintf(stderr, "contact_core_fuzz: broken rule: %s\n", rule);
	std::abort();
}

cu_text
to_text(std::string_view text)
{
	return {text.data(), text.size()};
}

/* One input of the core. */
struct Input
{
	const cu_json *definitions;
	const cu_contact *contact;
	cu_document request;
	bool is_utf8;
};

/* cu_is_tag_name is the ABI's test of UTF-8; 64 bytes are no more than 64 code points. */
bool
is_utf8(std::string_view text)
{
	while (!text.empty())
	{
		std::size_t size = std::min<std::size_t>(text.size(), 60);
		while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80 && size < 64)
			size++;
		const auto piece = "x" + std::string(text.substr(0, size)) + "x";
		if (!cu_is_tag_name(to_text(piece)) && piece.size() <= 64)
			return false;
		text.remove_prefix(size);
	}
	return true;
}
