/*
 * row.cpp - read_row(): builds the tree of a request, whose keys come in jsonb's order.
 */
#include "row.hpp"

#include "columns.hpp"
#include "date.hpp"
#include "json.hpp"
#include "list_cell.hpp"
#include "rejection.hpp"

#include <algorithm>

namespace contact {

namespace {

/* Object is a JSON object whose keys are added in jsonb's order. */
class Object
{
public:
	Object(Arena &arena, std::size_t capacity)
		: keys_(arena.make_vector<cu_text>(capacity)), values_(arena.make_vector<cu_json>(capacity))
	{}

	void add(std::string_view key, const cu_json &value)
	{
		keys_.push_back(to_text(key));
		values_.push_back(value);
	}

	cu_json to_json() const noexcept { return json_object(keys_, values_); }

private:
	std::pmr::vector<cu_text> &keys_;
	std::pmr::vector<cu_json> &values_;
};

constexpr std::size_t kMaxKeys = 10; /* of a request that is made here */

class RowReader
{
public:
	RowReader(Arena &arena, const cu_row_reader &reader, const cu_json *cells)
		: arena_(arena), reader_(reader), cells_(cells), request_(arena, kMaxKeys),
		  fields_(arena, reader.fields.size()), raw_(arena, reader.fields.size()),
		  hints_(arena.make_vector<cu_text>(reader.column_count))
	{
		hints_.resize(reader.column_count);
	}

	[[nodiscard]] cu_result read(cu_row &row)
	{
		const auto &options = reader_.options;
		auto result = read_fields();
		if (options.mode.size > 0)
			request_.add("mode", json_string(view(options.mode)));
		if (result == CU_OK)
			result = add_tags(CU_TARGET_TAGS);
		const auto fields = fields_.to_json();
		request_.add("fields", fields);
		add_source();
		add(CU_TARGET_STATUS,
			read_cell(CU_TARGET_STATUS, [this](const cu_json &given) { return read_status_cell(arena_, given); }));
		if (result == CU_OK)
			result = add_tags(CU_TARGET_ADD_TAGS);
		if (options.create_tags)
			request_.add("create_tags", json_boolean(true));
		if (result == CU_OK)
			result = add_tags(CU_TARGET_REMOVE_TAGS);
		add(CU_TARGET_EMAIL_ADDRESS, read_cell(CU_TARGET_EMAIL_ADDRESS, [this](const cu_json &given) {
				return read_email_cell(arena_, given);
			}));
		if (options.partial_update)
			request_.add("partial_update", json_boolean(true));
		if (result != CU_OK)
			return result;
		finish(row, fields);
		return CU_OK;
	}

private:
	bool clears_blank() const noexcept { return reader_.options.clears_blank || !reader_.options.partial_update; }

	void set_hint(std::size_t index, std::string_view hint) noexcept { hints_[index] = to_text(hint); }

	[[nodiscard]] cu_result read_fields()
	{
		for (const auto &column : reader_.fields)
		{
			if (arena_.interrupted())
				return CU_INTERRUPTED;
			const auto &given = cells_[column.index];
			Cell cell;
			const auto result = read_field_cell(arena_, column.field, reader_.format, column.separator, given, cell);
			if (result != CU_OK)
				return result;
			/* Of a field that is gone, nothing can be cleared. */
			if (!cell.value && (!clears_blank() || column.field == nullptr))
				continue;
			fields_.add(column.merge_tag, cell.value.value_or(json_null()));
			raw_.add(column.merge_tag, given);
			set_hint(column.index, cell.hint);
		}
		return CU_OK;
	}

	/* What read makes of the cell of a target; blank if there is no such column. */
	template <class Read>
	Cell read_cell(cu_target target, Read read)
	{
		const auto index = reader_.own[target];
		if (index == reader_.column_count)
			return {};
		const auto cell = read(cells_[index]);
		set_hint(index, cell.hint);
		return cell;
	}

	void add(cu_target target, const Cell &cell)
	{
		if (cell.value)
			request_.add(key_of(target), *cell.value);
	}

	[[nodiscard]] cu_result add_tags(cu_target target)
	{
		auto result = CU_OK;
		auto cell = read_cell(target, [&](const cu_json &given) {
			Cell read;
			result = read_tags_cell(arena_, *reader_.definitions, reader_.separators[target], given, read);
			return read;
		});
		const bool clears = target == CU_TARGET_TAGS && clears_blank() && reader_.own[target] != reader_.column_count;
		if (!cell.value && clears)
			cell.value = json_array({});
		add(target, cell);
		return result;
	}

	void add_source()
	{
		auto cell =
			read_cell(CU_TARGET_SOURCE, [this](const cu_json &given) { return read_source_cell(arena_, given); });
		if (!cell.value && reader_.options.source.size > 0)
			cell.value = json_string(view(reader_.options.source));
		add(CU_TARGET_SOURCE, cell);
	}

	void finish(cu_row &row, const cu_json &fields)
	{
		read_created_at(row);
		const auto root = request_.to_json();
		/* The fields are counted for themselves, so that a contact as large as one may be can be written out and read back. */
		const auto size_of_fields = json_size(fields);
		row.request = {root, std::max(size_of_fields, json_size(root) - size_of_fields), 3};
		row.cells = arena_.make(raw_.to_json());
		row.hints = hints_.data();
	}

	void read_created_at(cu_row &row)
	{
		row.created_at = {};
		row.error = nullptr;
		const auto cell = read_cell(CU_TARGET_CREATED_AT, [this](const cu_json &given) {
			return read_date_cell(arena_, reader_.format, given);
		});
		if (!cell.value)
			return;
		const auto is_date =
			cell.value->kind == CU_JSON_STRING && normalize_date(arena_, view(cell.value->text)).has_value();
		if (!is_date)
			return reject_created_at(row,
									 *cell.value,
									 "be a date or a time",
									 "Write it as 2024-02-15 or 2024-02-15T10:30:00Z is, or say date_format.");
		const auto moment = moment_of(arena_, view(cell.value->text));
		if (reader_.options.now_seconds != 0 && moment.seconds > reader_.options.now_seconds)
			return reject_created_at(row,
									 *cell.value,
									 "not be in the future",
									 "It is when the contact was created; leave it out for those that are new.");
		row.created_at = to_text(moment.text);
	}

	void reject_created_at(cu_row &row, const cu_json &given, std::string_view rule, std::string_view hint)
	{
		auto *error = arena_.make(cu_error{});
		Rejection(*error, CU_INVALID_REQUEST)
			.message({"created_at must ", rule, "."})
			.hint({hint})
			.field("created_at")
			.value(given);
		row.error = error;
	}

	Arena &arena_;
	const cu_row_reader &reader_;
	const cu_json *cells_;
	Object request_;
	Object fields_;
	Object raw_;
	std::pmr::vector<cu_text> &hints_;
};

} // namespace

cu_result
prepare_reader(Arena &arena, const cu_definitions &definitions, std::span<const cu_column> columns,
			   const cu_read_options &options, cu_row_reader &reader)
{
	auto &fields = arena.make_vector<FieldColumn>(columns.size());
	reader.definitions = &definitions;
	reader.options = options;
	reader.format = DateFormat(view(options.date_format));
	reader.column_count = columns.size();
	reader.own.fill(columns.size());
	reader.separators.fill('\0');
	for (std::size_t i = 0; i < columns.size(); i++)
	{
		if (arena.interrupted())
			return CU_INTERRUPTED;
		const auto &column = columns[i];
		const auto merge_tag = view(column.merge_tag);
		if (column.target == CU_TARGET_FIELD)
			fields.push_back({merge_tag, find_field(definitions, merge_tag), column.separator, i});
		else if (column.target < CU_TARGET_COUNT)
		{
			reader.own[column.target] = i;
			reader.separators[column.target] = column.separator;
		}
	}
	std::ranges::sort(fields, jsonb_less, &FieldColumn::merge_tag);
	const bool twice = std::ranges::adjacent_find(fields, {}, &FieldColumn::merge_tag) != fields.end();
	reader.fields = fields;
	const bool is_good = !reader.format.is_given() || DateFormat::problem_of(reader.format.text()).empty();
	return is_good && !twice ? CU_OK : CU_INTERNAL_ERROR;
}

cu_result
read_row(Arena &arena, const cu_row_reader &reader, const cu_json *cells, cu_row &row)
{
	return RowReader(arena, reader, cells).read(row);
}

} // namespace contact
