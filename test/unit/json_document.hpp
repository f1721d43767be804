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

/* Owns the parts of cu_json trees. */
class JsonStore
{
public:
	JsonStore() = default;
	JsonStore(const JsonStore &) = delete;
	JsonStore &operator=(const JsonStore &) = delete;

	cu_json scalar(cu_json_kind kind, std::string text);
	cu_json array(std::vector<cu_json> items);
	cu_json object(std::vector<std::string> keys, std::vector<cu_json> values);

private:
	cu_text keep(std::string text);

	std::deque<std::string> texts_;
	std::deque<std::vector<cu_json>> items_;
	std::deque<std::vector<cu_text>> keys_;
};

class JsonDocument
{
public:
	/* Text that is not JSON, or is nested deeper than kMaxDepth, leaves a JSON null. */
	explicit JsonDocument(std::string_view text);

	bool good() const { return good_; }
	const cu_document &document() const { return document_; }
	const cu_json &root() const { return document_.root; }

	static constexpr std::size_t kMaxDepth = 32;

private:
	bool good_ = false;
	cu_document document_{};
	JsonStore store_;
};

/* The value of a key, or nullptr if there is none. */
const cu_json *find_member(const cu_json &object, std::string_view key);

/* JSON text without white space; bytes that are not UTF-8 stay as they are. */
std::string write_json(const cu_json &json);

inline std::string_view
view_text(cu_text text)
{
	return {text.data, text.size};
}
