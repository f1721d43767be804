/*
 * find_errors.cpp - runs each check of a decision on one field or tag at a time, so that an error hides no other one.
 *
 * A check that goes on after an error goes on without what was at fault: a field whose value was rejected is not missing too. With an
 * unusable address it is not known which contact is meant, so that what depends on the contact is not checked.
 */
#include "find_errors.hpp"

#include "checks.hpp"
#include "decision.hpp"
#include "evidence.hpp"
#include "request.hpp"

#include <algorithm>

namespace contact {

namespace {

/* Findings are the errors so far; what does not fit is dropped. */
class Findings
{
public:
	explicit Findings(std::span<cu_error> errors) noexcept : errors_(errors) {}

	bool is_full() const noexcept { return count_ == errors_.size(); }
	std::size_t count() const noexcept { return count_; }

	/* Where the next error goes. */
	cu_error &next() noexcept { return is_full() ? dropped_ : errors_[count_]; }

	/* Takes a check's result, whose error is next(); false if the search has to end with that result. */
	bool take(cu_result result) noexcept
	{
		if (result == CU_REJECTED && !is_full())
			count_++;
		return result == CU_OK || result == CU_REJECTED;
	}

private:
	std::span<cu_error> errors_;
	std::size_t count_ = 0;
	cu_error dropped_{};
};

class ErrorFinder
{
public:
	ErrorFinder(Arena &arena, const Case &of, bool has_address, Findings &findings)
		: arena_(arena), case_(of), has_address_(has_address), findings_(findings),
		  plan_{false, false, false, std::nullopt, CU_SUBSCRIBED, arena.make_vector<Assignment>(0), {}},
		  at_fault_(arena.make_vector<const Field *>(0))
	{}

	[[nodiscard]] cu_result find()
	{
		auto result = find_unknown_fields();
		if (result == CU_OK)
			result = read_given_status();
		if (result == CU_OK)
			result = find_bad_values();
		if (result == CU_OK)
			result = find_bad_tags();
		if (result == CU_OK)
			result = check_rest();
		return result;
	}

private:
	/* Takes the result of a check; CU_OK if there is more to find. */
	cu_result take(cu_result result) noexcept { return findings_.take(result) ? CU_OK : result; }

	[[nodiscard]] cu_result find_unknown_fields()
	{
		const auto *fields = case_.request.fields;
		if (fields == nullptr || fields->kind != CU_JSON_OBJECT || fields->count > CU_MAX_FIELDS)
			return take(find_fields(arena_, case_.definitions, fields, plan_.assignments, findings_.next()));
		plan_.assignments.reserve(fields->count);
		auto &found = arena_.make_vector<Assignment>(1);
		for (std::size_t i = 0; i < fields->count; i++)
		{
			const auto one = json_object({&fields->keys[i], 1}, {&fields->items[i], 1});
			const auto result = find_fields(arena_, case_.definitions, &one, found, findings_.next());
			if (take(result) != CU_OK)
				return result;
			plan_.assignments.insert(plan_.assignments.end(), found.begin(), found.end());
			found.clear();
		}
		return CU_OK;
	}

	[[nodiscard]] cu_result read_given_status()
	{
		const auto result = read_status(case_.request.status, plan_.given_status, findings_.next());
		has_bad_status_ = result == CU_REJECTED;
		return take(result);
	}

	[[nodiscard]] cu_result find_bad_values()
	{
		auto &good = arena_.make_vector<Assignment>(plan_.assignments.size());
		auto &one = arena_.make_vector<Assignment>(1);
		std::ranges::sort(plan_.assignments, {}, &Assignment::field);
		for (const auto &assignment : plan_.assignments)
		{
			one.assign(1, assignment);
			const auto result = read_fields(arena_, before(case_), one, findings_.next());
			if (take(result) != CU_OK)
				return result;
			if (result == CU_OK)
				good.push_back(one[0]);
			else
				at_fault_.push_back(assignment.field);
		}
		plan_.assignments.swap(good);
		return CU_OK;
	}

	[[nodiscard]] cu_result find_bad_tags()
	{
		const auto result = read_tags(arena_, case_.definitions, case_.request, plan_.tags, findings_.next());
		/* An error without a tag is one of the shape, and the first of them is enough. */
		if (result != CU_REJECTED || !findings_.next().has_tag)
			return take(result);
		plan_.tags = {};
		for (const auto list :
			 {&cu_parsed_request::tags, &cu_parsed_request::add_tags, &cu_parsed_request::remove_tags})
		{
			if (const auto ended = find_bad_tags(list); ended != CU_OK)
				return ended;
		}
		return CU_OK;
	}

	[[nodiscard]] cu_result find_bad_tags(const cu_json *cu_parsed_request::*list)
	{
		if (case_.request.*list == nullptr)
			return CU_OK;
		auto request = case_.request;
		request.tags = request.add_tags = request.remove_tags = nullptr;
		for (const auto &item : elements(*(case_.request.*list)))
		{
			const auto one = json_array({&item, 1});
			TagRequest tags;
			request.*list = &one;
			const auto result = read_tags(arena_, case_.definitions, request, tags, findings_.next());
			if (take(result) != CU_OK)
				return result;
		}
		return CU_OK;
	}

	/* What depends on the contact, and what comes behind it. */
	[[nodiscard]] cu_result check_rest()
	{
		const auto manner = read_manner(arena_, case_, plan_, findings_.next());
		auto result = take(manner);
		const bool knows_contact = has_address_ && manner == CU_OK;
		if (result == CU_OK && knows_contact)
			result = find_missing_values();
		if (result == CU_OK && knows_contact && !has_bad_status_)
			result = take(check_status(case_, plan_, findings_.next()));
		if (result == CU_OK && knows_contact)
			result = take(check_if_version(case_, plan_, findings_.next()));
		if (result == CU_OK)
			result = take(check_evidence(case_.request, findings_.next()));
		return result;
	}

	[[nodiscard]] cu_result find_missing_values()
	{
		if (plan_.skips || plan_.fills || case_.options.restores)
			return CU_OK;
		auto given = plan_.assignments.cbegin();
		for (const auto &field : case_.definitions.fields)
		{
			if (arena_.interrupted())
				return CU_INTERRUPTED;
			const bool is_given = given != plan_.assignments.cend() && given->field == &field;
			const bool has_value = is_given ? given->value.kind != CU_JSON_NULL : plan_.keep;
			given += is_given ? 1 : 0;
			const bool has_default = !plan_.keep && field.default_value.kind != CU_JSON_NULL;
			if (!field.required || has_value || has_default || std::ranges::binary_search(at_fault_, &field))
				continue;
			(void)findings_.take(reject_missing(field, findings_.next()));
		}
		return CU_OK;
	}

	Arena &arena_;
	const Case &case_;
	bool has_address_;
	Findings &findings_;
	Plan plan_;
	std::pmr::vector<const Field *> &at_fault_; /* their values were rejected; in the order of the definitions */
	bool has_bad_status_ = false;
};

} // namespace

cu_result
find_errors(Arena &arena, const cu_definitions &definitions, const cu_document &document, const cu_contact *existing,
			const cu_decide_options &options, std::span<cu_error> errors, std::size_t &count)
{
	Findings findings(errors);
	cu_parsed_request request{};
	auto result = parse_request(arena, document, false, request, findings.next());
	const auto &first = findings.next();
	const bool has_bad_address =
		result == CU_REJECTED && (first.code == CU_EMAIL_REQUIRED || first.code == CU_EMAIL_INVALID);
	const bool has_request = result == CU_OK || has_bad_address;
	if (!findings.take(result))
		return result;
	const Case of{definitions, request, has_bad_address ? nullptr : existing, options};
	result = has_request ? ErrorFinder(arena, of, !has_bad_address, findings).find() : CU_OK;
	if (result == CU_OK && findings.count() == 0)
	{
		/* What is left is what merging rejects. */
		cu_decision decision{};
		result = decide(arena, definitions, request, existing, options, decision, findings.next());
		if (findings.take(result))
			result = CU_OK;
	}
	count = findings.count();
	return result;
}

} // namespace contact
