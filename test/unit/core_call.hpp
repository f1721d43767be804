/*
 * core_call.hpp - calls the core as PostgreSQL's half does, and describes what came out in one line.
 *
 * TestHost gives each allocation a block of its own, so that AddressSanitizer sees every byte beyond it, and can fail or
 * interrupt at a chosen point.
 */
#pragma once

#include "json_document.hpp"

#include "core/contact_core.h"

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

class TestHost
{
public:
	TestHost() : host_{this, allocate, is_interrupted} {}
	TestHost(const TestHost &) = delete;
	TestHost &operator=(const TestHost &) = delete;

	const cu_host *get() const { return &host_; }

	/* The allocation, or the poll, with that number (from 1) fails, or interrupts; 0: none. */
	std::size_t fail_at = 0;
	std::size_t interrupt_at = 0;

	std::size_t allocations = 0;
	std::size_t bytes = 0;
	std::size_t polls = 0;

private:
	struct Free
	{
		void operator()(void *memory) const { std::free(memory); }
	};

	static void *allocate(void *context, std::size_t size);
	static bool is_interrupted(void *context);

	cu_host host_;
	std::vector<std::unique_ptr<void, Free>> blocks_;
};

/* The workspace of most tests: every type of field, tags 1 newsletter, 2 vip, 7 Übermut. */
extern const char *const kDefinitions;

/* The same under the status policy guarded. */
std::string guarded_definitions();

/* What a workspace defines, from {"status_policy":..,"fields":[{..}],"tags":[[id,"name"]..]}; it points into that. */
class WorkspaceSource
{
public:
	/* Returns CU_INTERNAL_ERROR for JSON that describes no workspace, else as cu_load_definitions does. */
	cu_result load(const cu_host *host, const cu_json &source, const cu_definitions **definitions);

private:
	bool read_field(const cu_json &source);

	std::vector<cu_field> fields_;
	std::vector<cu_tag> tags_;
};

/* A contact from {"version":..,"status":..,"tags":[..],"data":{..}}; the version is 1 if it is omitted. */
class StoredContact
{
public:
	explicit StoredContact(const cu_json &source);
	StoredContact(StoredContact &&) = default;

	/* Keeps the rule that the table has for its data: other data becomes empty. */
	void drop_data_that_cannot_be_stored();

	const cu_contact *get() const { return exists_ ? &contact_ : nullptr; }

private:
	bool exists_;
	cu_contact contact_{};
	std::vector<std::int64_t> tag_ids_;
};

/* One request, from its JSON text to the decision. */
class CoreCall
{
public:
	/* contact: as for StoredContact, or "null" */
	CoreCall(std::string_view definitions, std::string_view contact, std::string_view request);

	/* Runs it and returns the result of the first step that did not return CU_OK. */
	cu_result run();

	/* "CREATED SUBSCRIBED [1,2] {...}", or "TAG_NOT_FOUND (tags, 9): message". */
	std::string outcome();

	/* "TAG_ADDED 1; FIELD_UPDATED age null -> 3" */
	std::string events();

	/* "age null -> 3; +1 -2", whether tracked or not */
	std::string changes();

	TestHost host;
	cu_decide_options options{};
	cu_text email{};
	cu_decision decision{};
	cu_error error{};

private:
	JsonDocument definitions_;
	WorkspaceSource workspace_;
	JsonDocument contact_;
	JsonDocument request_;
	StoredContact existing_;
};

/* The tags as JSON: ids, and names of those that are to be created. */
std::string describe_tags(const cu_tag *tags, std::size_t count);

std::string outcome_of(std::string_view contact, std::string_view request);
std::string outcome_of(std::string_view definitions, std::string_view contact, std::string_view request);

/* A request that creates tywin@example.com with these further members. */
std::string request_with(std::string_view members);
