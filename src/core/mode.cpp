/*
 * mode.cpp - the names of the modes, and which contacts they leave alone. What fill does with a contact is for the topics to say: keep_values() in
 * fields.hpp, only_add() in tags.hpp.
 */
#include "mode.hpp"

#include "names.hpp"
#include "rejection.hpp"
#include "text.hpp"

namespace contact {

namespace {

constexpr const char *kModeNames[] = {"upsert", "create", "update", "fill"};

/* Nothing for a value that is no mode. */
std::optional<Mode>
mode_of(const cu_json *given) noexcept
{
	if (given == nullptr)
		return Mode::upsert;
	return given->kind == CU_JSON_STRING ? value_of<Mode>(kModeNames, view(given->text)) : std::nullopt;
}

} // namespace

cu_result
read_mode(const cu_json *given, Mode &mode, cu_error &error) noexcept
{
	if (const auto known = mode_of(given))
	{
		mode = *known;
		return CU_OK;
	}
	return Rejection(error, CU_INVALID_REQUEST)
		.message({"mode must be one of upsert, create, update and fill."})
		.hint({"Expected one of these, in lower case:"})
		.hint_list(kModeNames, [](const char *name) { return std::string_view(name); })
		.field("mode")
		.value(*given);
}

bool
leaves_alone(Mode mode, bool exists) noexcept
{
	return (mode == Mode::create && exists) || (mode == Mode::update && !exists);
}

bool
leaves_alone(const cu_parsed_request &request, bool exists) noexcept
{
	const auto mode = mode_of(request.mode);
	return mode && leaves_alone(*mode, exists);
}

} // namespace contact
