/*
 * subscription.cpp - the two status policies.
 */
#include "subscription.hpp"

#include "mode.hpp"
#include "names.hpp"
#include "rejection.hpp"
#include "text.hpp"

namespace contact {

namespace {

cu_status
default_status(const StatusChange &change) noexcept
{
	const bool stays = change.partial || (change.guarded && !is_mailable(change.old_status));
	return stays ? change.old_status : CU_SUBSCRIBED;
}

cu_result
reject_resubscription(std::string_view otherwise, cu_error &error) noexcept
{
	return Rejection(error, CU_RESUBSCRIBE_REFUSED)
		.message({"This contact has opted out and cannot be resubscribed without consent."})
		.hint({"With the contact's consent, add \"resubscribe\": true; otherwise ", otherwise, "."})
		.field("status");
}

} // namespace

bool
is_mailable(cu_status status) noexcept
{
	return status == CU_SUBSCRIBED || status == CU_UNCONFIRMED;
}

cu_result
read_status(const cu_json *given, std::optional<cu_status> &status, cu_error &error) noexcept
{
	if (given == nullptr)
		return CU_OK;
	if (given->kind == CU_JSON_STRING)
		status = value_of<cu_status>(kStatusNames, view(given->text));
	if (status)
		return CU_OK;
	return Rejection(error, CU_STATUS_INVALID)
		.message({"The status you provided is not valid."})
		.hint({"Expected one of these, in upper case:"})
		.hint_list(kStatusNames, [](const char *name) { return std::string_view(name); })
		.field("status");
}

cu_result
change_status(const StatusChange &change, cu_status &status, cu_error &error) noexcept
{
	status = change.given.value_or(default_status(change));
	if (!change.guarded)
		return CU_OK;
	if (!is_mailable(change.old_status) && is_mailable(status) && !change.resubscribe)
		return reject_resubscription("leave status out", error);
	if (change.old_status == CU_SUBSCRIBED && status == CU_UNCONFIRMED)
		status = CU_SUBSCRIBED;
	return CU_OK;
}

cu_result
choose_status(const NewStatus &choice, cu_status &status, cu_error &error) noexcept
{
	status = choice.given.value_or(CU_SUBSCRIBED);
	if (choice.suppressed && is_mailable(status) && !choice.resubscribe)
		return reject_resubscription("give a status that is not mailed, such as UNSUBSCRIBED", error);
	return CU_OK;
}

bool
asks_for_suppression(const cu_definitions &definitions, const cu_parsed_request &request) noexcept
{
	if (!definitions.guarded || leaves_alone(request, false))
		return false;
	const auto *resubscribe = request.resubscribe;
	if (resubscribe != nullptr && resubscribe->kind == CU_JSON_BOOLEAN && resubscribe->boolean)
		return false;
	std::optional<cu_status> status;
	if (request.status != nullptr && request.status->kind == CU_JSON_STRING)
		status = value_of<cu_status>(kStatusNames, view(request.status->text));
	return request.status == nullptr || (status && is_mailable(*status));
}

} // namespace contact
