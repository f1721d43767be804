/*
 * raw_json.cpp - see raw_json.hpp.
 */
#include "raw_json.hpp"

#include <algorithm>
#include <iterator>

namespace {

constexpr const char *kKeys[] = {
	"email_address", "fields", "tags",		 "status", "partial_update", "add_tags",	  "remove_tags", "create_tags",
	"resubscribe",	 "mode",   "if_version", "source", "evidence",		 "partialUpdate", "first_name",	 "last_name",
	"age",			 "active", "birthday",	 "plan",   "topics",		 "country",		  "data",
};

constexpr const char *kTexts[] = {
	"a@b",
	"SUBSCRIBED",
	"UNCONFIRMED",
	"CLEANED",
	"vip",
	"Pro",
	"News,Jobs",
	"2024-02-15T10:30:00Z",
	"de",
	"1.50",
	"true",
	" ",
	"12",
	"1e131000",
	" Pro ",
	"a\uFF20b",
};

} // namespace

cu_json
RawJson::document()
{
	auto contact = value(1);
	return store_.object({"contact", "request"}, {contact, value(1)});
}

cu_json
RawJson::value(std::size_t depth)
{
	const auto kind = take() % 9;
	switch (kind)
	{
		case 1:
		case 2:
			return boolean(kind == 1);
		case 3:
			return store_.scalar(CU_JSON_NUMBER, text());
		case 4:
			return store_.scalar(CU_JSON_STRING, text());
		case 5:
			return store_.scalar(CU_JSON_STRING, kTexts[take() % std::size(kTexts)]);
		case 6:
			return depth < kMaxDepth ? array(depth) : cu_json{};
		case 7:
		case 8:
			return depth < kMaxDepth ? object(depth) : cu_json{};
		default:
			return {};
	}
}

cu_json
RawJson::array(std::size_t depth)
{
	std::vector<cu_json> items;
	for (auto count = take() % 8; count > 0; count--)
		items.push_back(value(depth + 1));
	return store_.array(std::move(items));
}

cu_json
RawJson::object(std::size_t depth)
{
	std::vector<std::string> keys;
	std::vector<cu_json> values;
	for (auto count = take() % 12; count > 0; count--)
	{
		keys.push_back(key());
		values.push_back(value(depth + 1));
	}
	return store_.object(std::move(keys), std::move(values));
}

cu_json
RawJson::boolean(bool value)
{
	cu_json json{};
	json.kind = CU_JSON_BOOLEAN;
	json.boolean = value;
	return json;
}

std::string
RawJson::text()
{
	const auto size = std::min<std::size_t>(take(), bytes_.size());
	const std::string text(bytes_.substr(0, size));
	bytes_.remove_prefix(size);
	return text;
}

std::string
RawJson::key()
{
	const auto index = take() % (std::size(kKeys) + 1);
	return index < std::size(kKeys) ? kKeys[index] : text();
}

unsigned
RawJson::take()
{
	if (bytes_.empty())
		return 0;
	const auto byte = static_cast<unsigned char>(bytes_[0]);
	bytes_.remove_prefix(1);
	return byte;
}
