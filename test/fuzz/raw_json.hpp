/*
 * raw_json.hpp - trees from arbitrary bytes: what JSON text cannot express, such as text that is not UTF-8.
 *
 * Each node takes a byte for its kind, and more for what is in it; where the bytes end, nodes are null. Keys come from
 * the vocabulary of requests or from the bytes, and are sorted as the ABI demands.
 */
#pragma once

#include "json_document.hpp"

class RawJson
{
public:
	explicit RawJson(std::string_view bytes) : bytes_(bytes), root_(document()) {}

	/* {"contact": .., "request": ..} */
	const cu_json &root() const { return root_; }

private:
	static constexpr std::size_t kMaxDepth = 10;

	cu_json document();
	cu_json value(std::size_t depth);
	cu_json array(std::size_t depth);
	cu_json object(std::size_t depth);
	cu_json boolean(bool value);
	std::string text();
	std::string key();
	unsigned take();

	JsonStore store_;
	std::string_view bytes_;
	cu_json root_;
};
