/*
 * checks.cpp - calls the steps of each topic in the order of errors, which is why the steps of one topic do not stand together.
 */
#include "checks.hpp"

#include "evidence.hpp"
#include "if_version.hpp"
#include "mode.hpp"

namespace contact {

namespace {

/* What the request says of the contact, whatever becomes of it. */
cu_result
read_content(Arena &arena, const Case &of, Plan &plan, cu_error &error)
{
	auto result = find_fields(arena, of.definitions, of.request.fields, plan.assignments, error);
	if (result == CU_OK)
		result = read_status(of.request.status, plan.given_status, error);
	if (result == CU_OK)
		result = read_fields(arena, before(of), plan.assignments, error);
	if (result == CU_OK)
		result = read_tags(arena, of.definitions, of.request, plan.tags, error);
	return result;
}

cu_result
check_required(Arena &arena, const Case &of, Plan &plan, cu_error &error)
{
	if (plan.skips || plan.fills || of.options.restores)
		return CU_OK;
	return plan.keep ? check_not_cleared(plan.assignments, error)
					 : complete_fields(arena, of.definitions, plan.assignments, error);
}

} // namespace

Before
before(const Case &of) noexcept
{
	return {of.existing == nullptr ? nullptr : &of.existing->data, of.options.cells};
}

cu_result
read_manner(Arena &arena, const Case &of, Plan &plan, cu_error &error)
{
	const bool exists = of.existing != nullptr;
	Mode mode{};
	auto result = read_mode(of.request.mode, mode, error);
	bool partial = false;
	if (result == CU_OK)
		result = read_flag(of.request.partial_update, "partial_update", partial, error);
	if (result != CU_OK)
		return result;
	plan.skips = leaves_alone(mode, exists);
	plan.fills = mode == Mode::fill && exists;
	plan.keep = exists && (partial || plan.fills);
	if (plan.fills)
	{
		keep_values(of.existing->data, plan.assignments);
		only_add(arena, plan.tags);
		plan.given_status.reset();
	}
	return CU_OK;
}

cu_result
check_status(const Case &of, Plan &plan, cu_error &error) noexcept
{
	const bool guarded = of.definitions.guarded && !of.options.restores;
	bool resubscribe = false;
	const auto result = read_flag(of.request.resubscribe, "resubscribe", resubscribe, error);
	if (result != CU_OK || plan.skips)
		return result;
	if (of.existing == nullptr)
		return choose_status({plan.given_status, guarded && of.options.suppressed, resubscribe}, plan.status, error);
	return change_status({of.existing->status, plan.given_status, plan.keep, guarded, resubscribe}, plan.status, error);
}

cu_result
check_if_version(const Case &of, const Plan &plan, cu_error &error) noexcept
{
	std::optional<std::int64_t> expected;
	const auto result = read_if_version(of.request.if_version, expected, error);
	return result != CU_OK || plan.skips ? result : check_version(expected, of.existing, error);
}

cu_result
check(Arena &arena, const Case &of, Plan &plan, cu_error &error)
{
	auto result = read_content(arena, of, plan, error);
	if (result == CU_OK)
		result = read_manner(arena, of, plan, error);
	if (result == CU_OK)
		result = check_required(arena, of, plan, error);
	if (result == CU_OK)
		result = check_status(of, plan, error);
	if (result == CU_OK)
		result = check_if_version(of, plan, error);
	if (result == CU_OK)
		result = check_evidence(of.request, error);
	return result;
}

} // namespace contact
