/*
 * evidence.hpp - source and evidence, which say where a change comes from and are kept with the history alone (docs/api.md, "Source and evidence").
 */
#pragma once

#include "request.hpp"

#include <string_view>

namespace contact {

/* check_evidence checks the shape and size of source and evidence. */
[[nodiscard]] cu_result check_evidence(const cu_parsed_request &request, cu_error &error) noexcept;

/* source_of returns the source; empty if it is omitted. For a request that check_evidence has accepted, as evidence_of is. */
std::string_view source_of(const cu_parsed_request &request) noexcept;

/* evidence_of returns an object with at least one key; nullptr if there is none. */
const cu_json *evidence_of(const cu_parsed_request &request) noexcept;

} // namespace contact
