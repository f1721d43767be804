/*
 * tags.hpp - the tags of a request, and those of the contact afterwards.
 *
 * read_tags checks the request and looks its tags up; merge_tags then cannot reject anything (docs/api.md, "Tags").
 */
#pragma once

#include "definitions.hpp"
#include "request.hpp"

#include <span>

namespace contact {

/* TagRequest is what a request wants done with tags; by id, without duplicates. */
struct TagRequest
{
	bool replaces = false; /* tags was given */
	std::span<const cu_tag *const> wanted;
	std::span<const cu_tag *const> removed;
	std::span<const std::string_view> new_names; /* as spelled first, in that order */
};

struct MergedTags
{
	std::span<const cu_tag> tags; /* by id; those to be created last */
	std::size_t new_count;
	std::span<const cu_tag> added; /* likewise */
	std::span<const cu_tag> removed;
};

/* read_tags reads tags, add_tags, remove_tags and create_tags: first their shape, then each tag. */
[[nodiscard]] cu_result read_tags(Arena &arena, const cu_definitions &definitions, const cu_parsed_request &request,
								  TagRequest &tags, cu_error &error);

/* only_add makes a request take no tag away: what it wants and does not remove again is added. */
void only_add(Arena &arena, TagRequest &request);

/*
 * merge_tags sets the contact's tags. ids: those it has, of which the undefined go, which is no change. keep: whether they stay when the
 * request does not replace them.
 */
[[nodiscard]] cu_result merge_tags(Arena &arena, const cu_definitions &definitions, std::span<const std::int64_t> ids,
								   bool keep, const TagRequest &request, MergedTags &merged);

/* 1 to 64 code points, without white space around them. */
bool is_tag_name(std::string_view text) noexcept;

} // namespace contact
