/*
 * json_document.hpp - JSON text as the core's cu_json, as if it had come through jsonb.
 *
 * Keys are sorted in jsonb's order, the last of equal keys wins, numbers keep their digits. Used by the unit tests and
 * the fuzzer, never by the extension.
 */
#pragma once

#include "core/contact_core.h"

#include <deque>
#include <string>
#include <string_view>
#include <vector>

class JsonDocument
{
public:
	/* Text that is not JSON, or is nested deeper than kMaxDepth, leaves a JSON null. */
	explicit JsonDocument(std::string_view text);
	JsonDocument(const JsonDocument &) = delete;
	JsonDocument &operator=(const JsonDocument &) = delete;

	bool good() const { return good_; }
	const cu_document &document() const { return document_; }
	const cu_json &root() const { return document_.root; }

	static constexpr std::size_t kMaxDepth = 32;

private:
	friend class JsonHandler;

	cu_text keep(std::string text);
	cu_json keep_array(std::vector<cu_json> items);
	cu_json keep_object(std::vector<std::string> keys, std::vector<cu_json> values);

	bool good_ = false;
	cu_document document_{};
	std::deque<std::string> texts_;
	std::deque<std::vector<cu_json>> items_;
	std::deque<std::vector<cu_text>> keys_;
};

/* JSON text without white space; bytes that are not UTF-8 stay as they are. */
std::string write_json(const cu_json &json);

inline std::string_view
view_text(cu_text text)
{
	return {text.data, text.size};
}
