/*
 * json_document.cpp - see json_document.hpp. SAX events build the tree, so that nesting costs no stack.
 */
#include "json_document.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <tuple>

namespace {

class JsonHandler : public nlohmann::json_sax<nlohmann::json>
{
public:
	explicit JsonHandler(JsonStore &store) : store_(store) { levels_.emplace_back(); }

	bool null() override { return add({}); }

	bool boolean(bool value) override
	{
		cu_json json{};
		json.kind = CU_JSON_BOOLEAN;
		json.boolean = value;
		return add(json);
	}

	bool number_integer(number_integer_t value) override { return add_text(CU_JSON_NUMBER, std::to_string(value)); }
	bool number_unsigned(number_unsigned_t value) override { return add_text(CU_JSON_NUMBER, std::to_string(value)); }
	bool number_float(number_float_t, const string_t &text) override { return add_text(CU_JSON_NUMBER, text); }
	bool string(string_t &text) override { return add_text(CU_JSON_STRING, text); }
	bool binary(binary_t &) override { return false; }

	bool key(string_t &name) override
	{
		levels_.back().keys.push_back(name);
		return true;
	}

	bool start_object(std::size_t) override { return start(); }
	bool start_array(std::size_t) override { return start(); }

	bool end_object() override
	{
		auto level = finish();
		return add(store_.object(std::move(level.keys), std::move(level.values)));
	}

	bool end_array() override { return add(store_.array(finish().values)); }

	bool parse_error(std::size_t, const std::string &, const nlohmann::detail::exception &) override { return false; }

	cu_json root() const { return levels_.front().values.front(); }
	std::size_t depth() const { return depth_; }

private:
	struct Level
	{
		std::vector<std::string> keys;
		std::vector<cu_json> values;
	};

	bool start()
	{
		levels_.emplace_back();
		depth_ = std::max(depth_, levels_.size() - 1);
		return depth_ <= JsonDocument::kMaxDepth;
	}

	Level finish()
	{
		auto level = std::move(levels_.back());
		levels_.pop_back();
		return level;
	}

	bool add(cu_json json)
	{
		levels_.back().values.push_back(json);
		return true;
	}

	bool add_text(cu_json_kind kind, std::string text) { return add(store_.scalar(kind, std::move(text))); }

	JsonStore &store_;
	std::vector<Level> levels_;
	std::size_t depth_ = 0;
};

std::string
quote(std::string_view text)
{
	std::string quoted = "\"";
	for (const char byte : text)
	{
		if (byte == '"' || byte == '\\')
			quoted += '\\';
		quoted += byte;
	}
	return quoted + '"';
}

} // namespace

JsonDocument::JsonDocument(std::string_view text)
{
	JsonHandler handler(store_);
	good_ = nlohmann::json::sax_parse(text, &handler);
	if (good_)
		document_ = {handler.root(), text.size(), handler.depth()};
}

cu_json
JsonStore::scalar(cu_json_kind kind, std::string text)
{
	cu_json json{};
	json.kind = kind;
	json.text = keep(std::move(text));
	return json;
}

cu_text
JsonStore::keep(std::string text)
{
	const auto &kept = texts_.emplace_back(std::move(text));
	return {kept.data(), kept.size()};
}

cu_json
JsonStore::array(std::vector<cu_json> items)
{
	const auto &kept = items_.emplace_back(std::move(items));
	cu_json json{};
	json.kind = CU_JSON_ARRAY;
	json.count = kept.size();
	json.items = kept.data();
	return json;
}

cu_json
JsonStore::object(std::vector<std::string> keys, std::vector<cu_json> values)
{
	std::vector<std::size_t> order(keys.size());
	std::iota(order.begin(), order.end(), 0U);
	/* In the order of jsonb; of a key that is there twice, the last counts. */
	std::sort(order.begin(), order.end(), [&keys](std::size_t a, std::size_t b) {
		return std::tuple(keys[a].size(), std::string_view(keys[a]), a) <
			   std::tuple(keys[b].size(), std::string_view(keys[b]), b);
	});

	std::vector<cu_text> kept_keys;
	std::vector<cu_json> kept_values;
	for (const auto index : order)
	{
		if (!kept_keys.empty() && view_text(kept_keys.back()) == keys[index])
		{
			kept_values.back() = values[index];
			continue;
		}
		kept_keys.push_back(keep(std::move(keys[index])));
		kept_values.push_back(values[index]);
	}
	auto json = array(std::move(kept_values));
	json.kind = CU_JSON_OBJECT;
	json.keys = keys_.emplace_back(std::move(kept_keys)).data();
	return json;
}

const cu_json *
find_member(const cu_json &object, std::string_view key)
{
	for (std::size_t i = 0; object.kind == CU_JSON_OBJECT && i < object.count; i++)
	{
		if (view_text(object.keys[i]) == key)
			return &object.items[i];
	}
	return nullptr;
}

std::string
write_json(const cu_json &json)
{
	switch (json.kind)
	{
		case CU_JSON_NULL:
			return "null";
		case CU_JSON_BOOLEAN:
			return json.boolean ? "true" : "false";
		case CU_JSON_NUMBER:
			return std::string(view_text(json.text));
		case CU_JSON_STRING:
			return quote(view_text(json.text));
		case CU_JSON_ARRAY:
		case CU_JSON_OBJECT:
			break;
	}
	const bool object = json.kind == CU_JSON_OBJECT;
	std::string text;
	for (std::size_t i = 0; i < json.count; i++)
	{
		text += i > 0 ? "," : "";
		if (object)
			text += quote(view_text(json.keys[i])) + ":";
		text += write_json(json.items[i]);
	}
	return object ? "{" + text + "}" : "[" + text + "]";
}
